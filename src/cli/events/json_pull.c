/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/json_pull.h"

#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"

enum expected {
    EXPECT_VALUE,
    EXPECT_FIRST_NAME,    /* or the end of an empty object */
    EXPECT_FIRST_ELEMENT, /* or the end of an empty array */
    EXPECT_COMMA,         /* or the end of what is open */
    EXPECT_NOTHING,       /* after an error */
};

static enum json_token bad(struct json_pull *json, const char *why)
{
    json->why = why;
    json->expected = EXPECT_NOTHING;
    return TOKEN_BAD;
}

static void skip_blanks(struct json_pull *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\r' || *json->at == '\n')) {
        json->at++;
    }
}

/* ---- Strings ---- */

#define EACH_BYTE(value) (0x0101010101010101u * (uint64_t)(value))

/* Not zero when one of eight bytes is a quote, a backslash, a control character or beyond ASCII.
 * Never misses one; may also be set by a byte behind such a byte. */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    return ((quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | (word - EACH_BYTE(0x20)) | word) &
           EACH_BYTE(0x80);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte from `at` on that is not taken as it is. */
static char *end_of_plain(char *at, const char *end)
{
    uint64_t word;
    while (end - at >= (ptrdiff_t)sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if (special_bytes(word)) {
            break;
        }
        at += sizeof(word);
    }
    while (at < end && is_plain((unsigned char)*at)) {
        at++;
    }
    return at;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at `at`; -1 when they are not. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static char *put_character(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* Reads what follows "\u"; half a surrogate pair is no character. */
static const char *read_unicode(char **at, const char *end, char **out)
{
    int32_t first = hex4(*at, end);
    if (first < 0) {
        return "\\u needs four hexadecimal digits";
    }
    *at += 4;
    uint32_t c = (uint32_t)first;
    if (c >= 0xd800 && c < 0xe000) {
        int32_t low =
            end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? hex4(*at + 2, end) : 0;
        if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000) {
            return "half a surrogate pair in a string";
        }
        *at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    }
    *out = put_character(*out, c);
    return NULL;
}

/* Reads the escape whose backslash is at *at; a constant text says what is wrong with it. */
static const char *read_escape(char **at, const char *end, char **out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (end - *at < 2) {
        return "a string does not end";
    }
    char name = (*at)[1];
    *at += 2;
    if (name == 'u') {
        return read_unicode(at, end, out);
    }
    const char *found = name ? strchr(names, name) : NULL;
    if (!found) {
        return "an unknown escape in a string";
    }
    *(*out)++ = values[found - names];
    return NULL;
}

/* Unescapes from `at`, the first byte that is not plain, to the closing quote. */
static const char *unescape(struct json_pull *json, char *at)
{
    char *out = at;
    while (at < json->end && *at != '"') {
        unsigned char c = (unsigned char)*at;
        const char *why = NULL;
        if (c == '\\') {
            why = read_escape(&at, json->end, &out);
        } else if (c < 0x20) {
            why = "a control character in a string";
        } else {
            size_t size = c < 0x80 ? (size_t)(end_of_plain(at, json->end) - at)
                                   : utf8_character(at, (size_t)(json->end - at));
            why = size ? NULL : "bytes that are not UTF-8 in a string";
            memmove(out, at, size);
            out += size;
            at += size;
        }
        if (why) {
            return why;
        }
    }
    if (at == json->end) {
        return "a string does not end";
    }
    json->length = (size_t)(out - json->text);
    json->at = at + 1;
    return NULL;
}

/* Reads the string whose first quote is at json->at; false: bad. */
static bool read_string(struct json_pull *json)
{
    json->text = json->at + 1;
    char *at = end_of_plain(json->text, json->end);
    if (at < json->end && *at == '"') {
        json->length = (size_t)(at - json->text);
        json->at = at + 1;
        return true;
    }
    const char *why = unescape(json, at);
    if (why) {
        bad(json, why);
    }
    return !why;
}

/* ---- Numbers and words ---- */

static char *skip_digits(char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

static enum json_token read_number(struct json_pull *json)
{
    char *end = json->end;
    char *at = json->at;
    json->text = at;
    at += *at == '-';
    char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1)) {
        return bad(json, "a number is written wrong");
    }
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits) {
            return bad(json, "a number is written wrong");
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(at, end);
        if (at == digits) {
            return bad(json, "a number is written wrong");
        }
    }
    json->length = (size_t)(at - json->text);
    json->at = at;
    return TOKEN_NUMBER;
}

