/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/guid.h"
#include "exact_text.h"

static bool parse(const char *text, size_t length, struct guid *out)
{
    struct exact_text exact = exact_bytes(text, length);
    bool good = guid_parse(exact.bytes, exact.length, out);
    exact_text_free(&exact);
    return good;
}

static void reads_every_spelling_and_writes_one(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } cases[] = {
        {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "e3514235-4b06-11d1-ab04-00c04fc2dcd2"},
        {"E3514235-4B06-11D1-AB04-00C04FC2DCD2", "e3514235-4b06-11d1-ab04-00c04fc2dcd2"},
        {"{e3514235-4b06-11D1-ab04-00c04fc2dcd2}", "e3514235-4b06-11d1-ab04-00c04fc2dcd2"},
        {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
        {"ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
        {"01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guid guid;
        char text[GUID_TEXT_SIZE];
        assert_true(parse(cases[i].text, strlen(cases[i].text), &guid));
        assert_string_equal(guid_format(&guid, text), cases[i].written);
    }
}

/* The memory of a Windows GUID: three little-endian numbers, then eight bytes. */
static void has_the_layout_of_windows(void **state)
{
    static const uint8_t memory[16] = {0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd,
                                       0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    struct guid guid;
    (void)state;
    assert_int_equal(sizeof(guid), 16);
    assert_true(parse("01234567-89ab-cdef-0123-456789abcdef", 36, &guid));
    assert_memory_equal(&guid, memory, sizeof(memory));
}

static void refuses_anything_else(void **state)
{
    static const char *const cases[] = {
        "",
        "e3514235",
        "e3514235-4b06-11d1-ab04-00c04fc2dcd",
        "e3514235-4b06-11d1-ab04-00c04fc2dcd2a",
        "e35142354b0611d1ab0400c04fc2dcd2",
        "e3514235-4b06-11d1-ab0400c04fc2dcd2-",
        "{e3514235-4b06-11d1-ab04-00c04fc2dcd2",
        "e3514235-4b06-11d1-ab04-00c04fc2dcd2}",
        "(e3514235-4b06-11d1-ab04-00c04fc2dcd2)",
        "g3514235-4b06-11d1-ab04-00c04fc2dcd2",
        "e3514235-4b06-11d1-ab04-00c04fc2dcd ",
        " e3514235-4b06-11d1-ab04-00c04fc2dcd",
        "0xe35142-4b06-11d1-ab04-00c04fc2dcd2",
        "+3514235-4b06-11d1-ab04-00c04fc2dcd2",
        "e3514235_4b06_11d1_ab04_00c04fc2dcd2",
        "{}",
    };
    struct guid before;
    (void)state;
    memset(&before, 0x5a, sizeof(before));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct guid guid = before;
        assert_false(parse(cases[i], strlen(cases[i]), &guid));
        assert_memory_equal(&guid, &before, sizeof(guid));
    }
}

/* At every place of a good text, only what may stand there is taken. */
static void takes_only_digits_and_dashes_in_their_places(void **state)
{
    static const char good[] = "e3514235-4b06-11d1-ab04-00c04fc2dcd2";
    (void)state;
    for (size_t at = 0; at < 36; at++) {
        for (int c = 0; c < 256; c++) {
            char text[37];
            struct guid guid;
            memcpy(text, good, sizeof(text));
            text[at] = (char)c;
            bool dash = good[at] == '-';
            bool fits = dash ? c == '-' : c && strchr("0123456789abcdefABCDEF", c) != NULL;
            assert_int_equal(parse(text, 36, &guid), fits);
        }
    }
}

static void every_shorter_text_is_refused(void **state)
{
    static const char good[] = "{e3514235-4b06-11d1-ab04-00c04fc2dcd2}";
    struct guid guid;
    (void)state;
    for (size_t length = 0; length < 38; length++) {
        assert_false(parse(good, length, &guid));
    }
}

static void orders_totally(void **state)
{
    struct guid guids[3];
    (void)state;
    assert_true(parse("00000000-0000-0000-0000-000000000000", 36, &guids[0]));
    assert_true(parse("00000000-0000-0000-0000-000000000001", 36, &guids[1]));
    assert_true(parse("01000000-0000-0000-0000-000000000000", 36, &guids[2]));
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            int there = guid_compare(&guids[i], &guids[k]);
            int back = guid_compare(&guids[k], &guids[i]);
            assert_int_equal(there == 0, i == k);
            assert_int_equal(there<0, back> 0);
            assert_int_equal(guid_equal(&guids[i], &guids[k]), i == k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_spelling_and_writes_one),
        cmocka_unit_test(has_the_layout_of_windows),
        cmocka_unit_test(refuses_anything_else),
        cmocka_unit_test(takes_only_digits_and_dashes_in_their_places),
        cmocka_unit_test(every_shorter_text_is_refused),
        cmocka_unit_test(orders_totally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
