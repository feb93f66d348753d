/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are there as a whole or as they were before. */
#ifndef RPCFW_CLI_ATOMIC_FILE_H
#define RPCFW_CLI_ATOMIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Puts `size` bytes in the place of `path` (UTF-8): written beside it, brought to the disk, then
 * renamed. A symbolic link stays, and its target is replaced; what is no regular file (a pipe, a
 * device) is written to as it is. False, a sentence on stderr, and a regular file as it was, when
 * that fails.
 */
bool atomic_file_write(const char *path, const void *bytes, size_t size);

#endif
