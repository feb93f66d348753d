/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /run/rpcfw: where the manager, the service and the agents meet.
 *
 * A directory of root's (0700) with files of root's, all mapped into the processes that use them.
 * Whoever comes first creates what is missing: each file is built under no name and linked into
 * place when it is whole, so nobody ever sees half of one. Nothing here needs more than libc;
 * agents call it when they start, when a policy changes and after a fork, never to judge a call.
 */
#ifndef RPCFW_SAMBA_STATE_DIRECTORY_H
#define RPCFW_SAMBA_STATE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_DIRECTORY      "/run/rpcfw"
#define STATE_DIRECTORY_MODE 0700

/*
 * Opens the directory, with `create` after making it. Returns a descriptor to close, or a negative
 * errno: -ENOENT it is not there, -EPERM it is not root's alone (a link, another owner, open to
 * others), and those of the system.
 */
int state_directory_open(bool create);

/* A mapped file of the directory. */
struct state_mapping {
    void *bytes;
    size_t size;
};

/*
 * Maps a whole file, shared, `writable` or read-only. 0 or a negative errno: -EPERM unless it is a
 * regular file of root's that nobody else may open, -EINVAL when it is shorter than `least` bytes.
 */
int state_file_map(int directory, const char *name, size_t least, bool writable,
                   struct state_mapping *mapping);
void state_file_unmap(struct state_mapping *mapping);

/*
 * Creates a file of `size` bytes (the first `length` are `bytes`, the rest zero) and `mode`, whole
 * or not at all. Its room is reserved, so that writing to the mapped file cannot fail later. 0,
 * -EEXIST when it is there already (it is left alone), or another negative errno.
 */
int state_file_create(int directory, const char *name, mode_t mode, size_t size, const void *bytes,
                      size_t length);

/* Maps a file for writing that begins with `header`, after creating it, `size` bytes in all, when
 * it is missing. 0 or a negative errno. */
int state_file_map_or_create(int directory, const char *name, size_t size, const void *header,
                             size_t header_size, bool writable, struct state_mapping *mapping);

#endif
