/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/utf16.h"

#define REPLACEMENT 0xFFFDu

static bool is_high_surrogate(uint32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* The character at text[*at], which exists; moves *at behind it. */
static uint32_t next_from_utf16(const uint16_t *text, size_t units, size_t *at)
{
    uint32_t unit = text[(*at)++];
    if (is_high_surrogate(unit) && *at < units && is_low_surrogate(text[*at]))
        return 0x10000 + ((unit - 0xD800) << 10) + (text[(*at)++] - 0xDC00u);
    if (is_high_surrogate(unit) || is_low_surrogate(unit))
        return REPLACEMENT;
    return unit;
}

static size_t encode_utf8(uint32_t character, unsigned char bytes[4])
{
    if (character < 0x80) {
        bytes[0] = (unsigned char)character;
        return 1;
    }
    if (character < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | character >> 6);
        bytes[1] = (unsigned char)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | character >> 12);
        bytes[1] = (unsigned char)(0x80 | (character >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (character & 0x3F));
        return 3;
    }
    bytes[0] = (unsigned char)(0xF0 | character >> 18);
    bytes[1] = (unsigned char)(0x80 | (character >> 12 & 0x3F));
    bytes[2] = (unsigned char)(0x80 | (character >> 6 & 0x3F));
    bytes[3] = (unsigned char)(0x80 | (character & 0x3F));
    return 4;
}

size_t utf16_to_utf8(const uint16_t *text, size_t units, char *out, size_t size, bool *truncated)
{
    size_t at = 0;
    size_t written = 0;
    bool cut = false;
    while (at < units) {
        unsigned char bytes[4];
        size_t count = encode_utf8(next_from_utf16(text, units, &at), bytes);
        if (count >= size - written) {
            cut = true;
            break;
        }
        for (size_t i = 0; i < count; i++)
            out[written++] = (char)bytes[i];
    }
    out[written] = '\0';
    if (truncated)
        *truncated = cut;
    return written;
}

/*
 * Bytes that follow the first byte `lead` of a character, and in *low and *high what the first of
 * them may be (Unicode table 3-7); -1 for a byte that begins none.
 */
static int continuation_bytes(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80)
        return 0;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 1;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0)
            *low = 0xA0;
        if (lead == 0xED)
            *high = 0x9F;
        return 2;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0)
            *low = 0x90;
        if (lead == 0xF4)
            *high = 0x8F;
        return 3;
    }
    return -1;
}

/* The character at text[*at], which exists; moves *at behind it or behind the bytes that fail. */
static uint32_t next_from_utf8(const unsigned char *text, size_t length, size_t *at)
{
    unsigned char low;
    unsigned char high;
    unsigned char lead = text[(*at)++];
    int following = continuation_bytes(lead, &low, &high);
    if (following < 0)
        return REPLACEMENT;
    if (following == 0)
        return lead;
    uint32_t character = lead & (0x3Fu >> following);
    for (int i = 0; i < following; i++) {
        if (*at == length || text[*at] < low || text[*at] > high)
            return REPLACEMENT;
        character = character << 6 | (text[(*at)++] & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    return character;
}

size_t utf16_from_utf8(const char *text, size_t length, uint16_t *out, size_t size, bool *truncated)
{
    size_t at = 0;
    size_t written = 0;
    bool cut = false;
    while (at < length) {
        uint32_t character = next_from_utf8((const unsigned char *)text, length, &at);
        size_t count = character < 0x10000 ? 1 : 2;
        if (count >= size - written) {
            cut = true;
            break;
        }
        if (count == 2) {
            out[written++] = (uint16_t)(0xD800 + ((character - 0x10000) >> 10));
            character = 0xDC00 + ((character - 0x10000) & 0x3FF);
        }
        out[written++] = (uint16_t)character;
    }
    out[written] = 0;
    if (truncated)
        *truncated = cut;
    return written;
}

size_t utf16_length(const uint16_t *text, size_t max)
{
    size_t length = 0;
    while (length < max && text[length] != 0)
        length++;
    return length;
}
