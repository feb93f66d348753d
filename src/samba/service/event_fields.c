/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/event_fields.h"

#include <string.h>

#include "cli/events/json_path.h"

static const struct {
    const char *path;
    const char *journal_name;
} rows[EVENT_FIELD_COUNT] = {
    [FIELD_TIME] = {"@timestamp", "RPCFW_TIME"},
    [FIELD_ACTION] = {"event.action", "RPCFW_ACTION"},
    [FIELD_OUTCOME] = {"event.outcome", "RPCFW_OUTCOME"},
    [FIELD_REASON] = {"event.reason", "RPCFW_REASON"},
    [FIELD_SOURCE_IP] = {"source.ip", "RPCFW_SOURCE_IP"},
    [FIELD_SOURCE_PORT] = {"source.port", "RPCFW_SOURCE_PORT"},
    [FIELD_DESTINATION_IP] = {"destination.ip", "RPCFW_DESTINATION_IP"},
    [FIELD_DESTINATION_PORT] = {"destination.port", "RPCFW_DESTINATION_PORT"},
    [FIELD_USER_NAME] = {"user.name", "RPCFW_USER_NAME"},
    [FIELD_USER_DOMAIN] = {"user.domain", "RPCFW_USER_DOMAIN"},
    [FIELD_USER_SID] = {"user.id", "RPCFW_USER_SID"},
    [FIELD_PROCESS_PID] = {"process.pid", "RPCFW_PROCESS_PID"},
    [FIELD_PROCESS_NAME] = {"process.name", "RPCFW_PROCESS_NAME"},
    [FIELD_FILE_PATH] = {"file.path", "RPCFW_FILE"},
    [FIELD_RULE_ID] = {"rule.id", "RPCFW_RULE"},
    [FIELD_RULE_NAME] = {"rule.name", "RPCFW_RULE_NAME"},
    [FIELD_TECHNIQUES] = {"threat.technique.id", "RPCFW_TECHNIQUES"},
    [FIELD_INTERFACE_UUID] = {"rpc.interface.uuid", "RPCFW_INTERFACE_UUID"},
    [FIELD_INTERFACE_NAME] = {"rpc.interface.name", "RPCFW_INTERFACE"},
    [FIELD_OPNUM] = {"rpc.opnum", "RPCFW_OPNUM"},
    [FIELD_METHOD] = {"rpc.method", "RPCFW_METHOD"},
    [FIELD_PROTSEQ] = {"rpc.protseq", "RPCFW_PROTSEQ"},
    [FIELD_ENDPOINT] = {"rpc.endpoint", "RPCFW_ENDPOINT"},
    [FIELD_AUTH_LEVEL] = {"rpc.auth.level", "RPCFW_AUTH_LEVEL"},
    [FIELD_AUTH_SERVICE] = {"rpc.auth.service", "RPCFW_AUTH_SERVICE"},
    [FIELD_GENERATION] = {"rpc.policy.generation", "RPCFW_GENERATION"},
    [FIELD_UNKNOWN] = {"rpc.unknown", "RPCFW_UNKNOWN"},
    [FIELD_DROPPED] = {"rpc.dropped", "RPCFW_DROPPED"},
    [FIELD_COVERED_BY] = {"rpc.covered_by", "RPCFW_COVERED_BY"},
};

static struct text *find(struct event_fields *fields, const struct json_path *path)
{
    for (size_t i = 0; path->length < JSON_PATH_SIZE && i < EVENT_FIELD_COUNT; i++) {
        if (strlen(rows[i].path) == path->length &&
            memcmp(rows[i].path, path->text, path->length) == 0)
            return &fields->value[i];
    }
    return NULL;
}

/* A further value of a list is moved up behind the one before; there is room for the comma where
 * its quote was. */
static void keep(struct text *value, char *text, size_t length)
{
    if (!value->bytes) {
        *value = (struct text){text, length};
        return;
    }
    char *end = (char *)value->bytes + value->length;
    *end = ',';
    memmove(end + 1, text, length);
    value->length += 1 + length;
}

static const char *read_object(struct json_pull *json, struct event_fields *fields)
{
    struct json_path path = {.length = 0};
    enum json_token token;
    while ((token = json_path_next(&path, json)) != TOKEN_END) {
        if (token == TOKEN_BAD)
            return json->why;
        struct text *value =
            token == TOKEN_STRING || token == TOKEN_NUMBER ? find(fields, &path) : NULL;
        if (value)
            keep(value, json->text, json->length);
    }
    return NULL;
}

bool event_fields_read(char *line, size_t length, struct event_fields *fields, const char **why)
{
    struct json_pull json;
    memset(fields, 0, sizeof(*fields));
    json_pull_begin(&json, line, length);
    *why = read_object(&json, fields);
    if (!*why && (!fields->value[FIELD_ACTION].bytes || !fields->value[FIELD_TIME].bytes))
        *why = "not an event of the firewall";
    return !*why;
}

bool event_field_is(const struct event_fields *fields, enum event_field field, const char *text)
{
    const struct text *value = &fields->value[field];
    return value->bytes && value->length == strlen(text) &&
           memcmp(value->bytes, text, value->length) == 0;
}

const char *event_field_journal_name(enum event_field field)
{
    return rows[field].journal_name;
}
