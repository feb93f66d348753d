/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of JSON lines.
 *
 * Appends whole lines and never leaves half of one: what a full disk cut off is taken back. Opens
 * the file again when it was renamed, removed or emptied by someone else. A link, a pipe or a
 * device in its place is refused, and so is a file that others than root own or may write, or that
 * has a second name: events would go where somebody alters or reads them. The service's main thread
 * alone.
 */
#ifndef RPCFW_SAMBA_AUDIT_FILE_H
#define RPCFW_SAMBA_AUDIT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "samba/state/service_page.h"

#define AUDIT_DIRECTORY      "/var/log/rpcfw"
#define AUDIT_FILE           AUDIT_DIRECTORY "/audit.jsonl"
#define AUDIT_DIRECTORY_MODE 0750 /* root:adm */
#define AUDIT_FILE_MODE      0640 /* root:adm */
#define AUDIT_GROUP          "adm"

struct audit_file {
    int file; /* -1: not open */
    uint64_t device;
    uint64_t inode;
    const char *failed; /* what the last error happened at: "cannot open", … */
    char path[256];
};

/* No file yet. */
void audit_file_init(struct audit_file *file);
void audit_file_close(struct audit_file *file);

/* Which file from now on: AUDIT_FILE for NULL. 0 or -ENAMETOOLONG. */
int audit_file_set_path(struct audit_file *file, const char *path);

/*
 * Opens the file unless it is open and still has its name; creates it, and the directory
 * AUDIT_DIRECTORY, when they are missing. 0 or -errno.
 */
int audit_file_open(struct audit_file *file);

/* Before each append: ends a line that somebody else left unfinished, and notes in `pending` where
 * the next one goes. 0 or -errno. */
int audit_file_place(struct audit_file *file, struct pending_write *pending);

/*
 * Appends `length` bytes of whole lines. *written is how many bytes, of whole lines, are in the
 * file afterwards. 0 or -errno, and then *written may be less than all.
 */
int audit_file_append(struct audit_file *file, const char *lines, size_t length, size_t *written);

/*
 * After a restart: takes back the half line that a killed predecessor left, and returns how many
 * lines of its unfinished write are in the file. 0 when it is another file by now.
 */
uint64_t audit_file_recover(struct audit_file *file, const struct pending_write *pending);

#endif
