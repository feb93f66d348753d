/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts without a terminating zero that end where their memory ends, so that the sanitizer sees the
 * first byte read too many.
 */
#ifndef RPCFW_TESTS_EXACT_TEXT_H
#define RPCFW_TESTS_EXACT_TEXT_H

#include <stdlib.h>
#include <string.h>

struct exact_text {
    char *block;
    const char *bytes; /* the block's last `length` bytes */
    size_t length;
};

static inline struct exact_text exact_bytes(const void *bytes, size_t length)
{
    struct exact_text text = {.block = malloc(length + 1), .length = length};
    if (!text.block) {
        abort();
    }
    text.bytes = text.block + 1;
    if (length) {
        memcpy(text.block + 1, bytes, length);
    }
    return text;
}

static inline struct exact_text exact_text(const char *text)
{
    return exact_bytes(text, strlen(text));
}

static inline void exact_text_free(struct exact_text *text)
{
    free(text->block);
}

#endif
