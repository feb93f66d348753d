/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "windows/agent/rpc/utf16.h"

#define UNITS(...) (const uint16_t[]){__VA_ARGS__}, sizeof((uint16_t[]){__VA_ARGS__}) / 2

struct to_utf8_case {
    const char *name;
    const uint16_t *text;
    size_t units;
    size_t size; /* of the output buffer */
    const char *expected;
    bool truncated;
};

static const struct to_utf8_case to_utf8_cases[] = {
    {"empty", (const uint16_t[]){0}, 0, 8, "", false},
    {"ascii", UNITS('a', 'b'), 8, "ab", false},
    {"ascii, exact room", UNITS('a', 'b'), 3, "ab", false},
    {"ascii, one byte short", UNITS('a', 'b'), 2, "a", true},
    {"room for the zero alone", UNITS('a'), 1, "", true},
    {"two bytes", UNITS(0x7F, 0x80, 0x7FF), 8, "\x7f\xc2\x80\xdf\xbf", false},
    {"three bytes", UNITS(0x800, 0xFFFF), 8, "\xe0\xa0\x80\xef\xbf\xbf", false},
    {"pair", UNITS(0xD83D, 0xDE00), 8, "\xf0\x9f\x98\x80", false},
    {"first and last pair", UNITS(0xD800, 0xDC00, 0xDBFF, 0xDFFF), 9,
     "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", false},
    {"pair cut whole", UNITS('x', 0xD83D, 0xDE00), 5, "x", true},
    {"two bytes cut whole", UNITS('x', 0xE9), 3, "x", true},
    {"lone high", UNITS(0xD800, 'x'), 8, "\xef\xbf\xbdx", false},
    {"lone high at the end", UNITS('x', 0xDBFF), 8, "x\xef\xbf\xbd", false},
    {"lone low", UNITS(0xDC00, 'x'), 8, "\xef\xbf\xbdx", false},
    {"reversed pair", UNITS(0xDE00, 0xD83D), 8, "\xef\xbf\xbd\xef\xbf\xbd", false},
    {"high before a pair", UNITS(0xD83D, 0xD83D, 0xDE00), 8, "\xef\xbf\xbd\xf0\x9f\x98\x80", false},
};

static void converts_to_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(to_utf8_cases) / sizeof(to_utf8_cases[0]); i++) {
        const struct to_utf8_case *c = &to_utf8_cases[i];
        /* Allocated to size, so that the sanitizer sees one byte too many. */
        char *out = malloc(c->size);
        bool truncated = !c->truncated;
        assert_non_null(out);
        size_t length = utf16_to_utf8(c->text, c->units, out, c->size, &truncated);
        if (length != strlen(c->expected) || strcmp(out, c->expected) != 0 ||
            truncated != c->truncated)
            fail_msg("%s: %zu bytes \"%s\", truncated %d", c->name, length, out, truncated);
        free(out);
    }
}

struct from_utf8_case {
    const char *name;
    const char *text;
    size_t size; /* of the output buffer, in code units */
    const uint16_t *expected;
    size_t units;
    bool truncated;
};

static const struct from_utf8_case from_utf8_cases[] = {
    {"empty", "", 4, (const uint16_t[]){0}, 0, false},
    {"ascii", "ab", 4, UNITS('a', 'b'), false},
    {"ascii, exact room", "ab", 3, UNITS('a', 'b'), false},
    {"ascii, one unit short", "ab", 2, UNITS('a'), true},
    {"two and three bytes", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 8,
     UNITS(0x80, 0x7FF, 0x800, 0xFFFF), false},
    {"four bytes", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, UNITS(0xD800, 0xDC00, 0xDBFF, 0xDFFF),
     false},
    {"pair cut whole", "x\xf0\x9f\x98\x80", 3, UNITS('x'), true},
    {"overlong slash", "\xc0\xaf", 8, UNITS(0xFFFD, 0xFFFD), false},
    {"overlong three", "\xe0\x80\xaf", 8, UNITS(0xFFFD, 0xFFFD, 0xFFFD), false},
    {"overlong four", "\xf0\x8f\xbf\xbf", 8, UNITS(0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD), false},
    {"surrogate", "\xed\xa0\x80", 8, UNITS(0xFFFD, 0xFFFD, 0xFFFD), false},
    {"above 10FFFF", "\xf4\x90\x80\x80", 8, UNITS(0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD), false},
    {"no first byte", "\x80\xff", 8, UNITS(0xFFFD, 0xFFFD), false},
    {"cut short, then text", "\xe2\x82x", 8, UNITS(0xFFFD, 'x'), false},
    {"cut short at the end", "x\xf0\x9f\x98", 8, UNITS('x', 0xFFFD), false},
};

static void converts_from_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(from_utf8_cases) / sizeof(from_utf8_cases[0]); i++) {
        const struct from_utf8_case *c = &from_utf8_cases[i];
        uint16_t *out = malloc(c->size * sizeof(*out));
        bool truncated = !c->truncated;
        assert_non_null(out);
        size_t units = utf16_from_utf8(c->text, strlen(c->text), out, c->size, &truncated);
        if (units != c->units || memcmp(out, c->expected, units * sizeof(*out)) != 0 ||
            out[units] != 0 || truncated != c->truncated)
            fail_msg("%s: %zu units, truncated %d", c->name, units, truncated);
        free(out);
    }
}

static void every_character_comes_back(void **state)
{
    (void)state;
    for (uint32_t character = 0; character <= 0x10FFFF; character++) {
        uint16_t units[3];
        uint16_t back[3];
        char bytes[5];
        if (character >= 0xD800 && character <= 0xDFFF)
            continue;
        size_t count = character < 0x10000 ? 1 : 2;
        units[0] = (uint16_t)(count == 1 ? character : 0xD800 + ((character - 0x10000) >> 10));
        units[1] = (uint16_t)(0xDC00 + (character & 0x3FF));
        size_t length = utf16_to_utf8(units, count, bytes, sizeof(bytes), NULL);
        assert_int_equal(utf16_from_utf8(bytes, length, back, 3, NULL), count);
        assert_memory_equal(units, back, count * sizeof(units[0]));
    }
}

static void length_stops_at_zero_and_at_max(void **state)
{
    (void)state;
    assert_int_equal(utf16_length(UNITS('a', 'b', 0)), 2);
    assert_int_equal(utf16_length(UNITS('a', 'b')), 2);
    assert_int_equal(utf16_length((const uint16_t[]){'a'}, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_to_utf8),
        cmocka_unit_test(converts_from_utf8),
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(length_stops_at_zero_and_at_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
