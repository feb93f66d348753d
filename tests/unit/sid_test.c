/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/sid.h"
#include "exact_text.h"

#define FIFTEEN "1-2-3-4-5-6-7-8-9-10-11-12-13-14"

static bool parse(const char *text, size_t length, struct sid *out)
{
    struct exact_text exact = exact_bytes(text, length);
    bool good = sid_parse(exact.bytes, exact.length, out);
    exact_text_free(&exact);
    return good;
}

static void reads_every_spelling_and_writes_one(void **state)
{
    static const struct {
        const char *text;
        const char *written;
        unsigned count;
    } cases[] = {
        {"S-1-5-18", "S-1-5-18", 1},
        {"s-1-5-18", "S-1-5-18", 1},
        {"S-1-1-0", "S-1-1-0", 1},
        {"S-1-5-32-544", "S-1-5-32-544", 2},
        {"S-1-5-21-1004336348-1177238915-682003330-512",
         "S-1-5-21-1004336348-1177238915-682003330-512", 5},
        {"S-1-0x000000000005-18", "S-1-5-18", 1},
        {"S-1-0XFFFFFFFFFFFF-1", "S-1-0xffffffffffff-1", 1},
        {"S-1-281474976710655-1", "S-1-0xffffffffffff-1", 1},
        {"S-1-4294967295-1", "S-1-4294967295-1", 1},
        {"S-1-4294967296-1", "S-1-0x000100000000-1", 1},
        {"S-1-5-4294967295", "S-1-5-4294967295", 1},
        {"S-1-5-0", "S-1-5-0", 1},
        {"S-1-5-" FIFTEEN "-15", "S-1-5-" FIFTEEN "-15", 15},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sid sid;
        char text[SID_TEXT_SIZE];
        assert_true(parse(cases[i].text, strlen(cases[i].text), &sid));
        assert_int_equal(sid.sub_authority_count, cases[i].count);
        assert_true(sid_is_valid(&sid));
        assert_string_equal(sid_format(&sid, text), cases[i].written);
    }
}

static void refuses_anything_else(void **state)
{
    static const char *const cases[] = {
        "",
        "S",
        "S-1",
        "S-1-",
        "S-1-5",
        "S-1-5-",
        "S-1--18",
        "S-2-5-18",
        "S-01-5-18",
        "T-1-5-18",
        "S-1-5-18-",
        "S-1-5--18",
        "S-1-5-18 ",
        " S-1-5-18",
        "S-1-5-+18",
        "S-1-5-0x12",
        "S-1-5-4294967296",
        "S-1-5-18446744073709551617",
        "S-1-5-99999999999999999999999999999999",
        "S-1-281474976710656-1",
        "S-1-0x00000000005-18",
        "S-1-0x0000000000005-18",
        "S-1-0x00000000000g-18",
        "S-1-5-" FIFTEEN "-15-16",
        "S_1_5_18",
        "BA",
    };
    struct sid before;
    (void)state;
    memset(&before, 0x5a, sizeof(before));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sid sid = before;
        assert_false(parse(cases[i], strlen(cases[i]), &sid));
        assert_memory_equal(&sid, &before, sizeof(sid));
    }
}

/* Every prefix of a text is read as what it says or refused; none is read beyond its end. */
static void reads_no_further_than_the_text(void **state)
{
    static const char text[] = "S-1-0xabcdefabcdef-4294967295-1-22";
    (void)state;
    for (size_t length = 0; length < sizeof(text); length++) {
        struct sid sid;
        bool whole = length > 19 && text[length - 1] != '-';
        assert_int_equal(parse(text, length, &sid), whole && length < sizeof(text));
    }
}

/* A SID in a Windows token has only as many sub-authorities as it says. */
static struct sid *short_sid(const char *text)
{
    struct sid sid;
    assert_true(parse(text, strlen(text), &sid));
    struct sid *exact = malloc(sid_size(&sid));
    assert_non_null(exact);
    memcpy(exact, &sid, sid_size(&sid));
    return exact;
}

static void touches_no_more_than_the_sid_says(void **state)
{
    struct sid *one = short_sid("S-1-5-18");
    struct sid *two = short_sid("S-1-5-32-544");
    struct sid *same = short_sid("S-1-5-32-544");
    struct sid copy;
    struct sid zeros;
    char text[SID_TEXT_SIZE];
    (void)state;
    assert_int_equal(sid_size(one), 12);
    assert_int_equal(sid_size(two), 16);
    assert_false(sid_equal(one, two));
    assert_true(sid_equal(two, same));
    assert_int_equal(sid_compare(two, same), 0);
    assert_true((sid_compare(one, two) < 0) != (sid_compare(two, one) < 0));
    assert_string_equal(sid_format(two, text), "S-1-5-32-544");
    memset(&copy, 0x5a, sizeof(copy));
    memset(&zeros, 0, sizeof(zeros));
    sid_copy(&copy, two);
    assert_true(sid_equal(&copy, two));
    assert_memory_equal(&copy.sub_authority[2], &zeros.sub_authority[2], 13 * sizeof(uint32_t));
    free(one);
    free(two);
    free(same);
}

static void calls_what_is_no_sid_invalid(void **state)
{
    struct sid sid = {.revision = 1, .sub_authority_count = 15};
    char text[SID_TEXT_SIZE];
    (void)state;
    assert_true(sid_is_valid(&sid));
    sid.sub_authority_count = 16;
    assert_false(sid_is_valid(&sid));
    assert_string_equal(sid_format(&sid, text), "S-1-0-0");
    sid.sub_authority_count = 255;
    assert_false(sid_is_valid(&sid));
    sid.sub_authority_count = 1;
    sid.revision = 2;
    assert_false(sid_is_valid(&sid));
    assert_string_equal(sid_format(&sid, text), "S-1-0-0");
    sid.revision = 0;
    assert_false(sid_is_valid(&sid));
}

/* The longest text has room, and is read back. */
static void the_longest_text_fits(void **state)
{
    struct sid sid = {.revision = 1, .sub_authority_count = 15};
    struct sid back;
    char text[SID_TEXT_SIZE];
    (void)state;
    memset(sid.identifier_authority, 0xff, sizeof(sid.identifier_authority));
    memset(sid.sub_authority, 0xff, sizeof(sid.sub_authority));
    sid_format(&sid, text);
    assert_int_equal(strlen(text), strlen("S-1-0xffffffffffff") + 15 * strlen("-4294967295"));
    assert_true(parse(text, strlen(text), &back));
    assert_memory_equal(&back, &sid, sizeof(sid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_spelling_and_writes_one),
        cmocka_unit_test(refuses_anything_else),
        cmocka_unit_test(reads_no_further_than_the_text),
        cmocka_unit_test(touches_no_more_than_the_sid_says),
        cmocka_unit_test(calls_what_is_no_sid_invalid),
        cmocka_unit_test(the_longest_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
