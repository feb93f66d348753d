/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "samba/agent/preload_list.h"

#define OWN "/usr/lib/rpcfw/a.so"

static void set(const char *list)
{
    if (list)
        setenv("LD_PRELOAD", list, 1);
    else
        unsetenv("LD_PRELOAD");
}

static void check(const char *wanted)
{
    const char *list = getenv("LD_PRELOAD");

    if (!wanted)
        assert_null(list);
    else
        assert_string_equal(list, wanted);
}

static void adding_and_removing_leave_what_others_put_there(void **state)
{
    static const struct {
        const char *before;
        const char *added;
        const char *removed;
    } cases[] = {
        {NULL, OWN, NULL},
        {"", OWN, NULL},
        {"/x.so", "/x.so:" OWN, "/x.so"},
        {"/x.so /y.so", "/x.so /y.so:" OWN, "/x.so /y.so"},
        {OWN, OWN, NULL},
        {OWN ":/x.so", OWN ":/x.so", "/x.so"},
        {"/x.so:" OWN " /y.so", "/x.so:" OWN " /y.so", "/x.so:/y.so"},
        {OWN "2", OWN "2:" OWN, OWN "2"},
        {"/b" OWN, "/b" OWN ":" OWN, "/b" OWN},
        {"::/x.so: ", "::/x.so: :" OWN, "::/x.so"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set(cases[i].before);
        assert_true(preload_list_add(OWN));
        check(cases[i].added);
        assert_true(preload_list_has(OWN));
        assert_true(preload_list_add(OWN));
        check(cases[i].added);
        preload_list_remove(OWN);
        check(cases[i].removed);
        assert_false(preload_list_has(OWN));
        preload_list_remove(OWN);
        check(cases[i].removed);
    }
    set(NULL);
}

static void a_path_that_the_loader_would_split_is_refused(void **state)
{
    (void)state;
    assert_false(preload_list_add("/a b.so"));
    assert_false(preload_list_add("/a:b.so"));
    assert_false(preload_list_add(""));
    check(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_and_removing_leave_what_others_put_there),
        cmocka_unit_test(a_path_that_the_loader_would_split_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
