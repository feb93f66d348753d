/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/protseq.h"
#include "exact_text.h"

static enum protseq from_name(const char *name)
{
    struct exact_text exact = exact_text(name);
    enum protseq protseq = protseq_from_name(exact.bytes, exact.length);
    exact_text_free(&exact);
    return protseq;
}

static void every_sequence_has_a_name_that_leads_back(void **state)
{
    (void)state;
    for (int i = PROTSEQ_UNKNOWN + 1; i < PROTSEQ_COUNT; i++) {
        assert_int_equal(from_name(protseq_name((enum protseq)i)), i);
        assert_int_equal(protseq_name((enum protseq)i)[0], 'n');
    }
}

/* Images hold the numbers. */
static void numbers_are_fixed(void **state)
{
    (void)state;
    assert_int_equal(from_name("ncacn_ip_tcp"), 1);
    assert_int_equal(from_name("ncacn_np"), 2);
    assert_int_equal(from_name("ncacn_http"), 3);
    assert_int_equal(from_name("ncalrpc"), 4);
    assert_int_equal(from_name("ncadg_ip_udp"), 5);
}

static void only_exact_names_are_taken(void **state)
{
    static const char *const cases[] = {"",         "n",        "ncacn",         "ncacn_ip_tcp ",
                                        "ncacn_ip", "NCACN_NP", "ncacn_ip_tcp6", " ncalrpc",
                                        "tcp",      "UNKNOWN",  "ncacn_np:",     "ncalrp"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(from_name(cases[i]), PROTSEQ_UNKNOWN);
    }
}

static void numbers_out_of_range_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(protseq_name(PROTSEQ_UNKNOWN), "UNKNOWN");
    assert_string_equal(protseq_name(PROTSEQ_COUNT), "UNKNOWN");
    assert_string_equal(protseq_name((enum protseq) - 1), "UNKNOWN");
    assert_string_equal(protseq_name((enum protseq)0x7fffffff), "UNKNOWN");
}

static void all_but_ncalrpc_are_remote(void **state)
{
    (void)state;
    for (int i = 0; i < PROTSEQ_COUNT; i++) {
        assert_int_equal(protseq_is_remote((enum protseq)i), i != PROTSEQ_NCALRPC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence_has_a_name_that_leads_back),
        cmocka_unit_test(numbers_are_fixed),
        cmocka_unit_test(only_exact_names_are_taken),
        cmocka_unit_test(numbers_out_of_range_are_unknown),
        cmocka_unit_test(all_but_ncalrpc_are_remote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
