/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/filter_control.h"

#include <stdio.h>
#include <stdlib.h>

#include "windows/filters/filters.h"
#include "windows/manager/compiled_policy.h"
#include "windows/manager/filter_follow.h"
#include "windows/manager/policy_file.h"

/* How many are in force; 0 also where that cannot be told. */
static size_t filters_in_force(void)
{
    struct installed_filter *list = NULL;
    struct filters_report report;
    size_t count = 0;
    if (filters_list(filters_windows_engine(), &list, &count, &report) != FILTERS_DONE) {
        return 0;
    }
    free(list);
    return count;
}

static int report_outcome(const struct cli_verb *verb, enum filters_outcome outcome,
                          const struct filters_report *report, struct filter_change *change)
{
    if (report->warning) {
        verb_system_error(verb, report->warning, report->warning_error);
    }
    switch (outcome) {
    case FILTERS_DONE:
        change->changed = true;
        change->in_force = report->added;
        change->before = report->removed;
        return CLI_DONE;
    case FILTERS_NO_ENGINE:
        return verb_error(verb, "this Windows has no RPC filter engine; nothing enforces the flt: "
                                "rules");
    case FILTERS_REFUSED:
        verb_error(verb, "a flt: rule cannot be enforced on this host; \"" MANAGER_NAME
                         " plan\" says which and why; the filters are as they were");
        return CLI_NO;
    default:
        return verb_system_error(verb, report->step ? report->step : "the filters cannot be set",
                                 report->error);
    }
}

static int apply(const struct cli_verb *verb, const struct policy *policy,
                 struct filter_change *change)
{
    struct filter_plan *plan = NULL;
    struct filters_report report = {0};
    enum filters_outcome outcome = filters_apply(filters_windows_engine(), policy, &plan, &report);
    if (plan) {
        filter_plan_free(plan);
    }
    return report_outcome(verb, outcome, &report, change);
}

static int start(const struct cli_verb *verb, const struct policy *policy,
                 struct filter_change *change)
{
    change->rules = filter_rule_count(policy);
    if (change->rules || filters_in_force()) {
        int code = apply(verb, policy, change);
        if (code != CLI_DONE) {
            return code;
        }
    }
    DWORD error = filters_wanted_set(true);
    return error ? verb_system_error(verb, "that filters are wanted cannot be noted", error)
                 : CLI_DONE;
}

int filter_control_start(const struct cli_verb *verb, const struct verb_arguments *arguments,
                         struct filter_change *change)
{
    char path[UTF8_PATH_SIZE];
    struct compiled_policy compiled;
    *change = (struct filter_change){0};
    if (!policy_file_path(arguments->policy, path)) {
        return verb_system_error(verb, "the policy file cannot be named", GetLastError());
    }
    int code;
    enum compiled_policy_result result = compiled_policy_load(path, arguments->compat, &compiled);
    if (result == COMPILED_POLICY_ERRORS) {
        verb_error(verb,
                   "the policy has errors (\"" MANAGER_NAME " check\" names them); the native "
                   "filters are as they were");
        code = CLI_NO;
    } else if (result != COMPILED_POLICY_GOOD) {
        code = verb_error(verb, "the policy cannot be read");
    } else {
        code = start(verb, compiled.policy, change);
    }
    compiled_policy_free(&compiled);
    return code;
}

int filter_control_follow(const struct cli_verb *verb, const struct verb_arguments *arguments)
{
    struct filter_change change;
    if (!filters_wanted() && !filters_in_force()) {
        return CLI_DONE;
    }
    int code = filter_control_start(verb, arguments, &change);
    filter_control_print(&change);
    return code;
}

int filter_control_stop(const struct cli_verb *verb, struct filter_change *change)
{
    struct filters_report report = {0};
    *change = (struct filter_change){0};
    enum filters_outcome outcome = filters_remove(filters_windows_engine(), &report);
    if (outcome != FILTERS_DONE && outcome != FILTERS_NO_ENGINE) {
        return verb_system_error(verb, report.step ? report.step : "the filters cannot be removed",
                                 report.error);
    }
    change->changed = outcome == FILTERS_DONE && report.removed;
    change->before = report.removed;
    DWORD error = filters_wanted_set(false);
    return error ? verb_system_error(verb, "that no filters are wanted cannot be noted", error)
                 : CLI_DONE;
}

void filter_control_print(const struct filter_change *change)
{
    if (change->changed) {
        printf("native RPC filters: %llu in force, %llu before\n",
               (unsigned long long)change->in_force, (unsigned long long)change->before);
    }
}
