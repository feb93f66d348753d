/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/manager/active_policy.h"
#include "windows/manager/installation.h"
#include "windows/manager/process_report.h"
#include "windows/manager/process_snapshot.h"
#include "windows/manager/process_target.h"

#define SYSTEM_PID 4

/* Milliseconds that an agent that does not protect may take to be gone. */
#define LEAVE_TIMEOUT 1000

/* An agent that leaves stays loaded for a while so that its reason can be read. */
static void see_off(const struct process_entry *process, const wchar_t *agent_path,
                    struct protection_result *result)
{
    if (!protection_see_off(agent_path, process->pid, result, LEAVE_TIMEOUT)) {
        size_t length = strlen(result->reason);
        snprintf(result->reason + length, sizeof(result->reason) - length,
                 "; the agent has not left after %d s", LEAVE_TIMEOUT / 1000);
        result->outcome = PROTECTION_REFUSED;
    }
}

/*
 * Protects each process of the list and prints a line for each. Agents that leave are waited for
 * after all have been tried, so that many processes without RPC take one second together and not
 * one each.
 */
static bool protect(const struct process_list *list, const wchar_t *agent_path,
                    struct process_tally *tally)
{
    struct protection_result *results = calloc(list->count, sizeof(*results));
    if (!results) {
        return false;
    }
    struct process_snapshot snapshot = {0};
    process_snapshot_take(&snapshot);
    for (size_t i = 0; i < list->count; i++) {
        const struct process_fact *fact = process_snapshot_find(&snapshot, list->entries[i].pid);
        if (fact && fact->suspended) {
            protection_refuse(&results[i], ADMISSION_SUSPENDED);
        } else {
            protection_add(agent_path, list->entries[i].pid, &results[i]);
        }
        if (!protection_may_be_leaving(&results[i])) {
            process_report(&list->entries[i], &results[i], tally);
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        if (protection_may_be_leaving(&results[i])) {
            see_off(&list->entries[i], agent_path, &results[i]);
            process_report(&list->entries[i], &results[i], tally);
        }
    }
    process_snapshot_free(&snapshot);
    free(results);
    return true;
}

/* All processes but those that nobody can mean: the system itself and this manager. */
static void keep_candidates(struct process_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        DWORD pid = list->entries[i].pid;
        if (pid != 0 && pid != SYSTEM_PID && pid != GetCurrentProcessId()) {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = kept;
}

/*
 * Of named processes, refused ones make an error, and all being no RPC servers makes a no. Of all
 * processes, some refuse on every machine (protected ones), so that is an error only when nothing
 * could be protected.
 */
static int judge(const struct process_tally *tally, bool all)
{
    bool some = tally->by_outcome[PROTECTION_ADDED] || tally->by_outcome[PROTECTION_PRESENT];
    bool refused = tally->by_outcome[PROTECTION_REFUSED] != 0;
    if (all) {
        return refused && !some ? CLI_ERROR : CLI_DONE;
    }
    if (refused) {
        return CLI_ERROR;
    }
    return some ? CLI_DONE : CLI_NO;
}

static int protect_under_policy(const struct cli_verb *verb, const struct verb_arguments *arguments,
                                const struct process_list *list)
{
    wchar_t agent_path[MAX_PATH];
    if (!installation_require(verb, agent_path)) {
        return CLI_ERROR;
    }
    struct active_policy policy;
    int code = active_policy_open(verb, arguments, &policy);
    if (code != CLI_DONE) {
        return code;
    }
    struct process_tally tally = {0};
    if (protect(list, agent_path, &tally)) {
        process_tally_print(&tally, "no process to protect");
        code = judge(&tally, arguments->target == NULL);
    } else {
        code = verb_error(verb, "out of memory");
    }
    active_policy_close(&policy);
    return code;
}

typedef bool (*target_filter)(const char *target, struct process_list *list);

static bool filter_by_pid(const char *target, struct process_list *list)
{
    DWORD pid;
    if (!process_target_pid(target, &pid)) {
        return false;
    }
    process_target_by_pid(pid, list);
    return true;
}

static int protect_target(const struct cli_verb *verb, const struct verb_arguments *arguments,
                          target_filter filter)
{
    struct process_list list;
    if (!process_list_take(&list)) {
        return verb_system_error(verb, "the processes cannot be listed", GetLastError());
    }
    int code;
    if (!arguments->target) {
        keep_candidates(&list);
        code = protect_under_policy(verb, arguments, &list);
    } else if (!filter(arguments->target, &list)) {
        code = cli_usage_error(verb, "'%s' is no %s", arguments->target, verb->name);
    } else if (!list.count) {
        code = verb_error(verb, "there is no process '%s'", arguments->target);
    } else {
        code = protect_under_policy(verb, arguments, &list);
    }
    process_list_free(&list);
    return code;
}

static int run(const struct cli_verb *verb, int argc, char **argv, target_filter filter)
{
    struct verb_arguments arguments;
    int code =
        verb_read_arguments(verb, VERB_TAKES_TARGET | VERB_TAKES_POLICY, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    HANDLE mutex = verb_begin_change(verb);
    if (!mutex) {
        return CLI_ERROR;
    }
    code = protect_target(verb, &arguments, filter);
    policy_manager_unlock(mutex);
    return code;
}

int verb_pid(const struct cli_verb *verb, int argc, char **argv)
{
    return run(verb, argc, argv, filter_by_pid);
}

int verb_process(const struct cli_verb *verb, int argc, char **argv)
{
    return run(verb, argc, argv, process_target_by_name);
}
