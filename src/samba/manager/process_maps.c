/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/process_maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELETED " (deleted)"

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "7f00-7f10 r-xp 00001000 fd:01 1234    /lib/x.so"; false: no file, or not as the kernel writes.
 */
static bool read_range(char *line, struct mapped_range *range)
{
    char *at = line;
    char *path = strchr(line, '/');
    if (!path) {
        return false;
    }
    range->start = strtoull(at, &at, 16);
    range->end = strtoull(at + (*at == '-'), &at, 16);
    if (strlen(at) < sizeof(" r-xp ")) {
        return false;
    }
    range->executable = at[3] == 'x';
    range->offset = strtoull(at + sizeof(" r-xp"), &at, 16);
    uint64_t major = strtoull(at, &at, 16);
    range->device = major << 32 | strtoull(at + (*at == ':'), &at, 16);
    range->inode = strtoull(at, &at, 10);
    path[strcspn(path, "\n")] = '\0';
    size_t length = strlen(path);
    range->deleted =
        length > strlen(DELETED) && strcmp(path + length - strlen(DELETED), DELETED) == 0;
    if (range->deleted) {
        length -= strlen(DELETED);
    }
    if (path < at || length >= sizeof(range->path)) {
        return false;
    }
    memcpy(range->path, path, length);
    range->path[length] = '\0';
    return true;
}

int process_maps_walk(pid_t pid, mapped_range_visit visit, void *context)
{
    char name[40];
    snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(name, "re");
    if (!maps) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    char *line = NULL;
    size_t room = 0;
    struct mapped_range range;
    bool more = true;
    while (more && getline(&line, &room, maps) > 0) {
        if (read_range(line, &range)) {
            more = visit(&range, context);
        }
    }
    int error = ferror(maps) ? -EIO : 0;
    free(line);
    fclose(maps);
    return error;
}
