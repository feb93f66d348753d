/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/sid_alias.h"
#include "exact_text.h"

static const struct sid domain = {
    .revision = 1,
    .sub_authority_count = 4,
    .identifier_authority = {0, 0, 0, 0, 0, 5},
    .sub_authority = {21, 1, 2, 3},
};

static enum sid_alias_result find(const char *text, size_t length, const struct sid *base,
                                  struct sid *out)
{
    struct exact_text exact = exact_bytes(text, length);
    enum sid_alias_result result = sid_from_alias(exact.bytes, exact.length, base, out);
    exact_text_free(&exact);
    return result;
}

/* [MS-DTYP] 2.5.1.1 and 2.4.2.4. */
static void aliases_stand_for_their_sids(void **state)
{
    static const struct {
        const char *alias;
        const char *sid;
    } cases[] = {
        {"WD", "S-1-1-0"},
        {"AN", "S-1-5-7"},
        {"AU", "S-1-5-11"},
        {"SY", "S-1-5-18"},
        {"LS", "S-1-5-19"},
        {"NS", "S-1-5-20"},
        {"NU", "S-1-5-2"},
        {"IU", "S-1-5-4"},
        {"SU", "S-1-5-6"},
        {"ED", "S-1-5-9"},
        {"PS", "S-1-5-10"},
        {"RC", "S-1-5-12"},
        {"BA", "S-1-5-32-544"},
        {"BU", "S-1-5-32-545"},
        {"BG", "S-1-5-32-546"},
        {"PU", "S-1-5-32-547"},
        {"AO", "S-1-5-32-548"},
        {"SO", "S-1-5-32-549"},
        {"PO", "S-1-5-32-550"},
        {"BO", "S-1-5-32-551"},
        {"RE", "S-1-5-32-552"},
        {"RU", "S-1-5-32-554"},
        {"RD", "S-1-5-32-555"},
        {"NO", "S-1-5-32-556"},
        {"DA", "S-1-5-21-1-2-3-512"},
        {"DU", "S-1-5-21-1-2-3-513"},
        {"DG", "S-1-5-21-1-2-3-514"},
        {"DC", "S-1-5-21-1-2-3-515"},
        {"DD", "S-1-5-21-1-2-3-516"},
        {"CA", "S-1-5-21-1-2-3-517"},
        {"SA", "S-1-5-21-1-2-3-518"},
        {"EA", "S-1-5-21-1-2-3-519"},
        {"PA", "S-1-5-21-1-2-3-520"},
        {"LA", "S-1-5-21-1-2-3-500"},
        {"LG", "S-1-5-21-1-2-3-501"},
        {"RS", "S-1-5-21-1-2-3-553"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sid sid;
        char text[SID_TEXT_SIZE];
        assert_int_equal(find(cases[i].alias, 2, &domain, &sid), SID_ALIAS_FOUND);
        assert_string_equal(sid_format(&sid, text), cases[i].sid);
    }
}

static void a_relative_alias_needs_a_domain(void **state)
{
    struct sid full = domain;
    struct sid before;
    struct sid sid;
    (void)state;
    memset(&before, 0x5a, sizeof(before));
    sid = before;
    assert_int_equal(find("DA", 2, NULL, &sid), SID_ALIAS_NO_DOMAIN);
    full.sub_authority_count = SID_MAX_SUB_AUTHORITIES;
    assert_int_equal(find("DA", 2, &full, &sid), SID_ALIAS_NO_DOMAIN);
    assert_memory_equal(&sid, &before, sizeof(sid));
    assert_int_equal(find("BA", 2, NULL, &sid), SID_ALIAS_FOUND);
}

static void other_words_are_none(void **state)
{
    static const char *const cases[] = {"", "B", "ba", "Ba", "BAA", "XX", "B ", " BA", "S-1-5-18"};
    struct sid sid;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(find(cases[i], strlen(cases[i]), &domain, &sid), SID_ALIAS_NONE);
    }
}

/* No alias stands for no SID, and no two for the same one. */
static void every_alias_is_a_valid_sid_of_its_own(void **state)
{
    static struct sid found[26 * 26];
    size_t count = 0;
    (void)state;
    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'Z'; b++) {
            char text[2] = {a, b};
            if (find(text, 2, &domain, &found[count]) != SID_ALIAS_FOUND) {
                continue;
            }
            assert_true(sid_is_valid(&found[count]));
            for (size_t i = 0; i < count; i++) {
                assert_false(sid_equal(&found[i], &found[count]));
            }
            count++;
        }
    }
    assert_true(count >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aliases_stand_for_their_sids),
        cmocka_unit_test(a_relative_alias_needs_a_domain),
        cmocka_unit_test(other_words_are_none),
        cmocka_unit_test(every_alias_is_a_valid_sid_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
