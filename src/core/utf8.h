/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the characters of a UTF-8 text begin and end.
 *
 * For texts of unknown make: strict (Unicode table 3-7: no overlong forms, no surrogates, nothing
 * above U+10FFFF). Pure: any thread.
 */
#ifndef RPCFW_CORE_UTF8_H
#define RPCFW_CORE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character at the start of `length` bytes: 1 to 4; 0 when there is none.
 */
size_t utf8_character(const char *bytes, size_t length);

/*
 * How much of a text of `length` bytes fits into `room` bytes without cutting through a well-formed
 * character. A text that is no UTF-8 is cut anywhere.
 */
size_t utf8_fit(const char *bytes, size_t length, size_t room);

#endif
