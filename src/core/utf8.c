/* SPDX-License-Identifier: Apache-2.0 */
#include "core/utf8.h"

#include <stdbool.h>

static bool between(unsigned char byte, unsigned char first, unsigned char last)
{
    return byte >= first && byte <= last;
}

static size_t expected_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (between(lead, 0xc2, 0xdf))
        return 2;
    if (between(lead, 0xe0, 0xef))
        return 3;
    if (between(lead, 0xf0, 0xf4))
        return 4;
    return 0;
}

/* The second byte carries what rules out overlong forms, surrogates and numbers past U+10FFFF. */
static bool second_byte_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return between(second, 0xa0, 0xbf);
    case 0xed:
        return between(second, 0x80, 0x9f);
    case 0xf0:
        return between(second, 0x90, 0xbf);
    case 0xf4:
        return between(second, 0x80, 0x8f);
    default:
        return between(second, 0x80, 0xbf);
    }
}

size_t utf8_character(const char *bytes, size_t length)
{
    const unsigned char *byte = (const unsigned char *)bytes;
    size_t expected = length ? expected_length(byte[0]) : 0;

    if (expected > length)
        return 0;
    if (expected > 1 && !second_byte_fits(byte[0], byte[1]))
        return 0;
    for (size_t i = 2; i < expected; i++) {
        if (!between(byte[i], 0x80, 0xbf))
            return 0;
    }
    return expected;
}

size_t utf8_fit(const char *bytes, size_t length, size_t room)
{
    if (length <= room)
        return length;
    for (size_t back = 1; back <= 3 && back <= room; back++) {
        size_t start = room - back;
        if (utf8_character(bytes + start, length - start) > back)
            return start;
    }
    return room;
}
