/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON text (RFC 8259, UTF-8) into memory that the caller gives.
 *
 * No allocation, any thread. What does not fit sets `full`, after which nothing more is written:
 * check it once, at the end. Strings are valid whatever bytes they are made of: quotes, backslashes
 * and control characters are escaped, bytes that are no UTF-8 become U+FFFD. A byte of text becomes
 * six bytes at most.
 */
#ifndef RPCFW_CORE_JSON_H
#define RPCFW_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start with out and size; the rest zero. */
struct json {
    char *out;
    size_t size;
    size_t length; /* bytes written */
    bool full;     /* something did not fit: what is in `out` is of no use */
};

/* Zero-terminated JSON text, as it is. */
void json_put(struct json *json, const char *text);

/* The inside of a string, without its quotes. */
void json_escape(struct json *json, const char *text, size_t length);

void json_string(struct json *json, const char *text, size_t length);

/* Decimal, with leading zeros up to `min_digits` (0 to 20); more than 1 makes a number only inside
 * a string. */
void json_number(struct json *json, uint64_t number, unsigned min_digits);

#endif
