/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one recorded file or of standard input, unpacked when they are gzip or zstd.
 *
 * The packing is told from the first bytes, not from the name. One owner, one thread, bounded
 * memory.
 */
#ifndef RPCFW_CLI_EVENTS_BYTE_SOURCE_H
#define RPCFW_CLI_EVENTS_BYTE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct byte_source;

/* Opens `path` (UTF-8), or standard input for "-". NULL, and a constant text in *why, when that
 * fails. */
struct byte_source *byte_source_open(const char *path, const char **why);
void byte_source_close(struct byte_source *source);

/* Reads up to `size` bytes; 0 at the end and after an error. */
size_t byte_source_read(struct byte_source *source, void *out, size_t size);

/* Why reading ended before the end of the file; NULL: it did not. */
const char *byte_source_error(const struct byte_source *source);

/* Bytes of the file read so far, still packed: what a progress bar counts. */
uint64_t byte_source_position(const struct byte_source *source);

#endif
