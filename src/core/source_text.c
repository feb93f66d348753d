/* SPDX-License-Identifier: Apache-2.0 */
#include "core/source_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static char *decode_utf16le(const uint8_t *bytes, size_t size, size_t *length, const char **why)
{
    if (size % 2) {
        *why = "the file is UTF-16 and ends in the middle of a character";
        return NULL;
    }
    /* A 16-bit unit takes three bytes of UTF-8 at most. */
    char *text = malloc(size / 2 * 3 + 1);
    size_t used = 0;
    if (!text) {
        *why = "out of memory";
        return NULL;
    }
    for (size_t i = 0; i < size; i += 2) {
        uint32_t unit = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8;
        if (unit >= 0xd800 && unit < 0xe000) {
            uint32_t low = i + 3 < size ? (uint32_t)bytes[i + 2] | (uint32_t)bytes[i + 3] << 8 : 0;
            if (unit >= 0xdc00 || low < 0xdc00 || low >= 0xe000) {
                *why = "the file is UTF-16 and holds half a surrogate pair";
                free(text);
                return NULL;
            }
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        }
        used += put_utf8(text + used, unit);
    }
    text[used] = '\0';
    *length = used;
    return text;
}

char *source_text_decode(const void *bytes, size_t size, size_t *length, const char **why)
{
    const uint8_t *at = bytes;
    if (size >= 2 && at[0] == 0xff && at[1] == 0xfe) {
        return decode_utf16le(at + 2, size - 2, length, why);
    }
    if (size >= 2 && at[0] == 0xfe && at[1] == 0xff) {
        *why = "the file is big-endian UTF-16; save it as UTF-8";
        return NULL;
    }
    if (size >= 3 && at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) {
        at += 3;
        size -= 3;
    }
    char *text = malloc(size + 1);
    if (!text) {
        *why = "out of memory";
        return NULL;
    }
    if (size) {
        memcpy(text, at, size);
    }
    text[size] = '\0';
    *length = size;
    return text;
}

size_t source_text_bad_byte(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        unsigned char c = (unsigned char)text[at];
        size_t size = utf8_character(text + at, length - at);
        if (!size || (c < 0x20 && c != '\t') || c == 0x7f) {
            return at;
        }
        at += size;
    }
    return length;
}
