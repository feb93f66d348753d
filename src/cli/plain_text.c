/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plain_text.h"

#include <stdbool.h>

#include "core/utf8.h"

/* C0 and C1 controls, DEL, and the marks that turn the direction of what follows. */
static bool is_control(const char *bytes, size_t size)
{
    const unsigned char *byte = (const unsigned char *)bytes;
    if (size == 1) {
        return byte[0] < 0x20 || byte[0] == 0x7f;
    }
    if (size == 2) {
        return byte[0] == 0xc2 && byte[1] < 0xa0;
    }
    return size == 3 && byte[0] == 0xe2 &&
           ((byte[1] == 0x80 && byte[2] >= 0xa8 && byte[2] <= 0xae) ||
            (byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9));
}

size_t print_plain(FILE *out, const char *text, size_t length)
{
    size_t count = 0;
    while (length) {
        size_t size = utf8_character(text, length);
        size_t step = size ? size : 1;
        if (!size || is_control(text, size)) {
            fputc('?', out);
        } else {
            fwrite(text, 1, size, out);
        }
        text += step;
        length -= step;
        count++;
    }
    return count;
}
