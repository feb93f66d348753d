/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <string.h>

#include "core/utf8.h"

static void put(struct json *json, const char *bytes, size_t length)
{
    if (json->full || length > json->size - json->length) {
        json->full = true;
        return;
    }
    memcpy(json->out + json->length, bytes, length);
    json->length += length;
}

void json_put(struct json *json, const char *text)
{
    put(json, text, strlen(text));
}

static void put_code(struct json *json, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char code[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};

    put(json, code, sizeof(code));
}

/* `length` 0: a byte that is no UTF-8. */
static void put_character(struct json *json, const char *bytes, size_t length)
{
    unsigned char first = (unsigned char)bytes[0];

    if (length == 0)
        json_put(json, "\xef\xbf\xbd");
    else if (first == '"' || first == '\\')
        json_put(json, first == '"' ? "\\\"" : "\\\\");
    else if (first < 0x20 || first == 0x7f)
        put_code(json, first);
    else
        put(json, bytes, length);
}

void json_escape(struct json *json, const char *text, size_t length)
{
    while (length > 0) {
        size_t character = utf8_character(text, length);
        size_t step = character ? character : 1;
        put_character(json, text, character);
        text += step;
        length -= step;
    }
}

void json_string(struct json *json, const char *text, size_t length)
{
    json_put(json, "\"");
    json_escape(json, text, length);
    json_put(json, "\"");
}

void json_number(struct json *json, uint64_t number, unsigned min_digits)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (first > 0 && (number > 0 || sizeof(digits) - first < min_digits));
    put(json, digits + first, sizeof(digits) - first);
}
