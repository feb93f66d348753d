/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/host_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image.h"
#include "samba/manager/agent_file.h"
#include "samba/manager/process_maps.h"

/* ---- Processes ---- */

static void tell_why(const struct protection_host *protection,
                     const struct scanned_process *process, struct process_status *status)
{
    struct protection_result result;
    protection_inspect(protection, process, &result);
    if (result.outcome == PROTECTION_REFUSED) {
        snprintf(status->reason, sizeof(status->reason), "%s", result.reason);
        return;
    }
    protection_obstacle(protection, process, status->reason);
    if (status->reason[0]) {
        return;
    }
    const char *reason = "the agent is not loaded there";
    if (status->has_view && status->view.state == AGENT_DETACHED) {
        reason = "it was unprotected";
    } else if (process->agent_count) {
        reason = "the agent in there says nothing about itself";
    }
    snprintf(status->reason, sizeof(status->reason), "%s", reason);
}

/* Of several agents the newest is the one that works. */
static bool is_older(const struct scanned_process *process, const char *installed)
{
    bool older = process->agent_count != 0;
    for (size_t i = 0; i < process->agent_count; i++) {
        const char *name = path_name(process->agents[i].path);
        older = older && (strcmp(name, path_name(installed)) != 0 ||
                          (process->agents[i].replaced && !agent_file_name_tells(name)));
    }
    return older;
}

static void read_process(const struct manager_host *host, const struct scanned_process *process,
                         struct process_status *status)
{
    struct protection_host protection = manager_host_protection(host);
    *status = (struct process_status){.facts = process->facts};
    if (host->table) {
        status->has_view = agent_view_find(host->table, process->facts.pid, &status->view);
    }
    status->covered = status->has_view && (status->view.state == AGENT_PROTECTED ||
                                           status->view.state == AGENT_WAITING);
    status->older = host->agent_path[0] && is_older(process, host->agent_path);
    if (!status->covered && host->table) {
        tell_why(&protection, process, status);
    } else if (!status->covered) {
        snprintf(status->reason, sizeof(status->reason), "the firewall is not set up on this host");
    }
}

/* Agents in clients of Samba that are no servers do nothing, and are not told of. */
static bool is_told(const struct process_status *status, const struct scanned_process *process)
{
    return process->facts.root && process->facts.state != 'Z' &&
           (process->serves || process->starts || status->covered);
}

static int read_processes(const struct cli_verb *verb, const struct manager_host *host,
                          struct host_status *status)
{
    struct process_list list;
    int error = process_scan(&list);
    if (error) {
        return verb_system_error(verb, "the processes cannot be listed", error);
    }
    status->processes = calloc(list.count + 1, sizeof(*status->processes));
    for (size_t i = 0; status->processes && i < list.count; i++) {
        struct process_status *process = &status->processes[status->process_count];
        read_process(host, &list.items[i], process);
        if (process->has_view && !process->facts.elsewhere) {
            call_numbers_add(&status->sum, &process->view.numbers);
        }
        bool told = is_told(process, &list.items[i]);
        status->elsewhere += told && process->facts.elsewhere;
        status->process_count += told && !process->facts.elsewhere;
    }
    process_list_free(&list);
    return status->processes ? CLI_DONE
                             : verb_system_error(verb, "the processes cannot be told", ENOMEM);
}

/* Those of ended processes that nobody has added up yet stand in their old entries. */
static void read_ended(const struct process_table *table, struct call_numbers *ended)
{
    call_numbers_read(&table->ended, ended);
    for (size_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        const struct process_entry *entry = &table->entries[i];
        struct call_numbers numbers;
        if (atomic_load(&entry->pid) && !process_entry_is_alive(entry)) {
            call_numbers_read(&entry->counters, &numbers);
            call_numbers_add(ended, &numbers);
        }
    }
}

/* ---- Rules ---- */

static int read_rules(const struct cli_verb *verb, const struct manager_host *host,
                      struct host_status *status)
{
    struct policy_view view;
    enum policy_view_error error = policy_view_open(host->directory, status->generation, &view);
    if (error != POLICY_VIEW_OK) {
        return verb_error(verb, "%s", policy_view_error_text(error));
    }
    size_t count = view.image->rules.count;
    status->rules = calloc(count + 1, sizeof(*status->rules));
    for (size_t i = 0; status->rules && i < count; i++) {
        const struct image_rule *rule = image_rule(view.image, (uint32_t)i);
        struct rule_status *told = &status->rules[status->rule_count++];
        snprintf(told->file, sizeof(told->file), "%s", image_text(view.image, rule->file));
        snprintf(told->name, sizeof(told->name), "%s", image_text(view.image, rule->name));
        told->line = rule->line;
        told->hits = atomic_load(&view.hits[i]);
    }
    policy_view_close(&view);
    return status->rules ? CLI_DONE : verb_system_error(verb, "the rules cannot be told", ENOMEM);
}

/* ---- The whole ---- */

static void read_service(const struct manager_host *host, struct host_status *status)
{
    int error = service_page_read(host->directory, &status->service);
    status->has_service = error == 0 || error == -EBUSY;
    status->service_runs = status->has_service && service_page_is_alive(&status->service);
}

static void read_ring(const struct manager_host *host, struct host_status *status)
{
    struct state_mapping mapping;
    if (event_ring_map(host->directory, &mapping) == 0) {
        status->ring_fill = event_ring_fill(event_ring_of(&mapping));
        status->ring_dropped = event_ring_dropped(event_ring_of(&mapping));
        state_file_unmap(&mapping);
    }
}

static int take(const struct cli_verb *verb, const struct manager_host *host, bool with_rules,
                struct host_status *status)
{
    if (status->present) {
        const struct control_page *control = control_page_of(&host->control);
        status->on = atomic_load(&control->mode) == CONTROL_ON;
        status->generation = manager_host_generation(host);
        status->policy_file = host_policy_compare(host);
        read_service(host, status);
        read_ring(host, status);
        read_ended(host->table, &status->ended);
        status->sum = status->ended;
    }
    int code = read_processes(verb, host, status);
    if (code == CLI_DONE && with_rules && status->generation) {
        code = read_rules(verb, host, status);
    }
    return code;
}

int host_status_take(const struct cli_verb *verb, bool with_rules, struct host_status *status)
{
    struct manager_host host;
    *status = (struct host_status){.policy_file = HOST_POLICY_MISSING};
    int code = manager_host_open(verb, &host, &status->present);
    if (code != CLI_DONE) {
        return code;
    }
    code = take(verb, &host, with_rules, status);
    manager_host_close(&host);
    if (code != CLI_DONE) {
        host_status_free(status);
    }
    return code;
}

void host_status_free(struct host_status *status)
{
    free(status->processes);
    free(status->rules);
    status->processes = NULL;
    status->rules = NULL;
}
