/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/source_text.h"
#include "exact_text.h"

#define BYTES(literal) literal, sizeof(literal) - 1

struct decoded {
    char *text;
    size_t length;
    const char *why;
};

static struct decoded decode(const void *bytes, size_t size)
{
    struct exact_text exact = exact_bytes(bytes, size);
    struct decoded decoded = {NULL, 0, NULL};
    decoded.text = source_text_decode(exact.bytes, exact.length, &decoded.length, &decoded.why);
    exact_text_free(&exact);
    return decoded;
}

static void reads_what_editors_write(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
        size_t length;
    } cases[] = {
        {BYTES(""), BYTES("")},
        {BYTES("fw:action:block\n"), BYTES("fw:action:block\n")},
        {BYTES("\xef\xbb\xbfuuid"), BYTES("uuid")},
        {BYTES("\xef\xbb\xbf"), BYTES("")},
        {BYTES("\xef\xbb"), BYTES("\xef\xbb")},
        {BYTES("\xef\xbb\xbf\xef\xbb\xbf"), BYTES("\xef\xbb\xbf")},
        {BYTES("\xff\xfe"), BYTES("")},
        {BYTES("\xff\xfe"
               "a\0\n\0"),
         BYTES("a\n")},
        {BYTES("\xff\xfe\xe4\x00\xac\x20"), BYTES("\xc3\xa4\xe2\x82\xac")},
        {BYTES("\xff\xfe\x3d\xd8\x00\xde"), BYTES("\xf0\x9f\x98\x80")},
        {BYTES("\xff\xfe\xff\xdb\xff\xdf"), BYTES("\xf4\x8f\xbf\xbf")},
        {BYTES("\xff\xfe\0\0"), BYTES("\0")},
        {BYTES("a\0b"), BYTES("a\0b")},
        {BYTES("\xff"), BYTES("\xff")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded decoded = decode(cases[i].bytes, cases[i].size);
        assert_non_null(decoded.text);
        assert_int_equal(decoded.length, cases[i].length);
        assert_memory_equal(decoded.text, cases[i].text, cases[i].length + 1);
        free(decoded.text);
    }
}

static void refuses_with_a_reason(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {BYTES("\xfe\xff")}, /* big-endian */
        {BYTES("\xfe\xff\0a")},
        {BYTES("\xff\xfe"
               "a")},                /* half a character */
        {BYTES("\xff\xfe\x3d\xd8")}, /* a high surrogate at the end */
        {BYTES("\xff\xfe\x3d\xd8"
               "a\0")}, /* and before something else */
        {BYTES("\xff\xfe\x3d\xd8\x3d\xd8")},
        {BYTES("\xff\xfe\x00\xde")}, /* a low surrogate alone */
        {BYTES("\xff\xfe\x3d\xd8\x00")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded decoded = decode(cases[i].bytes, cases[i].size);
        assert_null(decoded.text);
        assert_non_null(decoded.why);
    }
}

static size_t bad_byte(const char *bytes, size_t size)
{
    struct exact_text exact = exact_bytes(bytes, size);
    size_t at = source_text_bad_byte(exact.bytes, exact.length);
    exact_text_free(&exact);
    return at;
}

static void finds_the_first_bad_byte(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        size_t at;
    } cases[] = {
        {BYTES(""), 0},
        {BYTES("plain\ttext"), 10},
        {BYTES("a\0b"), 1},
        {BYTES("a\x1b[0m"), 1},
        {BYTES("\x7f"), 0},
        {BYTES("a\rb"), 1},
        {BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 9},
        {BYTES("a\xc3"), 1},
        {BYTES("ab\xc0\x80"), 2},
        {BYTES("ab\xed\xa0\x80"), 2},
        {BYTES("\xc3\xa4\xff"), 2},
        {BYTES("\xf4\x90\x80\x80"), 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(bad_byte(cases[i].bytes, cases[i].size), cases[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_editors_write),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(finds_the_first_bad_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
