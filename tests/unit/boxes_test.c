/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/learn/boxes.h"
#include "cli/learn/value_table.h"

/* Calls of a small world: four opnums, addresses and users, two transports, two levels. */
struct seen {
    uint32_t values[BOX_KEYS];
};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* Without `any`, everything is known of every call. */
static struct seen draw_call(uint64_t *seed, bool any)
{
    struct seen seen = {{0}};

    seen.values[BOX_OPNUM] = 1 + draw(seed, 4);
    seen.values[BOX_ADDR] = any ? draw(seed, 4) : 1 + draw(seed, 4);
    seen.values[BOX_USER] = any ? draw(seed, 4) : 1 + draw(seed, 4);
    seen.values[BOX_PROT] = 1 + draw(seed, 2);
    seen.values[BOX_AUTH] = any ? draw(seed, 3) : 1 + draw(seed, 3);
    return seen;
}

static bool value_fits(uint32_t rule, int key, uint32_t value)
{
    if (rule == VALUE_ANY)
        return true;
    return key == BOX_AUTH ? value >= rule : value == rule;
}

static bool seen_fits(const struct seen *rule, const struct seen *call)
{
    for (int key = 0; key < BOX_KEYS; key++) {
        if (!value_fits(rule->values[key], key, call->values[key]))
            return false;
    }
    return true;
}

static bool box_fits(const struct boxes *boxes, const struct box *box, const struct seen *call)
{
    for (int key = 0; key < BOX_KEYS; key++) {
        size_t count;
        const uint32_t *values = box_values(boxes, box->sets[key], &count);
        bool fits = false;
        for (size_t i = 0; i < count && !fits; i++)
            fits = value_fits(values[i], key, call->values[key]);
        if (!fits)
            return false;
    }
    return true;
}

/* Every call of the world, seen or not, is let in by the boxes just as by what was put in. */
static void assert_same(const struct boxes *boxes, const struct seen *seen, size_t count)
{
    struct seen call = {{0}};

    for (unsigned i = 0; i < 5 * 5 * 5 * 3 * 4; i++) {
        call.values[BOX_OPNUM] = 1 + i % 5;
        call.values[BOX_ADDR] = 1 + i / 5 % 5;
        call.values[BOX_USER] = 1 + i / 25 % 5;
        call.values[BOX_PROT] = 1 + i / 125 % 3;
        call.values[BOX_AUTH] = 1 + i / 375 % 4;
        bool expected = false;
        bool actual = false;
        for (size_t k = 0; k < count && !expected; k++)
            expected = seen_fits(&seen[k], &call);
        for (size_t k = 0; k < boxes->count && !actual; k++)
            actual = box_fits(boxes, &boxes->items[k], &call);
        assert_int_equal(actual, expected);
    }
}

static void join_random_calls(uint64_t seed, bool any, size_t *before, size_t *after)
{
    struct seen seen[40];
    struct boxes boxes;
    uint64_t calls = 0;
    size_t count = 1 + draw(&seed, 40);

    assert_true(boxes_begin(&boxes));
    for (size_t i = 0; i < count; i++) {
        struct box box = {.interface = 1, .calls = i + 1};
        seen[i] = draw_call(&seed, any);
        assert_true(boxes_add(&boxes, &box, seen[i].values));
    }
    assert_true(boxes_join(&boxes));
    assert_same(&boxes, seen, count);
    for (size_t i = 0; i < boxes.count; i++)
        calls += boxes.items[i].calls;
    assert_int_equal(calls, count * (count + 1) / 2);
    *before += count;
    *after += boxes.count;
    boxes_free(&boxes);
}

static void lets_in_what_was_seen_and_no_more(void **state)
{
    size_t before = 0;
    size_t after = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++)
        join_random_calls(seed, seed % 2, &before, &after);
    assert_true(after < before);
}

static void makes_one_box_of_a_block(void **state)
{
    struct boxes boxes;
    struct box box = {.interface = 1, .calls = 1};
    size_t count;

    (void)state;
    assert_true(boxes_begin(&boxes));
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t values[BOX_KEYS] = {0};
        values[BOX_OPNUM] = 1 + i % 3;
        values[BOX_ADDR] = 1 + i / 3 % 4;
        values[BOX_USER] = 1 + i / 12;
        assert_true(boxes_add(&boxes, &box, values));
    }
    assert_true(boxes_join(&boxes));
    assert_int_equal(boxes.count, 1);
    box_values(&boxes, boxes.items[0].sets[BOX_ADDR], &count);
    assert_int_equal(count, 4);
    boxes_free(&boxes);
}

static void keeps_interfaces_apart(void **state)
{
    static const uint32_t values[BOX_KEYS] = {[BOX_OPNUM] = 1};
    struct boxes boxes;

    (void)state;
    assert_true(boxes_begin(&boxes));
    for (uint32_t interface = 2; interface; interface--) {
        struct box box = {.interface = interface, .calls = 1};
        assert_true(boxes_add(&boxes, &box, values));
    }
    assert_true(boxes_join(&boxes));
    assert_int_equal(boxes.count, 2);
    assert_int_equal(boxes.items[0].interface, 1);
    boxes_free(&boxes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_what_was_seen_and_no_more),
        cmocka_unit_test(makes_one_box_of_a_block),
        cmocka_unit_test(keeps_interfaces_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
