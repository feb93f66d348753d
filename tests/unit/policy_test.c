/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/image.h"
#include "core/policy.h"
#include "exact_text.h"
#include "fuzz/probe_image.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct policy *read_bytes(const void *bytes, size_t size,
                                 const struct policy_read_options *options)
{
    struct exact_text exact = exact_bytes(bytes, size);
    struct policy *policy = policy_read("dir/test.conf", exact.bytes, exact.length, options);
    exact_text_free(&exact);
    assert_non_null(policy);
    return policy;
}

/* Reads, and takes the good ones as far as an agent would. */
static size_t take(const void *bytes, size_t size)
{
    static const struct policy_read_options compat = {.compat = true};
    struct policy *policy = read_bytes(bytes, size, &compat);
    size_t errors = policy->diagnostics.errors;
    if (!errors) {
        size_t image_size = 0;
        policy_lint(policy);
        void *image = policy_compile(policy, &image_size);
        assert_non_null(image);
        assert_int_equal(image_validate(image, image_size), IMAGE_OK);
        free(image);
    }
    for (size_t i = 0; i < policy->diagnostics.count; i++) {
        const struct diagnostic *one = &policy->diagnostics.items[i];
        assert_true(!one->place.text || one->place.column <= one->place.text_length + 1);
        assert_true(one->message[0]);
    }
    policy_free(policy);
    return errors;
}

static size_t errors_of(const char *text)
{
    return take(text, strlen(text));
}

/* Each key with nothing but wrong values: an error, and nothing to sort. */
static void a_condition_of_wrong_values_is_refused(void **state)
{
    static const char *const cases[] = {
        "uuid:x",  "opnum:x",    "iface_version:x", "prot:x",   "endpoint:\\pipe\\", "addr:x",
        "auth:x",  "object:x",   "sid:x",           "user:x",   "uuid:x,y",          "opnum:,",
        "sid:@no", "addr:@no,x", "addr:!",          "opnum:!x", "process:,",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(errors_of(cases[i]) > 0);
    }
}

static void a_text_cut_anywhere_is_read_or_refused(void **state)
{
    size_t size = strlen(probe_policy);
    size_t good = 0;
    (void)state;
    for (size_t length = 0; length <= size; length++) {
        good += take(probe_policy, length) == 0;
    }
    assert_int_equal(take(probe_policy, size), 0);
    assert_true(good > 12 && good < size);
}

static void a_text_with_any_byte_changed_is_read_or_refused(void **state)
{
    static const char values[] = {'\0', ',', ':', '@', '\xff'};
    size_t size = strlen(probe_policy);
    char *copy = malloc(size);
    assert_non_null(copy);
    (void)state;
    for (size_t at = 0; at < size; at++) {
        for (size_t i = 0; i < sizeof(values); i++) {
            memcpy(copy, probe_policy, size);
            copy[at] = values[i];
            take(copy, size);
        }
    }
    free(copy);
}

/* The same rules, whatever the editor made of them. */
static void encodings_and_line_ends_make_no_difference(void **state)
{
    const size_t size = strlen(probe_policy);
    uint8_t *forms[3] = {malloc(size + 3), malloc(2 * size + 2), malloc(2 * size)};
    size_t sizes[3] = {size + 3, 2 * size + 2, 0};
    size_t wanted_size = 0;
    struct policy *plain = read_bytes(probe_policy, size, NULL);
    void *wanted = policy_compile(plain, &wanted_size);
    (void)state;
    assert_non_null(wanted);
    assert_true(forms[0] && forms[1] && forms[2]);
    memcpy(forms[0], "\xef\xbb\xbf", 3);
    memcpy(forms[0] + 3, probe_policy, size);
    memcpy(forms[1], "\xff\xfe", 2);
    for (size_t i = 0; i < size; i++) {
        forms[1][2 + 2 * i] = (uint8_t)probe_policy[i];
        forms[1][3 + 2 * i] = 0;
        if (probe_policy[i] == '\n') {
            forms[2][sizes[2]++] = '\r';
        }
        forms[2][sizes[2]++] = (uint8_t)probe_policy[i];
    }
    for (int i = 0; i < 3; i++) {
        size_t image_size = 0;
        struct policy *policy = read_bytes(forms[i], sizes[i], NULL);
        assert_int_equal(policy->diagnostics.errors, 0);
        void *image = policy_compile(policy, &image_size);
        assert_int_equal(image_size, wanted_size);
        assert_memory_equal(image, wanted, wanted_size);
        free(image);
        policy_free(policy);
        free(forms[i]);
    }
    free(wanted);
    policy_free(plain);
}

static void lines_have_a_limit(void **state)
{
    char *line = malloc(POLICY_LINE_MAX + 1);
    (void)state;
    assert_non_null(line);
    memset(line, '#', POLICY_LINE_MAX + 1);
    memcpy(line, "action:block ", 13);
    assert_int_equal(take(line, POLICY_LINE_MAX), 0);
    assert_int_equal(take(line, POLICY_LINE_MAX + 1), 1);
    free(line);
}

