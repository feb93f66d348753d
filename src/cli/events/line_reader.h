/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a byte source, in one buffer that is used again and again.
 *
 * A line is the caller's to change until it asks for the next one. One owner, one thread.
 */
#ifndef RPCFW_CLI_EVENTS_LINE_READER_H
#define RPCFW_CLI_EVENTS_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/events/byte_source.h"

/* A longer line is skipped as a whole. */
#define EVENT_LINE_MAX ((size_t)1024 * 1024)

enum line_result { LINE_READ, LINE_TOO_LONG, LINE_END };

/* Start with `buffer` of LINE_BUFFER_SIZE bytes, the source, and zeros. */
struct line_reader {
    char *buffer;
    struct byte_source *source;
    size_t start; /* of what is not handed out yet */
    size_t end;
    uint64_t number; /* of the line handed out last, from 1 */
    bool source_ended;
};

#define LINE_BUFFER_SIZE (EVENT_LINE_MAX + EVENT_LINE_MAX / 2)

/* The next line without its end (LF or CRLF) in *line and *length. */
enum line_result line_reader_next(struct line_reader *reader, char **line, size_t *length);

#endif
