/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows on the heap. Start with zeros; check `failed` once, at the end. */
#ifndef RPCFW_CLI_LEARN_TEXT_BUFFER_H
#define RPCFW_CLI_LEARN_TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct text_buffer {
    char *bytes; /* zero-terminated; NULL while empty */
    size_t length;
    size_t capacity;
    bool failed; /* memory ran out: what is there is of no use */
};

void text_put(struct text_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
