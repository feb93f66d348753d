/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/line_reader.h"

#include <string.h>

/* Reads on behind what is buffered; false at the end of the source. */
static bool read_more(struct line_reader *reader)
{
    if (reader->start) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    size_t got = byte_source_read(reader->source, reader->buffer + reader->end,
                                  LINE_BUFFER_SIZE - reader->end);
    reader->end += got;
    reader->source_ended = got == 0;
    return got != 0;
}

/* Forgets the rest of a line that is too long. */
static void skip_line(struct line_reader *reader)
{
    for (;;) {
        char *at = reader->buffer + reader->start;
        char *feed = memchr(at, '\n', reader->end - reader->start);
        if (feed) {
            reader->start += (size_t)(feed - at) + 1;
            return;
        }
        reader->start = reader->end;
        if (!read_more(reader)) {
            return;
        }
    }
}

static enum line_result hand_out(struct line_reader *reader, size_t length, size_t used,
                                 char **line, size_t *out)
{
    *line = reader->buffer + reader->start;
    reader->start += used;
    if (length && (*line)[length - 1] == '\r') {
        length--;
    }
    *out = length;
    return length > EVENT_LINE_MAX ? LINE_TOO_LONG : LINE_READ;
}

enum line_result line_reader_next(struct line_reader *reader, char **line, size_t *length)
{
    size_t seen = 0;
    reader->number++;
    for (;;) {
        char *at = reader->buffer + reader->start;
        size_t held = reader->end - reader->start;
        char *feed = memchr(at + seen, '\n', held - seen);
        if (feed) {
            size_t size = (size_t)(feed - at);
            return hand_out(reader, size, size + 1, line, length);
        }
        if (held > EVENT_LINE_MAX + 1) {
            skip_line(reader);
            return LINE_TOO_LONG;
        }
        seen = held;
        if (reader->source_ended || !read_more(reader)) {
            return held ? hand_out(reader, held, held, line, length) : LINE_END;
        }
    }
}
