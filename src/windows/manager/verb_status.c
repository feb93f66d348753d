/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "windows/manager/active_policy.h"
#include "windows/manager/installation.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/json_fields.h"
#include "windows/manager/process_report.h"
#include "windows/manager/protection_present.h"
#include "windows/manager/service/service_summary.h"
#include "windows/manager/wide_text.h"

struct status_head {
    enum installation_state installation;
    uint64_t generation; /* 0: no policy in force */
    struct service_summary service;
};

/* How one process is shown; `first` in its list. */
typedef void (*show_process)(const struct process_entry *process,
                             const struct protection_result *result, bool first);

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {
        [AGENT_STARTING] = "starting", [AGENT_PROTECTED] = "protected", [AGENT_LEAVING] = "leaving",
        [AGENT_DRAINING] = "draining", [AGENT_IDLE] = "idle",
    };
    return state < ARRAYSIZE(names) ? names[state] : "unknown";
}

static void show_text(const struct process_entry *process, const struct protection_result *result,
                      bool first)
{
    const struct agent_status *status = &result->status;
    char name[UTF8_PATH_SIZE];
    utf8_from_wide(process->name, name, sizeof(name));
    if (first) {
        printf("\n%7s  %-24s %-9s %6s %5s %10s %9s %9s %9s %9s %6s  %s\n", "PID", "NAME", "STATE",
               "POLICY", "HOOKS", "CALLS", "BLOCKED", "WOULD", "AUDITED", "DROPPED", "FLIGHT",
               "RELEASE");
    }
    if (result->outcome == PROTECTION_REFUSED) {
        printf("%7lu  %-24s %s\n", process->pid, name, result->reason);
        return;
    }
    printf("%7lu  %-24s %-9s %6" PRIu64 " %5" PRIu32 " %10" PRIu64 " %9" PRIu64 " %9" PRIu64
           " %9" PRIu64 " %9" PRIu64 " %6" PRIu32 "  %s\n",
           process->pid, name, state_name(status->state), status->generation, status->hooks,
           status->calls, status->blocked, status->would_block, status->audited, status->dropped,
           status->in_flight, status->release);
}

static void show_json(const struct process_entry *process, const struct protection_result *result,
                      bool first)
{
    const struct agent_status *status = &result->status;
    char name[UTF8_PATH_SIZE];
    utf8_from_wide(process->name, name, sizeof(name));
    struct json_fields fields = {0};
    printf("%s{", first ? "" : ",");
    json_field_number(&fields, "pid", process->pid);
    json_field_text(&fields, "name", name);
    if (result->outcome == PROTECTION_REFUSED) {
        json_field_text(&fields, "state", result->foreign ? "foreign" : "unknown");
        json_field_text(&fields, "reason", result->reason);
    } else {
        json_field_text(&fields, "state", state_name(status->state));
        json_field_number(&fields, "generation", status->generation);
        json_field_number(&fields, "hooks", status->hooks);
        json_field_number(&fields, "calls", status->calls);
        json_field_number(&fields, "blocked", status->blocked);
        json_field_number(&fields, "would_block", status->would_block);
        json_field_number(&fields, "audited", status->audited);
        json_field_number(&fields, "dropped", status->dropped);
        json_field_number(&fields, "in_flight", status->in_flight);
        json_field_number(&fields, "started_us", status->started_us);
        json_field_text(&fields, "release", status->release);
    }
    putchar('}');
}

static unsigned show_processes(const struct process_list *list, show_process show)
{
    wchar_t agent_path[MAX_PATH] = L"";
    unsigned shown = 0;
    installed_file_path(INSTALLED_AGENT, agent_path);
    for (size_t i = 0; i < list->count; i++) {
        struct protection_result result;
        protection_inspect(agent_path, list->entries[i].pid, &result);
        if (result.outcome != PROTECTION_ABSENT) {
            show(&list->entries[i], &result, shown == 0);
            shown++;
        }
    }
    return shown;
}

static void print_text(const struct status_head *head, const struct process_list *list)
{
    printf("installed: %s\n", installation_state_name(head->installation));
    service_summary_text(&head->service);
    if (head->generation) {
        printf("policy in force: generation %" PRIu64 "\n", head->generation);
    } else {
        printf("policy in force: none\n");
    }
    if (!show_processes(list, show_text)) {
        printf("protected processes: none\n");
    }
}

static void print_json(const struct status_head *head, const struct process_list *list)
{
    struct json_fields fields = {0};
    putchar('{');
    json_field_text(&fields, "release", RPCFW_VERSION);
    json_field_text(&fields, "installed", installation_state_name(head->installation));
    json_field_number(&fields, "generation", head->generation);
    json_field_name(&fields, "service");
    service_summary_json(&head->service);
    json_field_name(&fields, "processes");
    putchar('[');
    show_processes(list, show_json);
    printf("]}\n");
}

int verb_status(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int code = verb_begin_look(verb, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    struct process_list list;
    if (!process_list_take(&list)) {
        return verb_system_error(verb, "the processes cannot be listed", GetLastError());
    }
    struct status_head head = {
        .installation = installation_check(),
        .generation = active_policy_generation(),
    };
    service_summary_take(&head.service);
    if (arguments.json) {
        print_json(&head, &list);
    } else {
        print_text(&head, &list);
    }
    process_list_free(&list);
    return CLI_DONE;
}
