/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/import_slots.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#define RELOCATION_SLOT   R_X86_64_JUMP_SLOT
#define RELOCATION_GLOBAL R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define RELOCATION_SLOT   R_AARCH64_JUMP_SLOT
#define RELOCATION_GLOBAL R_AARCH64_GLOB_DAT
#else
#error "the relocations of this machine are not known here"
#endif

struct search {
    const char *soname; /* NULL: any, and the address counts */
    uintptr_t address;
    struct loaded_library *library;
};

static uintptr_t page_size(void)
{
    return (uintptr_t)sysconf(_SC_PAGESIZE);
}

static void read_relro(struct loaded_library *library, const ElfW(Phdr) * header)
{
    uintptr_t first = library->base + header->p_vaddr;

    library->relro_first = first & ~(page_size() - 1);
    library->relro_end = (first + header->p_memsz) & ~(page_size() - 1);
}

/* The loader has written addresses in place of offsets, but not for every tag and not everywhere.
 */
static const void *address_of(const struct loaded_library *library, const ElfW(Dyn) * entry)
{
    uintptr_t value = entry->d_un.d_ptr;

    return (const void *)(value < library->base ? library->base + value : value);
}

static void read_dynamic(struct loaded_library *library, const ElfW(Dyn) * entry,
                         ElfW(Xword) * soname)
{
    size_t sizes[2] = {0, 0};

    for (; entry->d_tag != DT_NULL; entry++) {
        const void *at = address_of(library, entry);
        switch (entry->d_tag) {
        case DT_SYMTAB:
            library->symbols = at;
            break;
        case DT_STRTAB:
            library->strings = at;
            break;
        case DT_JMPREL:
            library->relocations[0] = at;
            break;
        case DT_PLTRELSZ:
            sizes[0] = entry->d_un.d_val;
            break;
        case DT_RELA:
            library->relocations[1] = at;
            break;
        case DT_RELASZ:
            sizes[1] = entry->d_un.d_val;
            break;
        case DT_VERNEED:
            library->needed_versions = at;
            break;
        case DT_SONAME:
            *soname = entry->d_un.d_val;
            break;
        default:
            break;
        }
    }
    for (int i = 0; i < 2; i++)
        library->relocation_count[i] = library->relocations[i] ? sizes[i] / sizeof(ElfW(Rela)) : 0;
}

/* The kernel's vdso has a dynamic section whose addresses nobody relocated: only files are read. */
static bool may_be(const char *path, const char *soname)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *dot = strstr(soname, ".so");

    return slash && dot && strncmp(slash + 1, soname, (size_t)(dot - soname)) == 0;
}

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t first = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && address >= first && address - first < header->p_memsz)
            return info->dlpi_name && strchr(info->dlpi_name, '/');
    }
    return false;
}

static bool is_candidate(const struct dl_phdr_info *info, const struct search *search)
{
    return search->soname ? may_be(info->dlpi_name, search->soname) : holds(info, search->address);
}

static int look_at(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct search *search = argument;
    struct loaded_library found = {.path = info->dlpi_name, .base = info->dlpi_addr};
    const ElfW(Dyn) *dynamic = NULL;
    ElfW(Xword) soname = 0;

    (void)size;
    if (!is_candidate(info, search))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)(found.base + header->p_vaddr);
        if (header->p_type == PT_GNU_RELRO)
            read_relro(&found, header);
    }
    if (!dynamic)
        return 0;
    read_dynamic(&found, dynamic, &soname);
    if (!found.symbols || !found.strings ||
        (search->soname && strcmp(found.strings + soname, search->soname) != 0))
        return 0;
    *search->library = found;
    return 1;
}

bool loaded_library_find(const char *soname, struct loaded_library *library)
{
    struct search search = {.soname = soname, .library = library};

    return dl_iterate_phdr(look_at, &search) == 1;
}

bool loaded_library_of(const void *address, struct loaded_library *library)
{
    struct search search = {.address = (uintptr_t)address, .library = library};

    return dl_iterate_phdr(look_at, &search) == 1;
}

void loaded_library_versions(const struct loaded_library *library,
                             bool (*visit)(const char *name, void *argument), void *argument)
{
    const char *file = (const char *)library->needed_versions;

    while (file) {
        const ElfW(Verneed) *needed = (const ElfW(Verneed) *)file;
        const char *version = file + needed->vn_aux;
        for (unsigned i = 0; i < needed->vn_cnt; i++) {
            const ElfW(Vernaux) *aux = (const ElfW(Vernaux) *)version;
            if (visit(library->strings + aux->vna_name, argument))
                return;
            version += aux->vna_next;
        }
        file = needed->vn_next ? file + needed->vn_next : NULL;
    }
}

void **import_slot_find(const struct loaded_library *library, const char *symbol)
{
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; i < library->relocation_count[table]; i++) {
            const ElfW(Rela) *entry = &library->relocations[table][i];
            const ElfW(Sym) *named = &library->symbols[ELF64_R_SYM(entry->r_info)];
            unsigned long type = ELF64_R_TYPE(entry->r_info);
            if ((type == RELOCATION_SLOT || type == RELOCATION_GLOBAL) &&
                strcmp(library->strings + named->st_name, symbol) == 0)
                return (void **)(library->base + entry->r_offset);
        }
    }
    return NULL;
}

int import_slot_replace(const struct loaded_library *library, void **slot, void *expected,
                        void *value)
{
    uintptr_t page = (uintptr_t)slot & ~(page_size() - 1);
    bool read_only = page >= library->relro_first && page < library->relro_end;
    int error = 0;

    if (__atomic_load_n(slot, __ATOMIC_ACQUIRE) != expected)
        return -EBUSY;
    if (read_only && mprotect((void *)page, page_size(), PROT_READ | PROT_WRITE))
        return -errno;
    if (!__atomic_compare_exchange_n(slot, &expected, value, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        error = -EBUSY;
    /* Failing to make the page read-only again costs a safety net, not the protection. */
    if (read_only)
        (void)mprotect((void *)page, page_size(), PROT_READ);
    return error;
}
