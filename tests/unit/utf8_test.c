/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/utf8.h"

/* How many texts of `length` bytes are one character; the last two bytes of four come from the
 * borders alone. */
static unsigned count_characters(size_t length)
{
    static const unsigned char borders[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    unsigned combinations = length == 4 ? 256 * 256 * 36 : 1u << (8 * length);
    unsigned count = 0;

    for (unsigned i = 0; i < combinations; i++) {
        char bytes[4] = {(char)i, (char)(i >> 8), (char)(i >> 16), 0};
        if (length == 4) {
            bytes[2] = (char)borders[(i >> 16) % 6];
            bytes[3] = (char)borders[(i >> 16) / 6];
        }
        count += utf8_character(bytes, length) == length;
    }
    return count;
}

/* U+0080–U+07FF; U+0800–U+FFFF without surrogates; the 2^20 above, of which a sixteenth of a
 * sixteenth times four. */
static void accepts_exactly_the_characters_of_unicode(void **state)
{
    (void)state;
    assert_int_equal(count_characters(1), 0x80);
    assert_int_equal(count_characters(2), 0x800 - 0x80);
    assert_int_equal(count_characters(3), 0x10000 - 0x800 - 0x800);
    assert_int_equal(count_characters(4), 0x100000 / (64 * 64) * 4);
}

static void no_character_reaches_past_the_end(void **state)
{
    static const char euro[] = "\xe2\x82\xac";

    (void)state;
    assert_int_equal(utf8_character(euro, 0), 0);
    assert_int_equal(utf8_character(euro, 1), 0);
    assert_int_equal(utf8_character(euro, 2), 0);
    assert_int_equal(utf8_character(euro, 3), 3);
}

static void fits_whole_characters(void **state)
{
    static const struct {
        const char *text;
        size_t room;
        size_t fits;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"abc", 2, 2},
        {"abc", 0, 0},
        {"a\xc3\xa4z", 2, 1},
        {"a\xc3\xa4z", 3, 3},
        {"\xe2\x82\xac\xe2\x82\xac", 5, 3},
        {"\xe2\x82\xac\xe2\x82\xac", 4, 3},
        {"\xf0\x9f\x98\x80x", 3, 0},
        {"\xf0\x9f\x98\x80x", 1, 0},
        {"\xf0\x9f\x98\x80x", 4, 4},
        {"\x80\x80\x80\x80\x80", 3, 3}, /* no UTF-8: cut anywhere */
        {"\xe2\x82zzz", 2, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(utf8_fit(cases[i].text, strlen(cases[i].text), cases[i].room),
                         cases[i].fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_exactly_the_characters_of_unicode),
        cmocka_unit_test(no_character_reaches_past_the_end),
        cmocka_unit_test(fits_whole_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
