/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/filter_follow.h"

#include <stdlib.h>

#include "windows/manager/installation_record.h"

#define WANTED_VALUE L"NativeFilters"

bool filters_wanted(void)
{
    DWORD wanted = 0;
    DWORD size = sizeof(wanted);
    HKEY key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY,
                      &key)) {
        return false;
    }
    LSTATUS error = RegGetValueW(key, NULL, WANTED_VALUE, RRF_RT_REG_DWORD, NULL, &wanted, &size);
    RegCloseKey(key);
    return !error && wanted == 1;
}

DWORD filters_wanted_set(bool wanted)
{
    const DWORD value = 1;
    HKEY key;
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0,
                                  KEY_SET_VALUE | KEY_WOW64_64KEY, &key);
    if (error) {
        return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : (DWORD)error;
    }
    if (wanted) {
        error =
            RegSetValueExW(key, WANTED_VALUE, 0, REG_DWORD, (const BYTE *)&value, sizeof(value));
    } else {
        error = RegDeleteValueW(key, WANTED_VALUE);
        error = error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
    }
    RegCloseKey(key);
    return (DWORD)error;
}

size_t filter_rule_count(const struct policy *policy)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        count += policy->rules[i].target != TARGET_FIREWALL;
    }
    return count;
}

enum filters_outcome filters_follow(const struct filter_engine *engine, const struct policy *policy,
                                    struct filters_report *report)
{
    struct installed_filter *list = NULL;
    struct filter_plan *plan = NULL;
    size_t count = 0;
    bool wanted = filters_wanted();
    enum filters_outcome outcome = filters_list(engine, &list, &count, report);
    free(list);
    if (outcome != FILTERS_DONE) {
        bool matters = wanted && filter_rule_count(policy);
        return matters ? outcome : FILTERS_DONE;
    }
    if (!count && (!wanted || !filter_rule_count(policy))) {
        return FILTERS_DONE;
    }
    if (!wanted) {
        filters_wanted_set(true); /* set by a release that did not note it */
    }
    outcome = filters_apply(engine, policy, &plan, report);
    if (plan) {
        filter_plan_free(plan);
    }
    return outcome;
}
