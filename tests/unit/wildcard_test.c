/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/wildcard.h"
#include "exact_text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool match(const char *pattern, const char *text)
{
    struct exact_text p = exact_text(pattern);
    struct exact_text t = exact_text(text);
    bool matches = wildcard_match(p.bytes, p.length, t.bytes, t.length);
    exact_text_free(&p);
    exact_text_free(&t);
    return matches;
}

static bool covers(const char *outer, const char *inner)
{
    struct exact_text o = exact_text(outer);
    struct exact_text i = exact_text(inner);
    bool covered = wildcard_covers(o.bytes, o.length, i.bytes, i.length);
    exact_text_free(&o);
    exact_text_free(&i);
    return covered;
}

static void matches_what_it_says(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"?*", "", false},
        {"a", "A", true},
        {"a", "b", false},
        {"corp\\*", "CORP\\admin", true},
        {"corp\\*", "CORP\\", true},
        {"corp\\*", "CORP", false},
        {"corp\\*", "XCORP\\admin", false},
        {"*\\admin", "A\\B\\ADMIN", true},
        {"*ab*ab", "xxabyab", true},
        {"*ab*ab", "xxab", false},
        {"*aab", "aaaab", true},
        {"a*b*c", "abbbc", true},
        {"a*b*c", "abbb", false},
        {"s?oolsv.exe", "SPOOLSV.EXE", true},
        {"\xc3\xbc*", "\xc3\xbcmit", true},
        {"[a]", "[A]", true},   /* brackets are plain */
        {"a\\*", "a\\x", true}, /* and so is the backslash */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(match(cases[i].pattern, cases[i].text), cases[i].matches);
    }
}

/* The definition, slow. */
static bool like(const char *pattern, const char *text)
{
    if (!*pattern) {
        return !*text;
    }
    if (*pattern == '*') {
        return like(pattern + 1, text) || (*text && like(pattern, text + 1));
    }
    return *text && (*pattern == '?' || *pattern == *text) && like(pattern + 1, text + 1);
}

/* Text number `number` over `letters` letters, at most 5 long. */
static void spell(unsigned number, const char *letters, char text[8])
{
    size_t base = strlen(letters);
    size_t length = 0;
    while (number && length < 7) {
        number--;
        text[length++] = letters[number % base];
        number /= (unsigned)base;
    }
    text[length] = '\0';
}

/* All patterns of up to four of a b * ? against all texts of up to five of a b. */
static void agrees_with_the_definition(void **state)
{
    unsigned matched = 0;
    (void)state;
    for (unsigned p = 0; p <= 4 + 16 + 64 + 256; p++) {
        char pattern[8];
        spell(p, "ab*?", pattern);
        for (unsigned t = 0; t <= 2 + 4 + 8 + 16 + 32; t++) {
            char text[8];
            spell(t, "ab", text);
            bool wanted = like(pattern, text);
            assert_int_equal(wildcard_match(pattern, strlen(pattern), text, strlen(text)), wanted);
            matched += wanted;
        }
    }
    assert_true(matched > 1000);
}

/* Covering is a promise: whatever the inner pattern matches, the outer one does. */
static void what_covers_matches_all_that_is_covered(void **state)
{
    unsigned promises = 0;
    (void)state;
    for (unsigned o = 0; o <= 4 + 16 + 64; o++) {
        for (unsigned i = 0; i <= 4 + 16 + 64; i++) {
            char outer[8];
            char inner[8];
            spell(o, "ab*?", outer);
            spell(i, "ab*?", inner);
            if (!covers(outer, inner)) {
                continue;
            }
            promises++;
            for (unsigned t = 0; t <= 2 + 4 + 8 + 16 + 32; t++) {
                char text[8];
                spell(t, "ab", text);
                assert_true(!like(inner, text) || like(outer, text));
            }
        }
    }
    assert_true(promises > 200);
}

static void covers_the_plain_cases(void **state)
{
    (void)state;
    assert_true(covers("*", "corp\\admin"));
    assert_true(covers("*", "corp\\*"));
    assert_true(covers("corp\\*", "corp\\adm*"));
    assert_true(covers("a?c", "abc"));
    assert_false(covers("abc", "a?c"));
    assert_false(covers("corp\\adm*", "corp\\*"));
    assert_false(covers("?", "*"));
}

static void equal_is_without_wildcards(void **state)
{
    (void)state;
    assert_true(wildcard_equal("lsarpc", 6, "LsaRpc", 6));
    assert_false(wildcard_equal("lsa*", 4, "lsarpc", 6));
    assert_true(wildcard_equal("lsa*", 4, "LSA*", 4));
    assert_false(wildcard_equal("lsa", 3, "lsar", 4));
    assert_true(wildcard_equal("", 0, "", 0));
}

static void folds_ascii_letters_alone(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char wanted = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        assert_int_equal(wildcard_fold((char)c), wanted);
    }
}

/* pattern × text steps at the most: a pattern that makes backtracking readers take for ever. */
static void hostile_texts_cost_no_more_than_they_should(void **state)
{
    static char pattern[64];
    static char text[65536];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[sizeof(pattern) - 1] = 'b';
    memset(text, 'a', sizeof(text));
    assert_false(wildcard_match(pattern, sizeof(pattern), text, sizeof(text)));
    text[sizeof(text) - 1] = 'b';
    assert_true(wildcard_match(pattern, sizeof(pattern), text, sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_what_it_says),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(what_covers_matches_all_that_is_covered),
        cmocka_unit_test(covers_the_plain_cases),
        cmocka_unit_test(equal_is_without_wildcards),
        cmocka_unit_test(folds_ascii_letters_alone),
        cmocka_unit_test(hostile_texts_cost_no_more_than_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
