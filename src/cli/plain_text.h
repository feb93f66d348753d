/* SPDX-License-Identifier: Apache-2.0 */
/* Text that a caller chose, on a terminal or in a comment: nothing in it acts there. */
#ifndef RPCFW_CLI_PLAIN_TEXT_H
#define RPCFW_CLI_PLAIN_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Writes the text with '?' for control characters and for bytes that are not UTF-8. Returns the
 * number of characters. */
size_t print_plain(FILE *out, const char *text, size_t length);

#endif
