/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/remote_image.h"

#include <elf.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* More than any real object has; they bound what a broken one can cost. */
#define PROGRAM_HEADERS_MAX 64
#define DYNAMIC_MAX         256
#define CHAIN_MAX           65536u
#define SYMBOL_NAME_MAX     64
#define PATTERN_MAX         64

bool remote_read(pid_t pid, uint64_t address, void *bytes, size_t size)
{
    struct iovec here = {bytes, size};
    struct iovec there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* ---- Finding it ---- */

struct search {
    const char *file_name;
    struct remote_image *image;
    uint64_t device;
    uint64_t inode;
    bool found; /* its header; its code follows */
};

static bool look_at(const struct mapped_range *range, void *context)
{
    struct search *search = context;
    struct remote_image *image = search->image;
    if (search->found && range->device == search->device && range->inode == search->inode &&
        range->executable) {
        image->code_start = range->start;
        image->code_end = range->end;
        return false;
    }
    if (range->offset == 0 && fnmatch(search->file_name, path_name(range->path), 0) == 0) {
        search->found = true;
        search->device = range->device;
        search->inode = range->inode;
        image->base = range->start;
        image->deleted = range->deleted;
        snprintf(image->path, sizeof(image->path), "%s", range->path);
    }
    return true;
}

bool remote_image_find(pid_t pid, const char *file_name, struct remote_image *image)
{
    struct search search = {.file_name = file_name, .image = image};
    *image = (struct remote_image){.pid = pid};
    return process_maps_walk(pid, look_at, &search) == 0 && image->code_start;
}

/* ---- Symbols ---- */

struct symbol_tables {
    uint64_t symbols;
    uint64_t strings;
    uint64_t string_size;
    uint64_t gnu_hash;
};

/* glibc adds the base to the addresses of a dynamic section that it may write, others do not. */
static uint64_t relocated(const struct remote_image *image, uint64_t address)
{
    return address && address < image->base ? address + image->base : address;
}

static bool find_dynamic(const struct remote_image *image, uint64_t *address)
{
    Elf64_Ehdr header = {0};
    Elf64_Phdr program[PROGRAM_HEADERS_MAX];
    if (!remote_read(image->pid, image->base, &header, sizeof(header)) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_machine != EM_X86_64 || header.e_phentsize != sizeof(program[0]) ||
        header.e_phnum > PROGRAM_HEADERS_MAX ||
        !remote_read(image->pid, image->base + header.e_phoff, program,
                     header.e_phnum * sizeof(program[0]))) {
        return false;
    }
    uint64_t lowest = 0;
    bool loaded = false;
    const Elf64_Phdr *dynamic = NULL;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (program[i].p_type == PT_LOAD && !loaded) {
            lowest = program[i].p_vaddr & ~4095ull;
            loaded = true;
        }
        dynamic = program[i].p_type == PT_DYNAMIC ? &program[i] : dynamic;
    }
    *address = dynamic ? image->base + dynamic->p_vaddr - lowest : 0;
    return dynamic && loaded;
}

static bool find_tables(const struct remote_image *image, struct symbol_tables *tables)
{
    uint64_t address;
    *tables = (struct symbol_tables){0};
    if (!find_dynamic(image, &address)) {
        return false;
    }
    for (unsigned i = 0; i < DYNAMIC_MAX; i++) {
        Elf64_Dyn entry = {0};
        if (!remote_read(image->pid, address + i * sizeof(entry), &entry, sizeof(entry)) ||
            entry.d_tag == DT_NULL) {
            break;
        }
        switch (entry.d_tag) {
        case DT_SYMTAB:
            tables->symbols = relocated(image, entry.d_un.d_ptr);
            break;
        case DT_STRTAB:
            tables->strings = relocated(image, entry.d_un.d_ptr);
            break;
        case DT_STRSZ:
            tables->string_size = entry.d_un.d_val;
            break;
        case DT_GNU_HASH:
            tables->gnu_hash = relocated(image, entry.d_un.d_ptr);
            break;
        default:
            break;
        }
    }
    return tables->symbols && tables->strings && tables->gnu_hash;
}

static uint32_t gnu_hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++) {
        hash = hash * 33 + (unsigned char)*name;
    }
    return hash;
}

/* Whether symbol number `index` is defined here under that name; *address is where. */
static bool is_symbol(const struct remote_image *image, const struct symbol_tables *tables,
                      uint32_t index, const char *name, uint64_t *address)
{
    Elf64_Sym symbol = {0};
    char text[SYMBOL_NAME_MAX] = {0};
    size_t size = strlen(name) + 1;
    if (!remote_read(image->pid, tables->symbols + (uint64_t)index * sizeof(symbol), &symbol,
                     sizeof(symbol)) ||
        symbol.st_shndx == SHN_UNDEF || size > sizeof(text) ||
        symbol.st_name > tables->string_size || tables->string_size - symbol.st_name < size ||
        !remote_read(image->pid, tables->strings + symbol.st_name, text, size) ||
        memcmp(text, name, size) != 0) {
        return false;
    }
    unsigned type = ELF64_ST_TYPE(symbol.st_info);
    *address = image->base + symbol.st_value;
    return type == STT_FUNC || type == STT_OBJECT;
}

uint64_t remote_image_symbol(const struct remote_image *image, const char *name)
{
    struct symbol_tables tables;
    struct {
        uint32_t buckets, first, bloom_words, bloom_shift;
    } head = {0};
    uint32_t hash = gnu_hash_of(name);
    uint32_t index = 0;
    uint64_t address;
    if (!find_tables(image, &tables) ||
        !remote_read(image->pid, tables.gnu_hash, &head, sizeof(head)) || !head.buckets) {
        return 0;
    }
    uint64_t buckets = tables.gnu_hash + sizeof(head) + head.bloom_words * sizeof(uint64_t);
    uint64_t chains = buckets + (uint64_t)head.buckets * sizeof(uint32_t);
    if (!remote_read(image->pid, buckets + (hash % head.buckets) * sizeof(uint32_t), &index,
                     sizeof(index)) ||
        index < head.first) {
        return 0;
    }
    for (uint32_t steps = 0; steps < CHAIN_MAX; steps++, index++) {
        uint32_t link = 0;
        if (!remote_read(image->pid, chains + (uint64_t)(index - head.first) * sizeof(link), &link,
                         sizeof(link))) {
            return 0;
        }
        if ((link | 1) == (hash | 1) && is_symbol(image, &tables, index, name, &address)) {
            return address;
        }
        if (link & 1) {
            return 0;
        }
    }
    return 0;
}

/* ---- Code ---- */

uint64_t remote_image_code(const struct remote_image *image, const void *bytes, size_t size)
{
    unsigned char window[4096 + PATTERN_MAX];
    if (!size || size > PATTERN_MAX) {
        return 0;
    }
    /* Windows overlap by one pattern, so that none is missed at an edge. */
    for (uint64_t at = image->code_start; at + size <= image->code_end; at += 4096) {
        uint64_t left = image->code_end - at;
        size_t length = left < sizeof(window) ? (size_t)left : sizeof(window);
        if (!remote_read(image->pid, at, window, length)) {
            return 0;
        }
        const unsigned char *found = memmem(window, length, bytes, size);
        if (found) {
            return at + (uint64_t)(found - window);
        }
    }
    return 0;
}
