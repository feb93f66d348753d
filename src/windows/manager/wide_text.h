/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the UTF-8 of the command line and the UTF-16 of the system. Pure: any thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_WIDE_TEXT_H
#define RPCFW_WINDOWS_MANAGER_WIDE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

/* UTF-8 bytes that the name of a file or process (MAX_PATH UTF-16 units, zero included) needs at
 * most. */
#define UTF8_PATH_SIZE (MAX_PATH * 3)

/* `count` is in units of `out`, zero included. False: does not fit or is no UTF-8; `out` is empty.
 */
bool wide_from_utf8(const char *text, wchar_t *out, size_t count);

/* Lone surrogates become U+FFFD. False: does not fit; `out` is empty. */
bool utf8_from_wide(const wchar_t *text, char *out, size_t size);

/* Whether both are the same for the file system: case does not count, the locale does not matter.
 */
bool wide_same_name(const wchar_t *left, const wchar_t *right);

#endif
