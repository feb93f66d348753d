/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/learn/text_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool reserve(struct text_buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    if (needed <= buffer->capacity) {
        return true;
    }
    while (capacity < needed) {
        capacity *= 2;
    }
    char *bytes = realloc(buffer->bytes, capacity);
    if (bytes) {
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return bytes != NULL;
}

void text_put(struct text_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0 || buffer->failed || !reserve(buffer, (size_t)length)) {
        buffer->failed = true;
    } else {
        vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, arguments);
        buffer->length += (size_t)length;
    }
    va_end(arguments);
}
