/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files into memory, with paths in UTF-8 on every platform. */
#ifndef RPCFW_CLI_FILE_H
#define RPCFW_CLI_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Reads all of `path`, "-" for standard input, into memory to be freed with free(), at most `limit`
 * bytes. NULL, and a sentence on stderr that names the cause, when that fails or when it is neither
 * a regular file nor one of the program's own descriptors (/dev/fd/N).
 */
void *file_read(const char *path, size_t limit, size_t *size);

/* The same for regular files alone, without a word on stderr: *why is the cause, valid until the
 * next call. */
void *file_load(const char *path, size_t limit, size_t *size, const char **why);

/* Opens `path` to be read as bytes; NULL, and errno, when that fails. */
FILE *file_open(const char *path);

/* Bytes of a plain file; 0 when it is empty, no plain file or not there. */
uint64_t file_size(const char *path);

#endif
