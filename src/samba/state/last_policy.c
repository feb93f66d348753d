/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/last_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/image.h"

#define FILE_NAME "last-policy"
#define NEW_NAME  "last-policy.new"

static int open_directory(bool create)
{
    if (create && mkdir(LAST_POLICY_DIRECTORY, 0700) != 0 && errno != EEXIST)
        return -errno;
    int directory = open(LAST_POLICY_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return directory < 0 ? -errno : directory;
}

static int write_all(int file, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(file, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        at += written;
        size -= (size_t)written;
    }
    return fsync(file) == 0 ? 0 : -errno;
}

/* What an earlier writer left behind half written is in the way, and nobody else's. */
static int write_new(int directory, const void *image, size_t size)
{
    if (unlinkat(directory, NEW_NAME, 0) != 0 && errno != ENOENT)
        return -errno;
    int file = openat(directory, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      S_IRUSR | S_IWUSR);
    if (file < 0)
        return -errno;
    int error = write_all(file, image, size);
    if (close(file) != 0 && !error)
        error = -errno;
    return error;
}

int last_policy_save(const void *image, size_t size)
{
    int directory = open_directory(true);
    if (directory < 0)
        return directory;
    int error = write_new(directory, image, size);
    if (!error && renameat(directory, NEW_NAME, directory, FILE_NAME) != 0)
        error = -errno;
    if (error)
        unlinkat(directory, NEW_NAME, 0);
    else
        fsync(directory);
    close(directory);
    return error;
}

int last_policy_map(struct state_mapping *mapping)
{
    int directory = open_directory(false);
    if (directory < 0)
        return directory;
    int error = state_file_map(directory, FILE_NAME, sizeof(struct policy_image), false, mapping);
    close(directory);
    if (!error && image_validate(mapping->bytes, mapping->size) != IMAGE_OK) {
        state_file_unmap(mapping);
        error = -EPROTO;
    }
    return error;
}

void last_policy_remove(void)
{
    int directory = open_directory(false);
    if (directory < 0)
        return;
    unlinkat(directory, FILE_NAME, 0);
    unlinkat(directory, NEW_NAME, 0);
    close(directory);
}
