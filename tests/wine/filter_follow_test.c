/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native filters that follow the policy: the wish for them outlives a policy without rules for
 * them. The engine is one in memory, for Wine has none; the registry is the real one.
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#include "../plan/fake_engine.h"
#include "core/policy.h"
#include "windows/manager/filter_follow.h"
#include "windows/manager/installation_record.h"
#include "wine_check.h"

#define WITH_RULES    "flt:uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 action:block\n"
#define WITHOUT_RULES "fw:action:allow\n"

static struct fake_engine fake;

static bool make_key(void)
{
    HKEY key;
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0, NULL, REG_OPTION_NON_VOLATILE,
                        KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &key, NULL)) {
        return false;
    }
    RegCloseKey(key);
    return true;
}

static enum filters_outcome follow(const char *text)
{
    struct filters_report report;
    struct policy *policy = policy_read("RpcFw.conf", text, strlen(text), NULL);
    if (!policy || policy->diagnostics.errors) {
        check(false, "%s", text);
        policy_free(policy);
        return FILTERS_FAILED;
    }
    enum filters_outcome outcome = filters_follow(&fake.table, policy, &report);
    policy_free(policy);
    return outcome;
}

static void test_not_wanted(void)
{
    fake_engine_init(&fake);
    check(!filters_wanted(), "none are wanted at first");
    check(follow(WITH_RULES) == FILTERS_DONE && fake.committed.count == 0,
          "so a policy with rules for filters sets none");
}

static void test_rules_go_and_come_back(void)
{
    fake_engine_init(&fake);
    check(filters_wanted_set(true) == ERROR_SUCCESS && filters_wanted(), "they are wanted");
    check(follow(WITHOUT_RULES) == FILTERS_DONE && !fake.committed.count,
          "a policy without rules for them sets none");
    check(follow(WITH_RULES) == FILTERS_DONE && fake.committed.count, "one with rules sets them");
    size_t count = fake.committed.count;
    check(follow(WITHOUT_RULES) == FILTERS_DONE && !fake.committed.count, "without rules they go");
    check(filters_wanted(), "and are wanted still");
    check(follow(WITH_RULES) == FILTERS_DONE && fake.committed.count == count,
          "with rules they come back");
}

static void test_stopped(void)
{
    struct filters_report report;
    check(filters_remove(&fake.table, &report) == FILTERS_DONE &&
              filters_wanted_set(false) == ERROR_SUCCESS && !filters_wanted(),
          "they are stopped");
    check(filters_wanted_set(false) == ERROR_SUCCESS, "twice");
    check(follow(WITH_RULES) == FILTERS_DONE && !fake.committed.count, "and stay away");
}

/* As a release left them that did not note the wish. */
static void test_in_force_unnoted(void)
{
    fake_engine_init(&fake);
    filters_wanted_set(true);
    follow(WITH_RULES);
    filters_wanted_set(false);
    check(follow(WITHOUT_RULES) == FILTERS_DONE && !fake.committed.count,
          "filters that are in force follow the policy");
    check(filters_wanted(), "and are wanted from then on");
}

static void test_failures(void)
{
    fake_engine_init(&fake);
    filters_wanted_set(true);
    follow(WITH_RULES);
    size_t count = fake.committed.count;
    fake.calls = 0;
    fake.fail_at = 4;
    check(follow(WITH_RULES) == FILTERS_FAILED && fake.committed.count == count,
          "what fails leaves the old ones");
    fake_engine_init(&fake);
    fake.absent = true;
    check(follow(WITH_RULES) == FILTERS_NO_ENGINE, "without an engine, rules are told");
    check(follow(WITHOUT_RULES) == FILTERS_DONE, "and nothing where there are none");
    filters_wanted_set(false);
    check(follow(WITH_RULES) == FILTERS_DONE, "nor where none are wanted");
}

int main(void)
{
    if (!make_key()) {
        printf("FAILED: the registry key cannot be made\n");
        return 1;
    }
    filters_wanted_set(false);
    test_not_wanted();
    test_rules_go_and_come_back();
    test_stopped();
    test_in_force_unnoted();
    test_failures();
    printf("%d failed\n", failures);
    return failures != 0;
}
