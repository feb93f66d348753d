/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shared object in another process, read out of that process's memory.
 *
 * Its file may have been replaced or removed since, or lie in another mount namespace; the memory
 * is what runs. Nothing that is read there is trusted: every offset and count is bounded. x86-64
 * objects only. Owns nothing that outlives a call; changes nothing; needs the rights to trace the
 * process. [gABI: ELF header, program header, dynamic section, symbol table; GNU hash table]
 */
#ifndef RPCFW_SAMBA_MANAGER_REMOTE_IMAGE_H
#define RPCFW_SAMBA_MANAGER_REMOTE_IMAGE_H

#include "samba/manager/process_maps.h"

struct remote_image {
    pid_t pid;
    uint64_t base;       /* where the ELF header is */
    uint64_t code_start; /* the first mapping that may be executed */
    uint64_t code_end;
    bool deleted;
    char path[PATH_MAX]; /* as the process sees it */
};

/* Finds the first object whose file's name matches the pattern of fnmatch(3). False: there is none.
 */
bool remote_image_find(pid_t pid, const char *file_name, struct remote_image *image);

/* The address of an exported function or object, 0 when it has none of that name. */
uint64_t remote_image_symbol(const struct remote_image *image, const char *name);

/* The address of the first such bytes in its code, 0 when they are not there. `size` at most 64. */
uint64_t remote_image_code(const struct remote_image *image, const void *bytes, size_t size);

/* Copies memory; false unless all of it could be read. */
bool remote_read(pid_t pid, uint64_t address, void *bytes, size_t size);

#endif
