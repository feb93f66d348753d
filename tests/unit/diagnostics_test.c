/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/diagnostics.h"
#include "exact_text.h"

static void add(struct diagnostics *list, uint32_t file, uint32_t line, uint32_t column)
{
    struct source_place place = {.path = "p", .file = file, .line = line, .column = column};
    diagnostics_add(list, DIAGNOSTIC_ERROR, &place, NULL, "%u:%u:%u", file, line, column);
}

static void sorts_by_place(void **state)
{
    static const char *const order[] = {"0:1:9", "0:2:1", "0:2:10", "0:10:1", "1:1:1"};
    struct diagnostics list = {0};
    (void)state;
    add(&list, 1, 1, 1);
    add(&list, 0, 10, 1);
    add(&list, 0, 2, 10);
    add(&list, 0, 1, 9);
    add(&list, 0, 2, 1);
    diagnostics_sort(&list);
    assert_int_equal(list.count, 5);
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.items[i].message, order[i]);
    }
    diagnostics_free(&list);
    diagnostics_sort(&list);
    assert_int_equal(list.count, 0);
}

static void counts_what_it_does_not_keep(void **state)
{
    struct diagnostics list = {0};
    struct source_place place = {.path = "p"};
    (void)state;
    for (uint32_t i = 0; i < DIAGNOSTICS_MAX + 5; i++) {
        add(&list, 0, i, 1);
    }
    diagnostics_add(&list, DIAGNOSTIC_WARNING, &place, NULL, "one more");
    assert_int_equal(list.count, DIAGNOSTICS_MAX);
    assert_int_equal(list.errors, DIAGNOSTICS_MAX + 5);
    assert_int_equal(list.warnings, 1);
    diagnostics_free(&list);
}

static void cuts_what_is_too_long(void **state)
{
    struct diagnostics list = {0};
    struct source_place place = {.path = "p"};
    char text[1000];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    diagnostics_add(&list, DIAGNOSTIC_WARNING, &place, text, "%s", text);
    assert_int_equal(strlen(list.items[0].message), sizeof(list.items[0].message) - 1);
    assert_int_equal(strlen(list.items[0].suggestion), sizeof(list.items[0].suggestion) - 1);
    diagnostics_free(&list);
}

static const char *closest(const char *word)
{
    static const char *const keys[] = {"uuid", "opnum", "addr", "prot", "action", "audit", NULL};
    struct exact_text exact = exact_text(word);
    const char *found = closest_word(exact.bytes, exact.length, keys);
    exact_text_free(&exact);
    return found ? found : "";
}

static void suggests_what_was_meant(void **state)
{
    static const struct {
        const char *word;
        const char *meant;
    } cases[] = {
        {"uuid", "uuid"},
        {"UUID", "uuid"},
        {"uid", "uuid"},
        {"uudi", "uuid"},
        {"opnums", "opnum"},
        {"opmun", "opnum"},
        {"adr", "addr"},
        {"adrr", "addr"},
        {"port", "prot"},
        {"aciton", "action"},
        {"audt", "audit"},
        {"", ""},
        {"sddl", ""},
        {"not_saddr", ""},
        {"zzzz", ""},
        {"x", ""},
        {"uuiduuiduuiduuiduuiduuiduuiduuiduuid", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(closest(cases[i].word), cases[i].meant);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_by_place),
        cmocka_unit_test(counts_what_it_does_not_keep),
        cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(suggests_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
