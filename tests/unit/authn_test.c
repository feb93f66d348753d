/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/authn.h"
#include "exact_text.h"

static bool level_of(const char *text, enum authn_level *out)
{
    struct exact_text exact = exact_text(text);
    bool good = authn_level_from_policy(exact.bytes, exact.length, out);
    exact_text_free(&exact);
    return good;
}

static bool service_of(const char *text, unsigned *out)
{
    struct exact_text exact = exact_text(text);
    bool good = authn_service_from_name(exact.bytes, exact.length, out);
    exact_text_free(&exact);
    return good;
}

/* [MS-RPCE] 2.2.1.1.8; published rules read the names. */
static void levels_have_their_names(void **state)
{
    static const char *const names[] = {"DEFAULT", "NONE",          "CONNECT",    "CALL",
                                        "PKT",     "PKT_INTEGRITY", "PKT_PRIVACY"};
    (void)state;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_string_equal(authn_level_name(i), names[i]);
    }
    assert_string_equal(authn_level_name(7), "UNKNOWN");
    assert_string_equal(authn_level_name(UINT32_MAX), "UNKNOWN");
}

static void policies_name_levels_in_their_order(void **state)
{
    static const char *const names[] = {"none", "connect", "call", "pkt", "integrity", "privacy"};
    (void)state;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum authn_level level = AUTHN_LEVEL_DEFAULT;
        assert_true(level_of(names[i], &level));
        assert_int_equal(level, i + 1);
        assert_string_equal(authn_level_policy_name(level), names[i]);
    }
}

static void other_words_are_no_levels(void **state)
{
    static const char *const cases[] = {"",     "default",  "NONE", "Privacy", "pk", "pkt_privacy",
                                        "pkts", "privacy ", "<pkt", "6"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum authn_level level = AUTHN_LEVEL_CALL;
        assert_false(level_of(cases[i], &level));
        assert_int_equal(level, AUTHN_LEVEL_CALL);
    }
}

/* [MS-RPCE] 2.2.1.1.7. */
static void services_have_their_names(void **state)
{
    static const struct {
        unsigned number;
        const char *name;
    } cases[] = {{0, "NONE"},      {9, "NEGOTIATE"}, {10, "WINNT"},
                 {14, "SCHANNEL"}, {16, "KERBEROS"}, {68, "NETLOGON"},
                 {3, "UNKNOWN"},   {255, "UNKNOWN"}, {266, "UNKNOWN"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(authn_service_name(cases[i].number), cases[i].name);
    }
}

static void every_service_name_leads_back(void **state)
{
    unsigned named = 0;
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        unsigned number = 1000;
        char text[8];
        const char *name = authn_service_name(i);
        if (strcmp(name, "UNKNOWN") != 0) {
            assert_true(service_of(name, &number));
            assert_int_equal(number, i);
            named++;
        }
        snprintf(text, sizeof(text), "%u", i);
        assert_true(service_of(text, &number));
        assert_int_equal(number, i);
    }
    assert_true(named >= 6);
}

static void services_are_read_in_either_case(void **state)
{
    unsigned number = 0;
    (void)state;
    assert_true(service_of("kerberos", &number));
    assert_int_equal(number, AUTHN_SERVICE_KERBEROS);
    assert_true(service_of("WinNT", &number));
    assert_int_equal(number, AUTHN_SERVICE_WINNT);
}

static void other_words_are_no_services(void **state)
{
    static const char *const cases[] = {"",   "256",     "1000",      "-1",      "0x10",
                                        "1 ", "KERBERO", "KERBEROSS", "UNKNOWN", "4294967296"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned number = 77;
        assert_false(service_of(cases[i], &number));
        assert_int_equal(number, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_their_names),
        cmocka_unit_test(policies_name_levels_in_their_order),
        cmocka_unit_test(other_words_are_no_levels),
        cmocka_unit_test(services_have_their_names),
        cmocka_unit_test(every_service_name_leads_back),
        cmocka_unit_test(services_are_read_in_either_case),
        cmocka_unit_test(other_words_are_no_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
