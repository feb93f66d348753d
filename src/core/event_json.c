/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event_json.h"

#include <assert.h>
#include <string.h>

#include "core/authn.h"
#include "core/catalog.h"
#include "core/json.h"

#define ECS_VERSION "8.11.0"

/* A byte of text becomes six at most (\u0000), and all that is no text of the record fits into 3
 * KiB. */
static_assert(6 * (EVENT_ENDPOINT_SIZE + EVENT_PRINCIPAL_SIZE + EVENT_RULE_NAME_SIZE +
                   EVENT_RULE_FILE_SIZE + EVENT_DETAIL_SIZE + sizeof(struct event_origin)) +
                      3072 <=
                  EVENT_JSON_SIZE,
              "EVENT_JSON_SIZE must hold every event");

/* More techniques than one method serves anywhere. */
#define TECHNIQUES_MAX 16

struct line {
    struct json json;
    const char *path; /* of the last field written; its objects are still open */
    const struct event *event;
    const struct event_origin *origin;
};

/* ---- Values: each writes one and returns true, or writes nothing that counts and returns false
 * ---- */

static bool string_of(struct line *line, const char *text, size_t length)
{
    json_string(&line->json, text, length);
    return length > 0;
}

static bool string(struct line *line, const char *text)
{
    return string_of(line, text, strlen(text));
}

static bool number(struct line *line, uint64_t value)
{
    json_number(&line->json, value, 1);
    return true;
}

static bool literal(struct line *line, const char *value)
{
    json_put(&line->json, value);
    return true;
}

/* Whether the event is about a client: what it called or asked for. */
static bool of_client(const struct event *event)
{
    return event->kind == EVENT_CALL || event->kind == EVENT_BIND;
}

static bool known(const struct event *event, enum call_fact fact)
{
    return of_client(event) && (event->known & FACT_BIT(fact)) != 0;
}

static bool uuid(struct line *line, const struct guid *guid)
{
    char text[GUID_TEXT_SIZE];

    return string(line, guid_format(guid, text));
}

static bool address(struct line *line, enum call_fact fact, const struct ipaddr *addr)
{
    char text[IPADDR_TEXT_SIZE];

    return known(line->event, fact) && string(line, ipaddr_format(addr, text));
}

/* ---- The schema's fields ---- */

struct date {
    uint64_t year;
    unsigned month;
    unsigned day;
};

/* Gregorian date of a day since 1970-01-01. Years are counted from March, so that a leap day is a
 * year's last. */
static struct date date_of(uint64_t days)
{
    uint64_t since = days + 719468; /* since 0000-03-01 */
    uint64_t era = since / 146097;  /* 400 years */
    uint64_t day_of_era = since % 146097;
    uint64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day = day_of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * day + 2) / 153; /* 0: March */
    struct date date = {era * 400 + year + (month >= 10),
                        (unsigned)(month < 10 ? month + 3 : month - 9),
                        (unsigned)(day - (153 * month + 2) / 5 + 1)};

    return date;
}

/* RFC 3339. Past year 9999 there is no such text: the last moment that has one stands for the rest.
 */
static bool write_timestamp(struct line *line)
{
    static const uint64_t last_us = UINT64_C(253402300799999999);
    uint64_t time = line->event->time_us < last_us ? line->event->time_us : last_us;
    uint64_t seconds = time / 1000000;
    struct date date = date_of(seconds / 86400);
    const struct {
        uint64_t value;
        unsigned digits;
        const char *before;
    } parts[] = {
        {date.year, 4, "\""},          {date.month, 2, "-"},        {date.day, 2, "-"},
        {seconds / 3600 % 24, 2, "T"}, {seconds / 60 % 60, 2, ":"}, {seconds % 60, 2, ":"},
        {time % 1000000, 6, "."},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        json_put(&line->json, parts[i].before);
        json_number(&line->json, parts[i].value, parts[i].digits);
    }
    json_put(&line->json, "Z\"");
    return true;
}

static bool write_ecs_version(struct line *line)
{
    return string(line, ECS_VERSION);
}

static bool write_event_kind(struct line *line)
{
    return string(line, "event");
}

/* How the schema classes what happened. `category` and `type` are JSON text. */
struct class
{
    const char *category;
    const char *type;
    const char *action;
    const char *outcome;
};

