/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a test preloads into the service: kills it in the RPCFW_DIE_WRITE-th write to the audit
 * file, when half of the bytes are written, or with RPCFW_DIE_WHOLE all of them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_audit_file(int file)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, "audit.jsonl") != NULL;
}

ssize_t write(int file, const void *bytes, size_t length)
{
    static long writes;
    const char *number = getenv("RPCFW_DIE_WRITE");
    if (!number || !is_audit_file(file) || ++writes != strtol(number, NULL, 10))
        return syscall(SYS_write, file, bytes, length);
    syscall(SYS_write, file, bytes, getenv("RPCFW_DIE_WHOLE") ? length : length / 2);
    raise(SIGKILL);
    return -1;
}
