/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "cli/events/json_pull.h"

/* The text in memory that ends where it ends, so that the sanitizers see a read beyond it. */
static char *tight(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);

    assert_non_null(copy);
    memcpy(copy, text, length);
    return copy;
}

/* Reads to the end; the last string or number is left in *json. */
static enum json_token read_all(struct json_pull *json)
{
    enum json_token token;

    do
        token = json_pull_next(json);
    while (token != TOKEN_BAD && token != TOKEN_END);
    return token;
}

static enum json_token read_text(const char *text, size_t length)
{
    char *copy = tight(text, length);
    struct json_pull json;

    json_pull_begin(&json, copy, length);
    enum json_token token = read_all(&json);
    assert_true(token != TOKEN_BAD || (json.why && json.why[0]));
    free(copy);
    return token;
}

static void gives_tokens_in_order(void **state)
{
    char text[] = " {\"a\":{\"b\":[1,-0.5e+3,true,false,null,[],{}]},\"c\":\"d\"} ";
    static const enum json_token expected[] = {
        TOKEN_OBJECT,     TOKEN_NAME,      TOKEN_OBJECT, TOKEN_NAME,       TOKEN_ARRAY,
        TOKEN_NUMBER,     TOKEN_NUMBER,    TOKEN_TRUE,   TOKEN_FALSE,      TOKEN_NULL,
        TOKEN_ARRAY,      TOKEN_ARRAY_END, TOKEN_OBJECT, TOKEN_OBJECT_END, TOKEN_ARRAY_END,
        TOKEN_OBJECT_END, TOKEN_NAME,      TOKEN_STRING, TOKEN_OBJECT_END, TOKEN_END,
    };
    struct json_pull json;

    (void)state;
    json_pull_begin(&json, text, strlen(text));
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(json_pull_next(&json), expected[i]);
    assert_int_equal(json_pull_next(&json), TOKEN_END);
}

static void assert_string(const char *text, const char *expected, size_t length)
{
    char *copy = tight(text, strlen(text));
    struct json_pull json;

    json_pull_begin(&json, copy, strlen(text));
    if (json_pull_next(&json) != TOKEN_STRING)
        fail_msg("%s: %s", text, json.why);
    assert_int_equal(json.length, length);
    assert_memory_equal(json.text, expected, length);
    assert_int_equal(json_pull_next(&json), TOKEN_END);
    free(copy);
}

static void unescapes_strings(void **state)
{
    (void)state;
    assert_string("\"\"", "", 0);
    assert_string("\"plain text of some length\"", "plain text of some length", 25);
    assert_string("\"C:\\\\Windows\\\\x\"", "C:\\Windows\\x", 12);
    assert_string("\"\\\"\\/\\b\\f\\n\\r\\t\"", "\"/\b\f\n\r\t", 7);
    assert_string("\"12345678\\u0041\\u00e9\\u20ac\\ud83d\\ude00.\"",
                  "12345678A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.", 19);
    assert_string("\"\\u0000\"", "\0", 1);
    assert_string("\"\xc3\xa9\xf0\x9f\x98\x80\"", "\xc3\xa9\xf0\x9f\x98\x80", 6);
}

static void refuses_what_is_no_json(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "}",
        "[",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "[1]]",
        "{}{}",
        "{} x",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x10",
        "tru",
        "True",
        "nul",
        "NaN",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\x01\"",
        "\"\n\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xc3\"",
        "[1}",
        "{\"a\":1]",
        "/**/1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (read_text(texts[i], strlen(texts[i])) != TOKEN_BAD)
            fail_msg("taken: %s", texts[i]);
    }
}

static void bounds_the_depth(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 1)];

    (void)state;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(read_text(text, 2 * depth),
                         depth == JSON_DEPTH_MAX ? TOKEN_END : TOKEN_BAD);
    }
}

/* Whether the reader of another make takes the text; -1: its limits, not JSON's, decided. */
static int jansson_takes(const char *text, size_t length)
{
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    int takes = value != NULL;

    json_decref(value);
    if (!takes && (json_error_code(&error) == json_error_numeric_overflow ||
                   json_error_code(&error) == json_error_null_byte_in_key))
        return -1;
    return takes;
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* Puts, takes or changes a few bytes. */
static size_t mutate(char *text, size_t length, size_t room, uint64_t *seed)
{
    static const char bytes[] = "{}[]\",:\\u0019eE+-.tfn \xc3\xa9\xff\x01/bd8";

    for (uint32_t times = 1 + draw(seed, 3); times && length; times--) {
        size_t at = draw(seed, (uint32_t)length);
        char byte = bytes[draw(seed, sizeof(bytes) - 1)];
        uint32_t how = draw(seed, 3);
        if (how == 0) {
            text[at] = byte;
        } else if (how == 1) {
            memmove(text + at, text + at + 1, --length - at);
        } else if (length < room) {
            memmove(text + at + 1, text + at, length++ - at);
            text[at] = byte;
        }
    }
    return length;
}

static void agrees_with_another_reader(void **state)
{
    static const char *const seeds[] = {
        "{\"a\":{\"b\":[1,-0.5e+3,true,false,null]},\"c\":\"d\\u00e9\\ud83d\\ude00\\n\"}",
        "[\"\\\\pipe\\\\lsarpc\",\"\xc3\xa9\xe2\x82\xac\",0,10.25,{\"x\":{}}]",
        "{\"source.ip\":\"10.0.0.1\",\"n\":-12,\"e\":[[],[[]]]}",
    };
    uint64_t seed = 20261122;
    char text[256];
    unsigned taken = 0;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        const char *from = seeds[i % 3];
        size_t length = strlen(from);
        memcpy(text, from, length);
        length = mutate(text, length, sizeof(text), &seed);
        int expected = jansson_takes(text, length);
        bool takes = read_text(text, length) == TOKEN_END;
        if (expected >= 0 && takes != expected)
            fail_msg("%s: %.*s", takes ? "taken" : "refused", (int)length, text);
        taken += takes;
    }
    /* Both answers must be common, or nothing was compared. */
    assert_in_range(taken, 20000, 180000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_tokens_in_order),      cmocka_unit_test(unescapes_strings),
        cmocka_unit_test(refuses_what_is_no_json),    cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(agrees_with_another_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
