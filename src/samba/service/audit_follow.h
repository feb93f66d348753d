/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of a file while they are written: what `tail -F` does, but without losing a line when the
 * file is renamed and a new one takes its place. One owner, one thread.
 */
#ifndef RPCFW_SAMBA_AUDIT_FOLLOW_H
#define RPCFW_SAMBA_AUDIT_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

/* More than any event's line; a longer one is cut into lines that are no events. */
#define FOLLOW_BUFFER_SIZE 65536

struct audit_follow {
    const char *path;
    int file;     /* -1: not there (yet) */
    bool leaving; /* the path names another file by now: one more look at this one, then that */
    size_t start;
    size_t end;
    char buffer[FOLLOW_BUFFER_SIZE];
};

/* Begins `lines_back` lines before the end of what is there. */
void audit_follow_open(struct audit_follow *follow, const char *path, unsigned lines_back);
void audit_follow_close(struct audit_follow *follow);

/* The next line, without its end, the caller's until the next call; waits for it. */
void audit_follow_next(struct audit_follow *follow, char **line, size_t *length);

#endif
