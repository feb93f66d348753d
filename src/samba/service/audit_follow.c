/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/audit_follow.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Between two looks; also how long a writer may still write to a file that was renamed. */
#define LOOK_MS 200

static void open_file(struct audit_follow *follow)
{
    follow->file = open(follow->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Moves to behind the line feed that has `lines` lines after it. */
static void go_back(struct audit_follow *follow, unsigned lines)
{
    off_t end = lseek(follow->file, 0, SEEK_END);
    off_t from = end > (off_t)sizeof(follow->buffer) ? end - (off_t)sizeof(follow->buffer) : 0;
    ssize_t length = pread(follow->file, follow->buffer, (size_t)(end - from), from);
    ssize_t at = length > 0 ? length - 1 : 0;
    for (; at > 0; at--) {
        if (follow->buffer[at - 1] == '\n' && lines-- <= 1)
            break;
    }
    lseek(follow->file, length > 0 ? from + at : 0, SEEK_SET);
}

void audit_follow_open(struct audit_follow *follow, const char *path, unsigned lines_back)
{
    memset(follow, 0, sizeof(*follow));
    follow->path = path;
    open_file(follow);
    if (follow->file >= 0)
        go_back(follow, lines_back);
}

void audit_follow_close(struct audit_follow *follow)
{
    if (follow->file >= 0)
        close(follow->file);
    follow->file = -1;
}

/* A line that is in the buffer as a whole; false: none is. */
static bool take_line(struct audit_follow *follow, char **line, size_t *length)
{
    char *at = follow->buffer + follow->start;
    size_t held = follow->end - follow->start;
    char *feed = memchr(at, '\n', held);
    if (!feed && held < sizeof(follow->buffer))
        return false;
    *line = at;
    *length = feed ? (size_t)(feed - at) : held;
    follow->start += *length + (feed != NULL);
    return true;
}

static bool read_more(struct audit_follow *follow)
{
    memmove(follow->buffer, follow->buffer + follow->start, follow->end - follow->start);
    follow->end -= follow->start;
    follow->start = 0;
    ssize_t got = follow->file < 0 ? 0
                                   : read(follow->file, follow->buffer + follow->end,
                                          sizeof(follow->buffer) - follow->end);
    follow->end += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Whether the path names another file than the one that is open, or one that was emptied. */
static bool is_replaced(const struct audit_follow *follow)
{
    struct stat here, there;
    if (stat(follow->path, &there) != 0)
        return false; /* the new one is not there yet: the old one may still grow */
    if (follow->file < 0 || fstat(follow->file, &here) != 0)
        return true;
    return here.st_dev != there.st_dev || here.st_ino != there.st_ino ||
           lseek(follow->file, 0, SEEK_CUR) > there.st_size;
}

void audit_follow_next(struct audit_follow *follow, char **line, size_t *length)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    for (;;) {
        if (take_line(follow, line, length))
            return;
        if (read_more(follow))
            continue;
        if (follow->leaving) {
            audit_follow_close(follow);
            follow->start = follow->end = 0;
            open_file(follow);
            follow->leaving = false;
            continue;
        }
        follow->leaving = is_replaced(follow);
        nanosleep(&pause, NULL);
    }
}
