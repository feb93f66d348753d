/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of root's that are there as a whole or as they were before: written beside their place,
 * brought to the disk, renamed. In folders that only root writes; one writer at a time, which is
 * who holds the managers' lock.
 */
#ifndef RPCFW_SAMBA_WHOLE_FILE_H
#define RPCFW_SAMBA_WHOLE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Behind the path while it is written; a path must leave room for it in PATH_MAX. Samba loads no
 * such name, and that of a writer who was killed is overwritten. */
#define WHOLE_FILE_NEW_SUFFIX ".rpcfw-new"

/* Puts `size` bytes in the place of `path`, an absolute one. 0 or -errno. */
int whole_file_write(const char *path, const void *bytes, size_t size, mode_t mode);

/* Removes what a writer that was killed left beside it. */
void whole_file_remove_unfinished(const char *path);

/* Brings to the disk that something in the path's folder has another name or is gone. */
void whole_file_sync_folder(const char *path);

#endif
