/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Owner root and nothing for anybody else. */
static bool is_roots_alone(const struct stat *status)
{
    return status->st_uid == 0 && (status->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

/* Makes the directory, with its mode whatever the umask is. 0, also when it is there, or -errno. */
static int make_directory(void)
{
    if (mkdir(STATE_DIRECTORY, STATE_DIRECTORY_MODE) == 0)
        return 0;
    return errno == EEXIST ? 0 : -errno;
}

int state_directory_open(bool create)
{
    struct stat status;
    int error = create ? make_directory() : 0;
    if (error < 0)
        return error;
    int directory = open(STATE_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
    if (fstat(directory, &status) != 0) {
        error = -errno;
        close(directory);
        return error;
    }
    if (!is_roots_alone(&status)) {
        close(directory);
        return -EPERM;
    }
    return directory;
}

static int map(int file, size_t least, bool writable, struct state_mapping *mapping)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || !is_roots_alone(&status))
        return -EPERM;
    if (status.st_size <= 0 || (uint64_t)status.st_size < least ||
        (uint64_t)status.st_size > SIZE_MAX)
        return -EINVAL;
    size_t size = (size_t)status.st_size;
    void *bytes =
        mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    *mapping = (struct state_mapping){.bytes = bytes, .size = size};
    return 0;
}

int state_file_map(int directory, const char *name, size_t least, bool writable,
                   struct state_mapping *mapping)
{
    /* O_NONBLOCK: a pipe in its place must not hold us up. */
    int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    *mapping = (struct state_mapping){.bytes = NULL, .size = 0};
    int file = openat(directory, name, flags | (writable ? O_RDWR : O_RDONLY));
    if (file < 0)
        return errno == ELOOP || errno == ENXIO ? -EPERM : -errno;
    int error = map(file, least, writable, mapping);
    close(file);
    return error;
}

void state_file_unmap(struct state_mapping *mapping)
{
    if (mapping->bytes)
        munmap(mapping->bytes, mapping->size);
    *mapping = (struct state_mapping){.bytes = NULL, .size = 0};
}

static int write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Everything that can fail later is done while the file has no name. */
static int fill(int file, mode_t mode, size_t size, const void *bytes, size_t length)
{
    if (length > size || size > INT64_MAX)
        return -EINVAL;
    if (fchmod(file, mode) != 0)
        return -errno;
    int error = posix_fallocate(file, 0, (off_t)size);
    return error ? -error : write_all(file, bytes, length);
}

static int give_name(int file, int directory, const char *name)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    /* Without CAP_DAC_READ_SEARCH only the way through /proc works, and without /proc the other. */
    if (linkat(file, "", directory, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno == EEXIST)
        return -EEXIST;
    return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

int state_file_create(int directory, const char *name, mode_t mode, size_t size, const void *bytes,
                      size_t length)
{
    struct stat status;
    /* Not to reserve megabytes for nothing. */
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    int file = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0)
        return -errno;
    int error = fill(file, mode, size, bytes, length);
    if (error == 0)
        error = give_name(file, directory, name);
    close(file);
    return error;
}

int state_file_map_or_create(int directory, const char *name, size_t size, const void *header,
                             size_t header_size, bool writable, struct state_mapping *mapping)
{
    int error = state_file_map(directory, name, header_size, writable, mapping);
    if (error != -ENOENT)
        return error;
    error = state_file_create(directory, name, S_IRUSR | S_IWUSR, size, header, header_size);
    if (error < 0 && error != -EEXIST)
        return error;
    return state_file_map(directory, name, header_size, writable, mapping);
}