/* All errors of a file, each at its place. */
static void all_errors_are_told_at_once(void **state)
{
    static const char text[] = "fw:opnum:x action:deny\n\nfw:addr:1.2.3 audit:yes opnum:1,2,z\n";
    static const struct {
        uint32_t line;
        uint32_t column;
    } places[] = {{1, 10}, {1, 19}, {3, 9}, {3, 21}, {3, 35}};
    struct policy *policy = read_bytes(text, sizeof(text) - 1, NULL);
    (void)state;
    assert_int_equal(policy->diagnostics.errors, COUNT_OF(places));
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        assert_int_equal(policy->diagnostics.items[i].place.line, places[i].line);
        assert_int_equal(policy->diagnostics.items[i].place.column, places[i].column);
        assert_string_equal(policy->diagnostics.items[i].place.path, "dir/test.conf");
    }
    policy_free(policy);
}

/* ---- Includes ---- */

static int files_read;

/* "a" includes "b", "b" includes "a"; "deep" includes itself by ever longer names; "rule" is good.
 */
static void *read_file(const char *path, size_t limit, size_t *size, const char **why)
{
    const char *text = strcmp(path, "dir/a") == 0      ? "include b\n"
                       : strcmp(path, "dir/b") == 0    ? "include a\n"
                       : strstr(path, "deep")          ? "include x/deep\n"
                       : strcmp(path, "dir/rule") == 0 ? "fw:opnum:7 action:block id:inner\n"
                       : strcmp(path, "/abs") == 0     ? ""
                                                       : NULL;
    *why = "no such file";
    files_read++;
    if (!text || strlen(text) > limit) {
        return NULL;
    }
    *size = strlen(text);
    return memcpy(malloc(*size + 1), text, *size + 1);
}

static size_t include_errors(const char *text, const struct policy_read_options *options)
{
    struct policy *policy = read_bytes(text, strlen(text), options);
    size_t errors = policy->diagnostics.errors;
    policy_free(policy);
    return errors;
}

static void includes_are_bounded(void **state)
{
    const struct policy_read_options options = {.read_file = read_file};
    (void)state;
    assert_int_equal(include_errors("include rule\n", NULL), 1);
    assert_int_equal(include_errors("include rule\n", &options), 0);
    assert_int_equal(include_errors("include /abs\n", &options), 0);
    assert_int_equal(include_errors("include none\n", &options), 1);
    assert_int_equal(include_errors("include test.conf\n", &options), 1);
    assert_int_equal(include_errors("include a\n", &options), 1);
    files_read = 0;
    assert_int_equal(include_errors("include deep\n", &options), 1);
    assert_int_equal(files_read, POLICY_INCLUDE_DEPTH);
}

static void included_rules_stand_in_the_place_of_the_include(void **state)
{
    static const char text[] = "fw:opnum:1\ninclude rule\nfw:opnum:2\n";
    const struct policy_read_options options = {.read_file = read_file};
    size_t size = 0;
    struct policy *policy = read_bytes(text, sizeof(text) - 1, &options);
    struct policy_image *image = policy_compile(policy, &size);
    (void)state;
    assert_non_null(image);
    assert_int_equal(image->rules.count, 3);
    assert_int_equal(image_rule(image, 0)->line, 1);
    assert_int_equal(image_rule(image, 1)->line, 1);
    assert_int_equal(image_rule(image, 2)->line, 3);
    assert_string_equal(image_text(image, image_rule(image, 0)->file), "");
    assert_string_equal(image_text(image, image_rule(image, 1)->file), "dir/rule");
    assert_string_equal(image_text(image, image_rule(image, 1)->name), "inner");
    free(image);
    policy_free(policy);
}

/* Hundreds of thousands of rules are no limit, and none is lost. */
static void many_rules_are_all_kept(void **state)
{
    enum { RULES = 100000 };
    char *text = malloc(RULES * 32);
    size_t length = 0;
    size_t size = 0;
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < RULES; i++) {
        length += (size_t)sprintf(text + length, "opnum:%d addr:10.%d.%d.0\n", i % 100,
                                  i >> 8 & 255, i & 255);
    }
    struct policy *policy = policy_read("p", text, length, NULL);
    assert_non_null(policy);
    assert_int_equal(policy->diagnostics.errors, 0);
    struct policy_image *image = policy_compile(policy, &size);
    assert_non_null(image);
    assert_int_equal(image_validate(image, size), IMAGE_OK);
    assert_int_equal(image->rules.count, RULES);
    assert_int_equal(image_rule(image, RULES - 1)->line, RULES);
    free(image);
    policy_free(policy);
    free(text);
}

static void only_rules_for_the_firewall_are_compiled(void **state)
{
    static const char text[] = "flt:opnum:1\nfw:opnum:2\nall:opnum:3\n";
    size_t size = 0;
    struct policy *policy = read_bytes(text, sizeof(text) - 1, NULL);
    struct policy_image *image = policy_compile(policy, &size);
    (void)state;
    assert_non_null(image);
    assert_int_equal(image->rules.count, 2);
    assert_int_equal(image_rule(image, 0)->line, 2);
    assert_int_equal(image_rule(image, 1)->line, 3);
    free(image);
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_of_wrong_values_is_refused),
        cmocka_unit_test(a_text_cut_anywhere_is_read_or_refused),
        cmocka_unit_test(a_text_with_any_byte_changed_is_read_or_refused),
        cmocka_unit_test(encodings_and_line_ends_make_no_difference),
        cmocka_unit_test(lines_have_a_limit),
        cmocka_unit_test(all_errors_are_told_at_once),
        cmocka_unit_test(includes_are_bounded),
        cmocka_unit_test(included_rules_stand_in_the_place_of_the_include),
        cmocka_unit_test(many_rules_are_all_kept),
        cmocka_unit_test(only_rules_for_the_firewall_are_compiled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
