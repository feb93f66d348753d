/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_SIZE 65536

void audit_file_init(struct audit_file *file)
{
    *file = (struct audit_file){.file = -1, .failed = ""};
}

void audit_file_close(struct audit_file *file)
{
    if (file->file >= 0)
        close(file->file);
    file->file = -1;
}

int audit_file_set_path(struct audit_file *file, const char *path)
{
    if (!path)
        path = AUDIT_FILE;
    if (strcmp(file->path, path) == 0)
        return 0;
    if (strlen(path) >= sizeof(file->path))
        return -ENAMETOOLONG;
    audit_file_close(file);
    memcpy(file->path, path, strlen(path) + 1);
    return 0;
}

/* ---- Opening ---- */

static int fail(struct audit_file *file, const char *failed, int error)
{
    file->failed = failed;
    return -error;
}

/* To the group of those who read logs, where there is one; otherwise root's alone. */
static void give_to_readers(int file)
{
    const struct group *group = getgrnam(AUDIT_GROUP);
    /* Without the group the mode gives nothing away: root's own group has it. */
    if (group && fchown(file, 0, group->gr_gid) != 0)
        return;
}

/* Only the default directory: another path is the administrator's. */
static void make_default_directory(const char *path)
{
    if (strcmp(path, AUDIT_FILE) != 0 || mkdir(AUDIT_DIRECTORY, 0700) != 0)
        return;
    int directory = open(AUDIT_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return;
    give_to_readers(directory);
    if (fchmod(directory, AUDIT_DIRECTORY_MODE) != 0)
        chmod(AUDIT_DIRECTORY, 0700);
    close(directory);
}

/* A descriptor, or -1 and errno. */
static int open_or_create(const char *path)
{
    /* O_NONBLOCK: not to wait for the other end of a pipe. Reading: for audit_file_recover(). */
    int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int file = open(path, flags);
    if (file >= 0 || errno != ENOENT)
        return file;
    file = open(path, flags | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file < 0)
        return -1;
    give_to_readers(file);
    if (fchmod(file, AUDIT_FILE_MODE) == 0)
        return file;
    close(file);
    return -1;
}

/* What nobody but root can alter, nor reach by another name: NULL, or what is wrong with it. */
static const char *find_fault(const struct stat *status)
{
    if (!S_ISREG(status->st_mode))
        return "is no plain file:";
    if (status->st_uid != 0 || (status->st_mode & (S_IWGRP | S_IWOTH)))
        return "may be changed by others than root:";
    return status->st_nlink > 1 ? "has other names:" : NULL;
}

/* The file that is open may have been renamed or removed, or given away. */
static bool is_in_place(const struct audit_file *file)
{
    struct stat status;
    return file->file >= 0 && lstat(file->path, &status) == 0 && status.st_dev == file->device &&
           status.st_ino == file->inode && !find_fault(&status);
}

static int check_open_file(struct audit_file *file)
{
    struct stat status;
    if (fstat(file->file, &status) != 0)
        return fail(file, "cannot open", errno);
    const char *fault = find_fault(&status);
    if (fault)
        return fail(file, fault, S_ISREG(status.st_mode) ? EPERM : ENOTSUP);
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return 0;
}

int audit_file_open(struct audit_file *file)
{
    if (is_in_place(file))
        return 0;
    audit_file_close(file);
    file->file = open_or_create(file->path);
    if (file->file < 0 && errno == ENOENT) {
        make_default_directory(file->path);
        file->file = open_or_create(file->path);
    }
    if (file->file < 0)
        return errno == ELOOP || errno == ENXIO ? fail(file, "is no plain file:", ENOTSUP)
                                                : fail(file, "cannot open", errno);
    int error = check_open_file(file);
    if (error < 0)
        audit_file_close(file);
    return error;
}

/* ---- Writing ---- */

/* A line that somebody else left unfinished must not swallow ours. */
static int end_last_line(struct audit_file *file, off_t *size)
{
    char last = '\n';
    if (*size > 0 && pread(file->file, &last, 1, *size - 1) != 1)
        return fail(file, "cannot read", errno);
    if (last == '\n')
        return 0;
    if (write(file->file, "\n", 1) != 1)
        return fail(file, "cannot write", errno);
    *size += 1;
    return 0;
}

int audit_file_place(struct audit_file *file, struct pending_write *pending)
{
    struct stat status;
    if (fstat(file->file, &status) != 0)
        return fail(file, "cannot read", errno);
    int error = end_last_line(file, &status.st_size);
    if (error < 0)
        return error;
    pending->device = file->device;
    pending->inode = file->inode;
    pending->offset = (uint64_t)status.st_size;
    return 0;
}

/* Bytes up to and with the last line feed. */
static size_t whole_lines(const char *lines, size_t length)
{
    const char *feed = memrchr(lines, '\n', length);
    return feed ? (size_t)(feed - lines) + 1 : 0;
}

int audit_file_append(struct audit_file *file, const char *lines, size_t length, size_t *written)
{
    size_t done = 0;
    int error = 0;
    *written = 0;
    while (done < length && !error) {
        ssize_t count = write(file->file, lines + done, length - done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EINTR)
            error = fail(file, "cannot write", count == 0 ? ENOSPC : errno);
    }
    *written = whole_lines(lines, done);
    if (done > *written) {
        off_t end = lseek(file->file, 0, SEEK_END);
        if (end >= 0 && ftruncate(file->file, end - (off_t)(done - *written)) != 0)
            return fail(file, "cannot take back half a line in", errno);
    }
    return error;
}

/* ---- After a restart ---- */

/* Counts the lines from `offset` on, `*end` being behind the last one. */
static uint64_t count_lines(int file, uint64_t offset, uint64_t *end)
{
    static char chunk[CHUNK_SIZE];
    uint64_t count = 0;
    *end = offset;
    for (;;) {
        ssize_t length = pread(file, chunk, sizeof(chunk), (off_t)offset);
        if (length <= 0)
            return count;
        for (ssize_t i = 0; i < length; i++) {
            if (chunk[i] == '\n') {
                count++;
                *end = offset + (uint64_t)i + 1;
            }
        }
        offset += (uint64_t)length;
    }
}

uint64_t audit_file_recover(struct audit_file *file, const struct pending_write *pending)
{
    struct stat status;
    uint64_t end;
    if (pending->inode == 0 || audit_file_open(file) < 0 || file->device != pending->device ||
        file->inode != pending->inode || fstat(file->file, &status) != 0 ||
        (uint64_t)status.st_size <= pending->offset)
        return 0;
    uint64_t lines = count_lines(file->file, pending->offset, &end);
    /* Where it cannot be taken back, the next line begins behind it: end_last_line(). */
    if (end < (uint64_t)status.st_size && ftruncate(file->file, (off_t)end) != 0)
        file->failed = "cannot take back half a line in";
    return lines < pending->count ? lines : pending->count;
}
