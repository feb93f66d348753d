/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The slots through which a library of this process calls functions of others.
 *
 * Each is one pointer of the library's global offset table, written by the loader; replacing it is
 * one store of eight bytes, so that a call sees the old function or the new one. No disassembly, no
 * code is changed. Called when the agent attaches or detaches, never while a call is judged.
 */
#ifndef RPCFW_SAMBA_IMPORT_SLOTS_H
#define RPCFW_SAMBA_IMPORT_SLOTS_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A loaded library; all pointers are the loader's. */
struct loaded_library {
    const char *path;
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * relocations[2]; /* those of the PLT first */
    size_t relocation_count[2];
    const ElfW(Verneed) * needed_versions; /* NULL: none */
    uintptr_t base;
    uintptr_t relro_first; /* read-only after relocation: whole pages */
    uintptr_t relro_end;
};

/* The library whose soname is `soname`; false when the process has none. */
bool loaded_library_find(const char *soname, struct loaded_library *library);

/* The same for the library that `address` lies in, whatever its name. False also for the program
 * itself and for the kernel's vdso. */
bool loaded_library_of(const void *address, struct loaded_library *library);

/* Calls `visit` for the name of each symbol version that the library needs, until it returns true.
 */
void loaded_library_versions(const struct loaded_library *library,
                             bool (*visit)(const char *name, void *argument), void *argument);

/* The slot of a function, or NULL when the library does not import it. */
void **import_slot_find(const struct loaded_library *library, const char *symbol);

/*
 * Puts `value` into a slot that holds `expected`. 0, or -errno of mprotect(); -EBUSY: it holds
 * something else, and is left alone.
 */
int import_slot_replace(const struct loaded_library *library, void **slot, void *expected,
                        void *value);

#endif
