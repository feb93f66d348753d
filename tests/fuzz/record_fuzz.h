/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzers of recorded events share: lines in, whole calls out. */
#ifndef RPCFW_TESTS_FUZZ_RECORD_FUZZ_H
#define RPCFW_TESTS_FUZZ_RECORD_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/events/call_shapes.h"
#include "cli/events/record_reader.h"

/* Every byte of a text is there to be read. */
static inline uint64_t touch_text(struct text text)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.length; i++) {
        sum += (unsigned char)text.bytes[i];
    }
    return sum;
}

/* Reads one line in memory that ends where the line does, and counts the call if it is one. */
static inline void fuzz_line(struct record_reader *reader, struct call_shapes *shapes,
                             const uint8_t *bytes, size_t length)
{
    static struct recorded_call call;
    const char *why = NULL;
    char *line = malloc(length ? length : 1);
    if (!line) {
        return;
    }
    memcpy(line, bytes, length);
    enum record_result result = record_read(reader, line, length, &call, &why);
    if (result == RECORD_CALL) {
        uint64_t sum = touch_text(call.call.endpoint) + touch_text(call.call.principal) +
                       touch_text(call.call.process);
        if (sum == UINT64_MAX || !call_shapes_add(shapes, &call)) {
            abort();
        }
    } else if ((result == RECORD_BAD) != (why != NULL)) {
        abort(); /* a bad line has a reason, and only a bad line */
    }
    free(line);
}

/* Reads the input as a file, line by line, behind `head` (zero-terminated lines; NULL: none). */
static inline void fuzz_lines(const char *head, const uint8_t *data, size_t size)
{
    struct record_reader reader = {.names = zeek_names_new()};
    struct call_shapes *shapes = call_shapes_new();
    if (!reader.names || !shapes) {
        abort();
    }
    if (head) {
        fuzz_line(&reader, shapes, (const uint8_t *)head, strlen(head));
    }
    while (size) {
        const uint8_t *feed = memchr(data, '\n', size);
        size_t length = feed ? (size_t)(feed - data) : size;
        fuzz_line(&reader, shapes, data, length);
        data += length + (feed != NULL);
        size -= length + (feed != NULL);
    }
    call_shapes_free(shapes);
    zeek_names_free(reader.names);
}

#endif
