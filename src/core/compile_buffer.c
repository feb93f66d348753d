/* SPDX-License-Identifier: Apache-2.0 */
#include "core/compiler.h"

#include <stdlib.h>
#include <string.h>

uint32_t put(struct buffer *buffer, const void *bytes, size_t size)
{
    size_t at = buffer->size;
    if (buffer->failed || size > IMAGE_MAX_SIZE - at) {
        buffer->failed = true;
        return 0;
    }
    if (at + size > buffer->capacity) {
        size_t capacity = (at + size) * 2;
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (!grown) {
            buffer->failed = true;
            return 0;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    if (bytes && size) {
        memcpy(buffer->bytes + at, bytes, size);
    } else if (size) {
        memset(buffer->bytes + at, 0, size);
    }
    buffer->size += size;
    return (uint32_t)at;
}

void align(struct buffer *buffer, size_t alignment)
{
    put(buffer, NULL, (alignment - buffer->size % alignment) % alignment);
}
