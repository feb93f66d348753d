/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-16, as Windows writes names, and UTF-8, as the rest of the firewall does.
 *
 * Pure: from buffer to fixed buffer, any thread, no allocation. Names come from callers and need
 * not be well-formed: what is no character becomes U+FFFD, so the result always is well-formed.
 */
#ifndef RPCFW_WINDOWS_UTF16_H
#define RPCFW_WINDOWS_UTF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of UTF-8 that `units` UTF-16 code units need at most, with a terminating zero. */
#define UTF8_SIZE_FOR_UTF16(units) (3 * (size_t)(units) + 1)

/*
 * Converts `units` code units (zeros among them are characters like any other) to UTF-8 in `out`,
 * of `size` > 0 bytes, and ends it with a zero. A lone surrogate becomes U+FFFD. What does not fit
 * is cut before the first character without room. Returns the bytes written, without the zero;
 * *truncated, which may be NULL, says whether anything was cut.
 */
size_t utf16_to_utf8(const uint16_t *text, size_t units, char *out, size_t size, bool *truncated);

/*
 * The reverse: `length` bytes of UTF-8 to UTF-16 in `out`, of `size` > 0 code units,
 * zero-terminated. Bytes that are no UTF-8 (overlong forms and encoded surrogates too) become
 * U+FFFD, one for each maximal run of bytes that begins a character (Unicode 3.9, U+FFFD
 * substitution). Returns the code units written, without the zero.
 */
size_t utf16_from_utf8(const char *text, size_t length, uint16_t *out, size_t size,
                       bool *truncated);

/* Code units before the first zero, at most `max`: reads nothing beyond. */
size_t utf16_length(const uint16_t *text, size_t max);

#endif
