/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int file, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t written = write(file, at, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            at += written;
            size -= (size_t)written;
        }
    }
    return true;
}

void whole_file_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
}

int whole_file_write(const char *path, const void *bytes, size_t size, mode_t mode)
{
    char beside[PATH_MAX];
    snprintf(beside, sizeof(beside), "%s" WHOLE_FILE_NEW_SUFFIX, path);
    unlink(beside);
    int file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return -errno;
    }
    bool good = write_all(file, bytes, size) && fchmod(file, mode) == 0 && fsync(file) == 0;
    int error = good ? 0 : -errno;
    close(file);
    if (good && rename(beside, path) != 0) {
        error = -errno;
    }
    if (error) {
        unlink(beside);
    } else {
        whole_file_sync_folder(path);
    }
    return error;
}

void whole_file_remove_unfinished(const char *path)
{
    char beside[PATH_MAX + sizeof(WHOLE_FILE_NEW_SUFFIX)];
    snprintf(beside, sizeof(beside), "%s" WHOLE_FILE_NEW_SUFFIX, path);
    unlink(beside);
}
