/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/catalog.h"
#include "windows/manager/endpoint_map.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/json_fields.h"
#include "windows/manager/listening_ports.h"
#include "windows/manager/process_snapshot.h"
#include "windows/manager/protection_present.h"

/* One interface at one place. */
struct interface_row {
    struct guid uuid;
    uint16_t version_major;
    uint16_t version_minor;
    const char *binding;
    DWORD pid; /* 0: whose it is cannot be told */
    bool is_protected;
    const char *source; /* who told */
    uint64_t calls;     /* judged by the agent; 0 where it does not tell */
};

struct output {
    bool json;
    const struct process_snapshot *snapshot;
    wchar_t agent_path[MAX_PATH]; /* the installed one */
    size_t rows;
};

static void owner_name(const struct output *output, DWORD pid, char name[UTF8_PATH_SIZE])
{
    const struct process_fact *fact = pid ? process_snapshot_find(output->snapshot, pid) : NULL;
    name[0] = '\0';
    if (fact) {
        process_fact_name(fact, name);
    }
}

static void put_row(struct output *output, const struct interface_row *row)
{
    const struct catalog_interface *known = catalog_interface_by_uuid(&row->uuid);
    const char *name = known ? catalog_interface_name(known) : "";
    char uuid[GUID_TEXT_SIZE];
    char owner[UTF8_PATH_SIZE];
    guid_format(&row->uuid, uuid);
    owner_name(output, row->pid, owner);
    if (output->json) {
        struct json_fields fields = {0};
        char version[16];
        snprintf(version, sizeof(version), "%u.%u", row->version_major, row->version_minor);
        printf("%s{", output->rows ? "," : "");
        json_field_text(&fields, "uuid", uuid);
        json_field_text(&fields, "version", version);
        json_field_text(&fields, "name", name);
        json_field_text(&fields, "endpoint", row->binding);
        json_field_number(&fields, "pid", row->pid);
        json_field_text(&fields, "process", owner);
        json_field_flag(&fields, "protected", row->is_protected);
        json_field_text(&fields, "source", row->source);
        json_field_number(&fields, "calls", row->calls);
        putchar('}');
    } else {
        if (!output->rows) {
            printf("%-36s  %-5s %-20s %-10s %7s  %-20s %s\n", "INTERFACE", "VERS", "NAME",
                   "PROTECTED", "PID", "PROCESS", "ENDPOINT");
        }
        printf("%-36s  %2u.%-2u %-20s %-10s %7lu  %-20s %s\n", uuid, row->version_major,
               row->version_minor, *name ? name : "-", row->is_protected ? "yes" : "no", row->pid,
               *owner ? owner : "-", row->binding);
    }
    output->rows++;
}

/* What the agent of one process tells: each interface, with the first of its endpoints. */
static void put_agent(struct output *output, DWORD pid, const struct agent_server *server)
{
    for (size_t i = 0; i < AGENT_SERVER_INTERFACES; i++) {
        const struct agent_server_interface *interface_seen = &server->interfaces[i];
        if (interface_seen->state != 2) {
            continue;
        }
        const struct interface_row row = {
            .uuid = interface_seen->uuid,
            .version_major = interface_seen->version_major,
            .version_minor = interface_seen->version_minor,
            .binding = server->endpoint_count ? server->endpoints[0] : "",
            .pid = pid,
            .is_protected = true,
            .source = server->source == AGENT_SERVER_REGISTERED ? "runtime" : "calls",
            .calls = interface_seen->calls,
        };
        put_row(output, &row);
    }
}

/* The agents' answers; *observed: some could name only the interfaces that were called. */
static void put_agents(struct output *output, bool *observed)
{
    static struct agent_server server;
    for (size_t i = 0; i < output->snapshot->count; i++) {
        struct protection_result result;
        bool told;
        DWORD pid = output->snapshot->facts[i].pid;
        protection_inspect_server(output->agent_path, pid, &result, &server, &told);
        if (told && result.status.state == AGENT_PROTECTED) {
            *observed |= server.source == AGENT_SERVER_OBSERVED;
            put_agent(output, pid, &server);
        }
    }
}

static bool is_protected(const wchar_t *agent_path, DWORD pid)
{
    struct protection_result result;
    protection_inspect(agent_path, pid, &result);
    return result.outcome == PROTECTION_PRESENT && result.status.state == AGENT_PROTECTED;
}

static void put_map(struct output *output, const struct mapped_endpoint *list, size_t count)
{
    struct listening_ports ports = {0};
    listening_ports_take(&ports);
    for (size_t i = 0; i < count; i++) {
        DWORD pid = listening_ports_owner(&ports, list[i].port);
        const struct interface_row row = {
            .uuid = list[i].uuid,
            .version_major = list[i].version_major,
            .version_minor = list[i].version_minor,
            .binding = list[i].binding,
            .pid = pid,
            .is_protected = pid && is_protected(output->agent_path, pid),
            .source = "endpoint mapper",
        };
        put_row(output, &row);
    }
    listening_ports_free(&ports);
}

static void list_interfaces(const struct cli_verb *verb, struct output *output)
{
    struct mapped_endpoint *map;
    size_t count;
    long status;
    bool observed = false;
    put_agents(output, &observed);
    if (endpoint_map_read(&map, &count, &status)) {
        put_map(output, map, count);
        free(map);
    } else {
        verb_note(verb,
                  "note: this Windows does not list its endpoint mapper's interfaces (status %ld): "
                  "only those of protected processes are shown",
                  status);
    }
    if (observed) {
        verb_note(verb,
                  "note: where the RPC runtime does not list a server's interfaces, those are "
                  "shown that were called since it is protected");
    }
}

int verb_int(const struct cli_verb *verb, int argc, char **argv)
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
    struct output output = {.json = arguments.json, .snapshot = &snapshot};
    installed_file_path(INSTALLED_AGENT, output.agent_path);
    if (arguments.json) {
        printf("{\"interfaces\":[");
    }
    list_interfaces(verb, &output);
    if (arguments.json) {
        printf("]}\n");
    } else if (!output.rows) {
        printf("no interface is known\n");
    }
    process_snapshot_free(&snapshot);
    return CLI_DONE;
}
