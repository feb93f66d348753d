/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/preload_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "LD_PRELOAD"

/* What the loader splits the list at. */
#define SEPARATORS ": "

/* Where `path` stands in the list as a whole entry, or NULL. */
static const char *find(const char *list, const char *path)
{
    size_t length = strlen(path);

    while (list) {
        list += strspn(list, SEPARATORS);
        size_t size = strcspn(list, SEPARATORS);
        if (size == 0)
            return NULL;
        if (size == length && memcmp(list, path, length) == 0)
            return list;
        list += size;
    }
    return NULL;
}

bool preload_list_has(const char *path)
{
    return find(getenv(VARIABLE), path) != NULL;
}

bool preload_list_add(const char *path)
{
    const char *list = getenv(VARIABLE);
    char *longer = NULL;
    bool good;

    if (!path[0] || path[strcspn(path, SEPARATORS)])
        return false;
    if (find(list, path))
        return true;
    if (!list || !list[0])
        return setenv(VARIABLE, path, 1) == 0;
    if (asprintf(&longer, "%s:%s", list, path) < 0)
        return false;
    good = setenv(VARIABLE, longer, 1) == 0;
    free(longer);
    return good;
}

void preload_list_remove(const char *path)
{
    const char *list = getenv(VARIABLE);
    const char *entry = find(list, path);
    char *shorter;

    if (!entry)
        return;
    shorter = strdup(list);
    if (!shorter)
        return;
    char *to = shorter + (entry - list);
    const char *rest = entry + strlen(path);
    rest += strspn(rest, SEPARATORS);
    memmove(to, shorter + (rest - list), strlen(rest) + 1);
    /* The last entry leaves the separator before it. */
    for (size_t end = strlen(shorter); end && strchr(SEPARATORS, shorter[end - 1]);)
        shorter[--end] = '\0';
    if (shorter[0])
        setenv(VARIABLE, shorter, 1);
    else
        unsetenv(VARIABLE);
    free(shorter);
}