static enum json_token read_word(struct json_pull *json)
{
    static const struct {
        const char *text;
        size_t length;
        enum json_token token;
    } words[] = {{"true", 4, TOKEN_TRUE}, {"false", 5, TOKEN_FALSE}, {"null", 4, TOKEN_NULL}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((size_t)(json->end - json->at) >= words[i].length &&
            memcmp(json->at, words[i].text, words[i].length) == 0) {
            json->at += words[i].length;
            return words[i].token;
        }
    }
    return bad(json, "a value is missing or is not JSON");
}

/* ---- Structure ---- */

static bool in_object(const struct json_pull *json)
{
    return json->depth && (json->objects >> (json->depth - 1) & 1);
}

static enum json_token open_container(struct json_pull *json, bool object)
{
    if (json->depth == JSON_DEPTH_MAX) {
        return bad(json, "objects and arrays are nested too deep");
    }
    uint64_t bit = UINT64_C(1) << json->depth;
    json->objects = object ? json->objects | bit : json->objects & ~bit;
    json->depth++;
    json->at++;
    json->expected = object ? EXPECT_FIRST_NAME : EXPECT_FIRST_ELEMENT;
    return object ? TOKEN_OBJECT : TOKEN_ARRAY;
}

static enum json_token close_container(struct json_pull *json)
{
    enum json_token token = in_object(json) ? TOKEN_OBJECT_END : TOKEN_ARRAY_END;
    json->depth--;
    json->at++;
    json->expected = EXPECT_COMMA;
    return token;
}

static enum json_token read_value(struct json_pull *json)
{
    char c = *json->at;
    if (c == '{' || c == '[') {
        return open_container(json, c == '{');
    }
    json->expected = EXPECT_COMMA;
    if (c == '"') {
        return read_string(json) ? TOKEN_STRING : TOKEN_BAD;
    }
    return c == '-' || (c >= '0' && c <= '9') ? read_number(json) : read_word(json);
}

static enum json_token read_name(struct json_pull *json)
{
    if (*json->at != '"') {
        return bad(json, "a name in quotes is missing");
    }
    if (!read_string(json)) {
        return TOKEN_BAD;
    }
    skip_blanks(json);
    if (json->at == json->end || *json->at != ':') {
        return bad(json, "a colon is missing behind a name");
    }
    json->at++;
    json->expected = EXPECT_VALUE;
    return TOKEN_NAME;
}

/* What follows a comma. */
static enum json_token read_next(struct json_pull *json)
{
    json->at++;
    skip_blanks(json);
    if (json->at == json->end) {
        return bad(json, "the text ends too early");
    }
    return in_object(json) ? read_name(json) : read_value(json);
}

void json_pull_begin(struct json_pull *json, char *bytes, size_t length)
{
    *json = (struct json_pull){.at = bytes, .end = bytes + length, .expected = EXPECT_VALUE};
}

enum json_token json_pull_next(struct json_pull *json)
{
    if (json->expected == EXPECT_NOTHING) {
        return TOKEN_BAD;
    }
    skip_blanks(json);
    if (json->expected == EXPECT_COMMA && !json->depth) {
        return json->at == json->end ? TOKEN_END : bad(json, "more text behind the object");
    }
    if (json->at == json->end) {
        return bad(json, "the text ends too early");
    }
    bool closes = *json->at == (in_object(json) ? '}' : ']');
    switch (json->expected) {
    case EXPECT_FIRST_NAME:
        return closes ? close_container(json) : read_name(json);
    case EXPECT_FIRST_ELEMENT:
        return closes ? close_container(json) : read_value(json);
    case EXPECT_COMMA:
        if (closes) {
            return close_container(json);
        }
        return *json->at == ',' ? read_next(json) : bad(json, "a comma is missing");
    default:
        return read_value(json);
    }
}
