/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "windows/manager/active_policy.h"
#include "windows/manager/filter_control.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/process_report.h"
#include "windows/manager/protection_present.h"

/* Keeps the processes that have an agent. */
static void keep_protected(struct process_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (protection_has_agent(list->entries[i].pid)) {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = kept;
}

/* Nobody holds the policy once this program ends, and the next one to protect reads the file. */
static int nothing_protected(const struct verb_arguments *arguments)
{
    char path[UTF8_PATH_SIZE];
    printf("the policy is good, but no process is protected, so nothing is in force; ");
    if (!arguments->policy && policy_file_path(NULL, path)) {
        printf("the next pid or process reads %s\n", path);
    } else {
        printf("give --policy FILE to the next pid or process too, or it reads RpcFw.conf\n");
    }
    return CLI_DONE;
}

/* Agents take the new policy at their next call anyway; asking them now shows which cannot. */
static int refresh(const struct verb_arguments *arguments, const struct process_list *list,
                   uint64_t generation)
{
    wchar_t agent_path[MAX_PATH] = L"";
    struct process_tally tally = {0};
    installed_file_path(INSTALLED_AGENT, agent_path);
    for (size_t i = 0; i < list->count; i++) {
        struct protection_result result;
        protection_refresh(agent_path, list->entries[i].pid, &result);
        if (!result.foreign) {
            process_report(&list->entries[i], &result, &tally);
        }
    }
    if (!tally.by_outcome[PROTECTION_REFRESHED] && !tally.by_outcome[PROTECTION_REFUSED]) {
        return nothing_protected(arguments);
    }
    printf("policy generation %" PRIu64 ": ", generation);
    process_tally_print(&tally, "no process is protected");
    return tally.by_outcome[PROTECTION_REFUSED] ? CLI_ERROR : CLI_DONE;
}

static int update(const struct cli_verb *verb, const struct verb_arguments *arguments)
{
    struct active_policy policy;
    int code = active_policy_replace(verb, arguments, &policy);
    if (code != CLI_DONE) {
        return code;
    }
    /* After publishing, so that a process protected by now is not missed. */
    struct process_list list;
    if (process_list_take(&list)) {
        keep_protected(&list);
        code = refresh(arguments, &list, policy.generation);
        process_list_free(&list);
    } else {
        code = verb_system_error(verb, "the processes cannot be listed", GetLastError());
    }
    active_policy_close(&policy);
    return code;
}

int verb_update(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int code = verb_read_arguments(verb, VERB_TAKES_POLICY, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    HANDLE mutex = verb_begin_change(verb);
    if (!mutex) {
        return CLI_ERROR;
    }
    code = update(verb, &arguments);
    if (code == CLI_DONE) {
        code = filter_control_follow(verb, &arguments);
    }
    policy_manager_unlock(mutex);
    return code;
}