static const struct class *class_of(const struct event *event)
{
    static const struct class classes[] = {
        [EVENT_PROTECTION_ADDED] = {"[\"configuration\"]", "[\"creation\"]", "protection-added",
                                    "success"},
        [EVENT_PROTECTION_REMOVED] = {"[\"configuration\"]", "[\"deletion\"]", "protection-removed",
                                      "success"},
        [EVENT_CALL] = {"[\"network\"]", "[\"protocol\",\"allowed\"]", "rpc-call-allowed",
                        "success"},
        [EVENT_POLICY_CHANGED] = {"[\"configuration\"]", "[\"change\"]", "policy-changed",
                                  "success"},
        [EVENT_POLICY_REFUSED] = {"[\"configuration\"]", "[\"change\"]", "policy-refused",
                                  "failure"},
        [EVENT_EVENTS_DROPPED] = {"[\"host\"]", "[\"info\"]", "events-dropped", "failure"},
        [EVENT_POLICY_PUBLISHED] = {"[\"configuration\"]", "[\"change\"]", "policy-published",
                                    "success"},
        [EVENT_POLICY_FILE_REFUSED] = {"[\"configuration\"]", "[\"change\"]", "policy-file-refused",
                                       "failure"},
        [EVENT_GAP_FOUND] = {"[\"host\"]", "[\"info\"]", "gap-found", "failure"},
        [EVENT_SERVICE_STARTED] = {"[\"process\"]", "[\"start\"]", "service-started", "success"},
        [EVENT_SERVICE_STOPPED] = {"[\"process\"]", "[\"end\"]", "service-stopped", "success"},
        [EVENT_BIND] = {"[\"network\"]", "[\"protocol\",\"allowed\"]", "rpc-bind", "success"},
    };
    static_assert(sizeof(classes) / sizeof(classes[0]) == EVENT_KIND_COUNT,
                  "each kind has its class");
    static const struct class blocked = {"[\"network\"]", "[\"protocol\",\"denied\"]",
                                         "rpc-call-blocked", "failure"};
    static const struct class would_block = {"[\"network\"]", "[\"protocol\",\"allowed\"]",
                                             "rpc-call-would-block", "success"};

    static const struct class not_served = {"[\"network\"]", "[\"protocol\",\"denied\"]",
                                            "rpc-bind", "failure"};

    if (event->kind == EVENT_BIND && !event->served)
        return &not_served;
    if (event->kind == EVENT_CALL && event->verdict.block)
        return &blocked;
    if (event->kind == EVENT_CALL && event->verdict.dry)
        return &would_block;
    return &classes[event->kind];
}

static bool write_event_category(struct line *line)
{
    return literal(line, class_of(line->event)->category);
}

static bool write_event_type(struct line *line)
{
    return literal(line, class_of(line->event)->type);
}

static bool write_event_action(struct line *line)
{
    return string(line, class_of(line->event)->action);
}

static bool write_event_outcome(struct line *line)
{
    return string(line, class_of(line->event)->outcome);
}

static bool write_event_reason(struct line *line)
{
    return string(line, line->event->detail);
}

static bool write_source_ip(struct line *line)
{
    return address(line, FACT_CLIENT_ADDR, &line->event->client_addr);
}

static bool write_source_port(struct line *line)
{
    return known(line->event, FACT_CLIENT_PORT) && number(line, line->event->client_port);
}

static bool write_destination_ip(struct line *line)
{
    return address(line, FACT_SERVER_ADDR, &line->event->server_addr);
}

static bool write_destination_port(struct line *line)
{
    return known(line->event, FACT_SERVER_PORT) && number(line, line->event->server_port);
}

/* DOMAIN\name is split at the first backslash: a domain holds none, a hostile name may. */
static size_t domain_length(const char *principal)
{
    const char *backslash = strchr(principal, '\\');

    return backslash ? (size_t)(backslash - principal) : 0;
}

static bool write_user_name(struct line *line)
{
    const char *principal = line->event->principal;
    const char *backslash = strchr(principal, '\\');

    return known(line->event, FACT_PRINCIPAL) &&
           string(line, backslash ? backslash + 1 : principal);
}

static bool write_user_domain(struct line *line)
{
    const char *principal = line->event->principal;

    return known(line->event, FACT_PRINCIPAL) &&
           string_of(line, principal, domain_length(principal));
}

static bool write_user_id(struct line *line)
{
    char text[SID_TEXT_SIZE];

    return known(line->event, FACT_SIDS) && string(line, sid_format(&line->event->sid, text));
}

static bool write_process_pid(struct line *line)
{
    return number(line, line->origin->pid);
}

static bool write_process_name(struct line *line)
{
    return string(line, line->origin->process_name);
}

static bool write_process_executable(struct line *line)
{
    return string(line, line->origin->executable);
}

