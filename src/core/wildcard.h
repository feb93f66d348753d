/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with the wildcards * (any run) and ? (one byte), compared without regard to the case of
 * ASCII letters.
 *
 * Runs on RPC threads over text that a caller chose: no recursion, no allocation, at most pattern ×
 * text steps.
 */
#ifndef RPCFW_CORE_WILDCARD_H
#define RPCFW_CORE_WILDCARD_H

#include <stdbool.h>
#include <stddef.h>

/* The lower-case form of an ASCII letter, any other byte as it is. */
char wildcard_fold(char c);

/* Whether the folded `pattern` matches all of `text`. */
bool wildcard_match(const char *pattern, size_t pattern_length, const char *text,
                    size_t text_length);

/* Whether `text` is the folded `plain`, read without wildcards. */
bool wildcard_equal(const char *plain, size_t plain_length, const char *text, size_t text_length);

/* Whether every text that the folded `inner` matches is certainly matched by `outer`; false also
 * when it cannot tell. */
bool wildcard_covers(const char *outer, size_t outer_length, const char *inner,
                     size_t inner_length);

#endif
