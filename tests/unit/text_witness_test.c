/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/diff/text_witness.h"
#include "core/wildcard.h"

static uint32_t patterns_of(struct policy_space *space, const char *pattern)
{
    char bytes[2048];
    snprintf(bytes, sizeof(bytes), "%c%s", 1, pattern);
    uint32_t number = intern_put(&space->texts, bytes, strlen(pattern) + 1);
    return space_put_list(space, &number, 1);
}

static enum witness_result ask(const char *holds, const char *holds_not, const char *fails,
                               char *text)
{
    struct policy_space space = {.failed = false};
    uint32_t excluded = space_put_list(&space, NULL, 0);
    uint32_t tests[] = {WITNESS_TEST(patterns_of(&space, holds), true),
                        WITNESS_TEST(patterns_of(&space, holds_not), false),
                        WITNESS_TEST(patterns_of(&space, fails), false)};
    enum witness_result result = find_witness(&space, KEY_PROCESS, excluded, tests, 3, text);
    space_free(&space);
    return result;
}

static void witnesses_are_exact(void **state)
{
    char text[WITNESS_TEXT_MAX + 1];
    (void)state;
    assert_int_equal(ask("a*b", "a*", "q", text), WITNESS_NONE);
    assert_int_equal(ask("?*", "*a*", "q", text), WITNESS_FOUND);
    assert_int_equal(ask("*", "?*", "q", text), WITNESS_FOUND);
    assert_string_equal(text, "");
    assert_int_equal(ask("??", "*?*?*?*", "*?", text), WITNESS_NONE);
    assert_int_equal(ask("a*a", "aa", "a?*a", text), WITNESS_NONE);
    assert_int_equal(ask("a*a*a", "aaa", "a*?a?*a", text), WITNESS_FOUND);
    assert_int_equal(ask("*aba*", "*abab*", "aba*", text), WITNESS_FOUND);
    assert_true(wildcard_match("*aba*", 5, text, strlen(text)));
    assert_false(wildcard_match("aba*", 4, text, strlen(text)));
    assert_false(wildcard_match("*abab*", 6, text, strlen(text)));
}

/* Longer patterns than the search takes: said, not guessed. */
static void long_patterns_are_refused(void **state)
{
    char text[WITNESS_TEXT_MAX + 1];
    char pattern[1500];
    (void)state;
    memset(pattern, 'a', sizeof(pattern));
    pattern[0] = '*';
    pattern[sizeof(pattern) - 1] = '\0';
    assert_int_equal(ask(pattern, "a*", "b*", text), WITNESS_TOO_HARD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(witnesses_are_exact),
        cmocka_unit_test(long_patterns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
