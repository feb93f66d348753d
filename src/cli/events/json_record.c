/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/json_record.h"

#include <stdbool.h>
#include <string.h>

#include "cli/events/ecs_record.h"
#include "cli/events/json_path.h"

struct fields {
    struct ecs_record ecs;
    struct zeek_record zeek;
    struct text zeek_path; /* _path */
};

/* Which values a field may have. Numbers may stand in quotes: some pipelines put them there. */
enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_TRUTH, FIELD_UNKNOWN_LIST };

#define FIELD(path, kind, member)                                                                  \
    {                                                                                              \
        path, sizeof(path) - 1, kind, offsetof(struct fields, member)                              \
    }

/* Ordered by the length of the path: see find_field(). */
static const struct field {
    const char *path;
    size_t length;
    enum field_kind kind;
    size_t offset; /* of a struct text, or a bool, in struct fields */
} fields_known[] = {
    FIELD("ts", FIELD_NUMBER, zeek.ts),
    FIELD("_path", FIELD_TEXT, zeek_path),
    FIELD("user.id", FIELD_TEXT, ecs.user_id),
    FIELD("endpoint", FIELD_TEXT, zeek.interface),
    FIELD("source.ip", FIELD_TEXT, ecs.source_ip),
    FIELD("rpc.opnum", FIELD_NUMBER, ecs.opnum),
    FIELD("user.name", FIELD_TEXT, ecs.user_name),
    FIELD("operation", FIELD_TEXT, zeek.method),
    FIELD("id.orig_h", FIELD_TEXT, zeek.client),
    FIELD("id.resp_p", FIELD_NUMBER, zeek.server_port),
    FIELD("@timestamp", FIELD_TEXT, ecs.timestamp),
    FIELD("rpc.object", FIELD_TEXT, ecs.object),
    FIELD("named_pipe", FIELD_TEXT, zeek.pipe),
    FIELD("rpc.protseq", FIELD_TEXT, ecs.protseq),
    FIELD("user.domain", FIELD_TEXT, ecs.user_domain),
    FIELD("rpc.unknown", FIELD_UNKNOWN_LIST, ecs.object_unknown),
    FIELD("event.action", FIELD_TEXT, ecs.action),
    FIELD("process.name", FIELD_TEXT, ecs.process_name),
    FIELD("rpc.endpoint", FIELD_TEXT, ecs.endpoint),
    FIELD("rpc.truncated", FIELD_TRUTH, ecs.truncated),
    FIELD("rpc.auth.level", FIELD_TEXT, ecs.auth_level),
    FIELD("rpc.auth.service", FIELD_TEXT, ecs.auth_service),
    FIELD("process.executable", FIELD_TEXT, ecs.process_executable),
    FIELD("rpc.interface.uuid", FIELD_TEXT, ecs.interface_uuid),
    FIELD("rpc.interface.version", FIELD_TEXT, ecs.interface_version),
};

#define FIELD_COUNT (sizeof(fields_known) / sizeof(fields_known[0]))

/* The first row of fields_known whose path has that length, and 1; 0: none has. */
static const uint8_t first_of_length[JSON_PATH_SIZE] = {
    [2] = 1,   [5] = 2,   [7] = 3,   [8] = 4,   [9] = 5,   [10] = 11, [11] = 14,
    [12] = 17, [13] = 20, [14] = 21, [16] = 22, [18] = 23, [21] = 25,
};

static const struct field *find_field(const struct json_path *path)
{
    size_t row = path->length < JSON_PATH_SIZE ? first_of_length[path->length] : 0;
    if (!row) {
        return NULL;
    }
    for (row--; row < FIELD_COUNT && fields_known[row].length == path->length; row++) {
        /* The last letters tell more than the first, which name the object. */
        if (fields_known[row].path[path->length - 1] == path->text[path->length - 1] &&
            memcmp(fields_known[row].path, path->text, path->length) == 0) {
            return &fields_known[row];
        }
    }
    return NULL;
}

static const char *set_text(struct text *text, const struct json_pull *json)
{
    if (text->bytes) {
        return "a field stands twice";
    }
    *text = (struct text){json->text, json->length};
    return NULL;
}

/* Keeps a field's value; a constant text says what is wrong with it. */
static const char *keep(struct fields *fields, const struct field *field, enum json_token token,
                        const struct json_pull *json)
{
    void *member = (char *)fields + field->offset;
    if (token == TOKEN_NULL) {
        return NULL;
    }
    if (field->kind == FIELD_TRUTH) {
        *(bool *)member = token == TOKEN_TRUE;
        return token == TOKEN_TRUE || token == TOKEN_FALSE ? NULL
                                                           : "rpc.truncated is no truth value";
    }
    if (token != TOKEN_STRING && !(token == TOKEN_NUMBER && field->kind == FIELD_NUMBER)) {
        return "a field has a value of the wrong type";
    }
    if (field->kind == FIELD_UNKNOWN_LIST) {
        static const char object[] = "object";
        *(bool *)member = *(bool *)member || (json->length == sizeof(object) - 1 &&
                                              memcmp(json->text, object, json->length) == 0);
        return NULL;
    }
    return set_text(member, json);
}

/* Reads the whole object; NULL when it is good JSON and its fields are. */
static const char *read_fields(struct json_pull *json, struct fields *fields)
{
    struct json_path path = {.length = 0};
    const char *wrong = NULL;
    enum json_token token;
    while ((token = json_path_next(&path, json)) != TOKEN_END) {
        if (token == TOKEN_BAD) {
            return json->why;
        }
        const struct field *field = find_field(&path);
        const char *why = field ? keep(fields, field, token, json) : NULL;
        wrong = wrong ? wrong : why;
    }
    return wrong;
}

enum record_result json_record_read(struct zeek_names *names, char *line, size_t length,
                                    struct recorded_call *out, const char **why)
{
    struct fields fields = {.ecs = {.truncated = false}};
    struct json_pull json;
    json_pull_begin(&json, line, length);
    *why = read_fields(&json, &fields);
    if (*why) {
        return RECORD_BAD;
    }
    if (fields.ecs.action.bytes) {
        return ecs_record_read(&fields.ecs, out, why);
    }
    if (fields.zeek_path.bytes &&
        (fields.zeek_path.length != 7 || memcmp(fields.zeek_path.bytes, "dce_rpc", 7) != 0)) {
        return RECORD_OTHER;
    }
    if (fields.zeek.interface.bytes || fields.zeek.method.bytes || fields.zeek_path.bytes) {
        return zeek_record_read(names, &fields.zeek, out, why);
    }
    return ecs_record_read(&fields.ecs, out, why);
}