static bool write_host_name(struct line *line)
{
    return string(line, line->origin->host);
}

static bool write_policy_file(struct line *line)
{
    enum event_kind kind = line->event->kind;

    return (kind == EVENT_POLICY_PUBLISHED || kind == EVENT_POLICY_FILE_REFUSED) &&
           string(line, line->event->policy_file);
}

static bool write_covered_by(struct line *line)
{
    return line->event->kind == EVENT_GAP_FOUND && string(line, line->event->covered_by);
}

static bool write_network_protocol(struct line *line)
{
    return of_client(line->event) && string(line, "dcerpc");
}

/* Only where the protocol sequence names it: a pipe may be carried by more than one. */
static bool write_network_transport(struct line *line)
{
    enum protseq protseq = line->event->protseq;

    if (!known(line->event, FACT_PROTSEQ))
        return false;
    if (protseq == PROTSEQ_NCACN_IP_TCP || protseq == PROTSEQ_NCACN_HTTP)
        return string(line, "tcp");
    return protseq == PROTSEQ_NCADG_IP_UDP && string(line, "udp");
}

static bool write_rule_id(struct line *line)
{
    const struct event *event = line->event;

    if (!of_client(event) || event->rule_line == 0)
        return false;
    json_put(&line->json, "\"");
    if (event->rule_file[0] != '\0') {
        json_escape(&line->json, event->rule_file, strlen(event->rule_file));
        json_put(&line->json, ":");
    }
    json_number(&line->json, event->rule_line, 1);
    json_put(&line->json, "\"");
    return true;
}

static bool write_rule_name(struct line *line)
{
    return string(line, line->event->rule_name);
}

static bool write_interface_uuid(struct line *line)
{
    return known(line->event, FACT_INTERFACE) && uuid(line, &line->event->interface);
}

static bool write_interface_name(struct line *line)
{
    const struct catalog_interface *interface = catalog_interface_by_uuid(&line->event->interface);

    return known(line->event, FACT_INTERFACE) && interface &&
           string(line, catalog_interface_name(interface));
}

static bool write_interface_version(struct line *line)
{
    if (!known(line->event, FACT_INTERFACE))
        return false;
    json_put(&line->json, "\"");
    json_number(&line->json, line->event->version_major, 1);
    json_put(&line->json, ".");
    json_number(&line->json, line->event->version_minor, 1);
    json_put(&line->json, "\"");
    return true;
}

static bool write_opnum(struct line *line)
{
    return known(line->event, FACT_OPNUM) && number(line, line->event->opnum);
}

static bool write_method(struct line *line)
{
    const struct catalog_interface *interface = catalog_interface_by_uuid(&line->event->interface);
    const char *name = interface ? catalog_method_name(interface, line->event->opnum) : NULL;

    return known(line->event, FACT_INTERFACE) && known(line->event, FACT_OPNUM) && name &&
           string(line, name);
}

/* Several attacks with one method may be one technique, and one method may serve several. */
static bool write_techniques(struct line *line)
{
    const struct catalog_technique *rows[TECHNIQUES_MAX];
    size_t count = 0;
    size_t written = 0;

    if (known(line->event, FACT_INTERFACE) && known(line->event, FACT_OPNUM))
        count = catalog_techniques_of(&line->event->interface, line->event->opnum, rows,
                                      TECHNIQUES_MAX);
    if (count > TECHNIQUES_MAX)
        count = TECHNIQUES_MAX;
    for (size_t i = 0; i < count; i++) {
        const char *id = catalog_technique_id(rows[i]);
        /* Sorted by technique: equal ones are neighbours. */
        if (i > 0 && strcmp(id, catalog_technique_id(rows[i - 1])) == 0)
            continue;
        json_put(&line->json, written++ ? "," : "[");
        json_string(&line->json, id, strlen(id));
    }
    if (written)
        json_put(&line->json, "]");
    return written > 0;
}

static bool write_protseq(struct line *line)
{
    enum protseq protseq = line->event->protseq;

    return known(line->event, FACT_PROTSEQ) && protseq != PROTSEQ_UNKNOWN &&
           string(line, protseq_name(protseq));
}

static bool write_endpoint(struct line *line)
{
    return known(line->event, FACT_ENDPOINT) && string(line, line->event->endpoint);
}

static bool write_object(struct line *line)
{
    static const struct guid none;

    return known(line->event, FACT_OBJECT) && !guid_equal(&line->event->object, &none) &&
           uuid(line, &line->event->object);
}

static bool write_function(struct line *line)
{
    return line->event->function && string(line, line->event->function);
}

