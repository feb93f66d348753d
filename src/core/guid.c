/* SPDX-License-Identifier: Apache-2.0 */
#include "core/guid.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool guid_parse(const char *text, size_t length, struct guid *out)
{
    /* The offset of the first digit of each byte in 8-4-4-4-12 text. */
    static const uint8_t offsets[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    uint8_t bytes[16];

    if (length == 38 && text[0] == '{' && text[37] == '}') {
        text++;
        length -= 2;
    }
    if (length != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') {
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        int high = hex_digit(text[offsets[i]]);
        int low = hex_digit(text[offsets[i] + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    out->data1 = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
                 (uint32_t)bytes[3];
    out->data2 = (uint16_t)(bytes[4] << 8 | bytes[5]);
    out->data3 = (uint16_t)(bytes[6] << 8 | bytes[7]);
    memcpy(out->data4, bytes + 8, sizeof(out->data4));
    return true;
}

char *guid_format(const struct guid *guid, char text[GUID_TEXT_SIZE])
{
    const uint8_t *d = guid->data4;
    snprintf(text, GUID_TEXT_SIZE, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)guid->data1, (unsigned)guid->data2, (unsigned)guid->data3, d[0], d[1], d[2],
             d[3], d[4], d[5], d[6], d[7]);
    return text;
}

int guid_compare(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof(*a));
}
