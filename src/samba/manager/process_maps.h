/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What files a process has mapped, out of /proc/PID/maps.
 *
 * Owns nothing that outlives a call. Called by the manager and the service on one thread; reads and
 * changes nothing. The process may end or change at any time: what is told is what was.
 */
#ifndef RPCFW_SAMBA_MANAGER_PROCESS_MAPS_H
#define RPCFW_SAMBA_MANAGER_PROCESS_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One mapping of a file. Addresses and `offset` are bytes, `end` is the first one behind. */
struct mapped_range {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    uint64_t device; /* major number << 32 | minor number */
    uint64_t inode;
    bool executable;
    bool deleted; /* the file is gone or was replaced */
    char path[PATH_MAX];
};

/* Returns false to end the walk. */
typedef bool (*mapped_range_visit)(const struct mapped_range *range, void *context);

/* Shows every mapping of a file, in the order of addresses. 0, or -errno when the text cannot be
 * read; -ESRCH: there is no such process. */
int process_maps_walk(pid_t pid, mapped_range_visit visit, void *context);

/* The file's name in a path. */
const char *path_name(const char *path);

#endif
