/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "windows/manager/installation_record.h"
#include "windows/manager/json_fields.h"
#include "windows/manager/process_snapshot.h"
#include "windows/manager/protection_present.h"
#include "windows/manager/wide_text.h"

/* From 1601 to 1970, in units of FILETIME. */
#define FILETIME_OF_1970 116444736000000000u

struct shown_process {
    const struct process_fact *fact;
    char name[UTF8_PATH_SIZE];
    struct protection_result result;
    struct agent_server server;
    bool has_server;
};

/* From the start of the process to that of its protection, in milliseconds. */
static uint64_t delay_of(const struct shown_process *process)
{
    uint64_t created_us = process->fact->created > FILETIME_OF_1970
                              ? (process->fact->created - FILETIME_OF_1970) / 10
                              : 0;
    uint64_t started_us = process->result.status.started_us;
    return started_us > created_us ? (started_us - created_us) / 1000 : 0;
}

static void text_of_process(const struct shown_process *process)
{
    printf("%lu  %s\n", process->fact->pid, process->name);
    if (process->result.outcome == PROTECTION_REFUSED) {
        printf("    not protected: %s\n", process->result.reason);
        return;
    }
    printf("    protected %" PRIu64 " ms after its start, policy generation %" PRIu64 ", %" PRIu64
           " calls\n",
           delay_of(process), process->result.status.generation, process->result.status.calls);
    for (uint32_t i = 0; process->has_server && i < process->server.endpoint_count; i++) {
        printf("    it listens on %s\n", process->server.endpoints[i]);
    }
}

static void json_of_process(const struct shown_process *process, bool first)
{
    struct json_fields fields = {0};
    printf("%s{", first ? "" : ",");
    json_field_number(&fields, "pid", process->fact->pid);
    json_field_text(&fields, "name", process->name);
    if (process->result.outcome == PROTECTION_REFUSED) {
        json_field_text(&fields, "reason", process->result.reason);
    } else {
        json_field_number(&fields, "started_us", process->result.status.started_us);
        json_field_number(&fields, "protected_after_ms", delay_of(process));
        json_field_number(&fields, "generation", process->result.status.generation);
        json_field_number(&fields, "calls", process->result.status.calls);
        json_field_name(&fields, "endpoints");
        struct json_fields none = {0};
        putchar('[');
        for (uint32_t i = 0; process->has_server && i < process->server.endpoint_count; i++) {
            json_element_text(&none, process->server.endpoints[i]);
        }
        putchar(']');
    }
    putchar('}');
}

static void show(const struct process_snapshot *snapshot, bool json)
{
    wchar_t agent_path[MAX_PATH] = L"";
    unsigned shown = 0;
    installed_file_path(INSTALLED_AGENT, agent_path);
    for (size_t i = 0; i < snapshot->count; i++) {
        struct shown_process process = {.fact = &snapshot->facts[i]};
        protection_inspect_server(agent_path, process.fact->pid, &process.result, &process.server,
                                  &process.has_server);
        bool is_protected = process.result.outcome == PROTECTION_PRESENT &&
                            process.result.status.state == AGENT_PROTECTED;
        if (!is_protected && process.result.outcome != PROTECTION_REFUSED) {
            continue;
        }
        process_fact_name(process.fact, process.name);
        if (json) {
            json_of_process(&process, shown == 0);
        } else {
            text_of_process(&process);
        }
        shown++;
    }
    if (!json && !shown) {
        printf("no process is protected\n");
    }
}

int verb_show(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int code = verb_begin_look(verb, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    struct process_snapshot snapshot = {0};
    if (!process_snapshot_take(&snapshot)) {
        return verb_system_error(verb, "the processes cannot be listed", GetLastError());
    }
    if (arguments.json) {
        printf("{\"processes\":[");
    }
    show(&snapshot, arguments.json);
    if (arguments.json) {
        printf("]}\n");
    }
    process_snapshot_free(&snapshot);
    return CLI_DONE;
}
