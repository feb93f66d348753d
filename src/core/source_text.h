/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a policy file as UTF-8 text.
 */
#ifndef RPCFW_CORE_SOURCE_TEXT_H
#define RPCFW_CORE_SOURCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes UTF-8 with or without a byte order mark, or UTF-16LE with one. Returns zero-terminated
 * UTF-8 of *length bytes, to be freed with free(); NULL and a reason in *why for UTF-16BE, for
 * UTF-16 of an odd size or with lone surrogates, and when memory is out. UTF-8 is passed on
 * unchecked: source_text_bad_byte() finds what is wrong in a line.
 */
char *source_text_decode(const void *bytes, size_t size, size_t *length, const char **why);

/* Offset of the first byte that is not well-formed UTF-8 or is a control character other than tab;
 * `length` if none. */
size_t source_text_bad_byte(const char *text, size_t length);

#endif
