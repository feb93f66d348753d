/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wildcard.h"

#include <string.h>

char wildcard_fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool wildcard_match(const char *pattern, size_t pattern_length, const char *text,
                    size_t text_length)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = pattern_length; /* the last * seen; pattern_length: none */
    size_t resume = 0;            /* where in the text that * gives way next */

    while (t < text_length) {
        if (p < pattern_length && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern_length &&
                   (pattern[p] == '?' || pattern[p] == wildcard_fold(text[t]))) {
            p++;
            t++;
        } else if (star < pattern_length) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern_length && pattern[p] == '*') {
        p++;
    }
    return p == pattern_length;
}

bool wildcard_equal(const char *plain, size_t plain_length, const char *text, size_t text_length)
{
    if (plain_length != text_length) {
        return false;
    }
    for (size_t i = 0; i < text_length; i++) {
        if (plain[i] != wildcard_fold(text[i])) {
            return false;
        }
    }
    return true;
}

bool wildcard_covers(const char *outer, size_t outer_length, const char *inner, size_t inner_length)
{
    /* A * of the inner pattern can only be met by a * of the outer one, which matching it as plain
     * text checks too; a ? of the outer one could meet a * that stands for more, so then only equal
     * texts are sure. */
    if (memchr(inner, '*', inner_length) && memchr(outer, '?', outer_length)) {
        return outer_length == inner_length && memcmp(outer, inner, inner_length) == 0;
    }
    return wildcard_match(outer, outer_length, inner, inner_length);
}
