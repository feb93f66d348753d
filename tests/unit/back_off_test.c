/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/back_off.h"

static void first_try_is_at_once(void **state)
{
    struct back_off back_off = {0};

    (void)state;
    assert_true(back_off_is_over(&back_off, 0));
}

static void waits_double_up_to_a_minute(void **state)
{
    static const uint32_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct back_off back_off = {0};
    uint64_t now = 5;

    (void)state;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        back_off_failed(&back_off, now);
        assert_false(back_off_is_over(&back_off, now + waits[i] - 1));
        assert_true(back_off_is_over(&back_off, now + waits[i]));
        now += waits[i];
    }
}

static void success_starts_over(void **state)
{
    struct back_off back_off = {0};

    (void)state;
    back_off_failed(&back_off, 0);
    back_off_failed(&back_off, 1000);
    back_off_succeeded(&back_off);
    assert_true(back_off_is_over(&back_off, 1000));
    back_off_failed(&back_off, 1000);
    assert_true(back_off_is_over(&back_off, 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_try_is_at_once),
        cmocka_unit_test(waits_double_up_to_a_minute),
        cmocka_unit_test(success_starts_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