static bool write_auth_level(struct line *line)
{
    return known(line->event, FACT_AUTHN) &&
           string(line, authn_level_name(line->event->authn_level));
}

static bool write_auth_service(struct line *line)
{
    return known(line->event, FACT_AUTHN) &&
           string(line, authn_service_name(line->event->authn_service));
}

static bool write_policy_generation(struct line *line)
{
    return line->event->generation != 0 && number(line, line->event->generation);
}

static bool write_unknown(struct line *line)
{
    uint32_t unknown = of_client(line->event) ? line->event->verdict.unknown : 0;
    const char *before = "[";

    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (!(unknown & FACT_BIT(fact)))
            continue;
        json_put(&line->json, before);
        string(line, fact_name((enum call_fact)fact));
        before = ",";
    }
    json_put(&line->json, "]");
    return before[0] == ',';
}

static bool write_dropped(struct line *line)
{
    return line->event->kind == EVENT_EVENTS_DROPPED && number(line, line->event->dropped);
}

static bool write_truncated(struct line *line)
{
    return line->event->truncated && literal(line, "true");
}

/*
 * Every field, in the order in which it is written. A new field is one row and its function; rows
 * of one object stand together.
 */
static const struct field {
    const char *path;
    bool (*write)(struct line *line); /* the value; false: the event has none */
} fields[] = {
    {"@timestamp", write_timestamp},
    {"ecs.version", write_ecs_version},
    {"event.kind", write_event_kind},
    {"event.category", write_event_category},
    {"event.type", write_event_type},
    {"event.action", write_event_action},
    {"event.outcome", write_event_outcome},
    {"event.reason", write_event_reason},
    {"source.ip", write_source_ip},
    {"source.port", write_source_port},
    {"destination.ip", write_destination_ip},
    {"destination.port", write_destination_port},
    {"user.name", write_user_name},
    {"user.domain", write_user_domain},
    {"user.id", write_user_id},
    {"process.pid", write_process_pid},
    {"process.name", write_process_name},
    {"process.executable", write_process_executable},
    {"host.name", write_host_name},
    {"file.path", write_policy_file},
    {"network.protocol", write_network_protocol},
    {"network.transport", write_network_transport},
    {"rule.id", write_rule_id},
    {"rule.name", write_rule_name},
    {"threat.technique.id", write_techniques},
    {"rpc.interface.uuid", write_interface_uuid},
    {"rpc.interface.name", write_interface_name},
    {"rpc.interface.version", write_interface_version},
    {"rpc.opnum", write_opnum},
    {"rpc.method", write_method},
    {"rpc.protseq", write_protseq},
    {"rpc.endpoint", write_endpoint},
    {"rpc.object", write_object},
    {"rpc.function", write_function},
    {"rpc.auth.level", write_auth_level},
    {"rpc.auth.service", write_auth_service},
    {"rpc.policy.generation", write_policy_generation},
    {"rpc.unknown", write_unknown},
    {"rpc.dropped", write_dropped},
    {"rpc.covered_by", write_covered_by},
    {"rpc.truncated", write_truncated},
};

/* Bytes of the objects, dots included, that both paths lie in. */
static size_t shared_objects(const char *a, const char *b)
{
    size_t shared = 0;

    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++) {
        if (a[i] == '.')
            shared = i + 1;
    }
    return shared;
}

static void close_objects(struct line *line, const char *path)
{
    while ((path = strchr(path, '.')) != NULL) {
        json_put(&line->json, "}");
        path++;
    }
}

/* Closes and opens objects until the value at `path` can follow. */
static void go_to(struct line *line, const char *path)
{
    size_t shared = line->path ? shared_objects(line->path, path) : 0;
    const char *name = path + shared;

    if (line->path) {
        close_objects(line, line->path + shared);
        json_put(&line->json, ",");
    }
    for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1) {
        string_of(line, name, (size_t)(dot - name));
        json_put(&line->json, ":{");
    }
    string(line, name);
    json_put(&line->json, ":");
    line->path = path;
}

static void write_field(struct line *line, const struct field *field)
{
    struct line before = *line;

    go_to(line, field->path);
    if (!field->write(line))
        *line = before;
}

size_t event_json_write(const struct event *event, const struct event_origin *origin, char *out,
                        size_t size)
{
    struct line line = {.json = {.out = out, .size = size}, .event = event, .origin = origin};

    json_put(&line.json, "{");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        write_field(&line, &fields[i]);
    close_objects(&line, line.path);
    json_put(&line.json, "}\n");
    return line.json.full ? 0 : line.json.length;
}
