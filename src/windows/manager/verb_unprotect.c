/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verb_unprotect.h"

#include "windows/manager/installation_record.h"
#include "windows/manager/process_target.h"
#include "windows/manager/protection_present.h"
#include "windows/manager/verbs.h"
#include "windows/policy_section.h"

bool unprotect_processes(const struct process_list *list, bool say_absent,
                         struct process_tally *tally)
{
    wchar_t agent_path[MAX_PATH];
    if (!installed_file_path(INSTALLED_AGENT, agent_path)) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct protection_result result;
        protection_remove(agent_path, list->entries[i].pid, &result);
        /* What somebody loaded who is no administrator must not keep us from leaving. */
        if ((result.outcome != PROTECTION_ABSENT && !result.foreign) || say_absent) {
            process_report(&list->entries[i], &result, tally);
        }
    }
    return true;
}

static int unprotect(const struct cli_verb *verb, const char *target)
{
    struct process_list list;
    struct process_tally tally = {0};
    DWORD pid;
    if (!process_list_take(&list)) {
        return verb_system_error(verb, "the processes cannot be listed", GetLastError());
    }
    if (target && process_target_pid(target, &pid)) {
        process_target_by_pid(pid, &list);
    } else if (target && !process_target_by_name(target, &list)) {
        list.count = 0;
    }
    int code = CLI_DONE;
    if (target && !list.count) {
        code = verb_error(verb, "there is no process '%s'", target);
    } else if (unprotect_processes(&list, target != NULL, &tally)) {
        process_tally_print(&tally, "no process is protected");
    } else {
        code = verb_system_error(verb, "System32 cannot be found", GetLastError());
    }
    process_list_free(&list);
    return tally.by_outcome[PROTECTION_REFUSED] ? CLI_ERROR : code;
}

int verb_unprotect(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int code = verb_read_arguments(verb, VERB_TAKES_TARGET, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    HANDLE mutex = verb_begin_change(verb);
    if (!mutex) {
        return CLI_ERROR;
    }
    code = unprotect(verb, arguments.target);
    policy_manager_unlock(mutex);
    return code;
}
