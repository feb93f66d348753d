/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event_strings.h"

#include <assert.h>
#include <string.h>

#include "core/authn.h"
#include "core/utf8.h"

#define UNKNOWN         "UNKNOWN"
#define UNKNOWN_SID     "S-1-0-0"
#define UNKNOWN_ADDRESS "0.0.0.0"

/* Shown for what would break the line or column of a text in a viewer, and for bytes that are no
 * UTF-8. */
#define REPLACEMENT      "\xef\xbf\xbd"

#define NUMBER_TEXT_SIZE 21 /* UINT64_MAX and a terminating zero */

/* The texts of a caller can grow three-fold, for a replacement is three bytes. */
static_assert(3 * (EVENT_ENDPOINT_SIZE + EVENT_PRINCIPAL_SIZE) + 5 * NUMBER_TEXT_SIZE +
                      2 * IPADDR_TEXT_SIZE + GUID_TEXT_SIZE + SID_TEXT_SIZE <=
                  EVENT_STRINGS_SIZE,
              "EVENT_STRINGS_SIZE must hold the strings of every call");
static_assert(3 * (EVENT_ENDPOINT_SIZE + EVENT_DETAIL_SIZE) + 2 * NUMBER_TEXT_SIZE <=
                  EVENT_STRINGS_SIZE,
              "and those of the firewall's own events");

struct builder {
    const struct event *event;
    const struct event_origin *origin;
    struct event_strings *out;
    size_t used; /* bytes of out->storage */
};

static const char *keep(struct builder *builder, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = builder->out->storage + builder->used;

    memcpy(kept, text, size);
    builder->used += size;
    return kept;
}

static const char *decimal(struct builder *builder, uint64_t number)
{
    char text[NUMBER_TEXT_SIZE];
    char *first = text + sizeof(text) - 1;

    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return keep(builder, first);
}

static bool is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* A text that a caller may have chosen. A line feed in a name must not look like the next field of
 * the message. */
static const char *shown(struct builder *builder, const char *text)
{
    char *first = builder->out->storage + builder->used;
    char *end = first;
    size_t left = strlen(text);

    while (left > 0) {
        size_t character = utf8_character(text, left);
        size_t step = character ? character : 1;
        bool bad = character == 0 || is_control(text[0]);
        memcpy(end, bad ? REPLACEMENT : text, bad ? strlen(REPLACEMENT) : step);
        end += bad ? strlen(REPLACEMENT) : step;
        text += step;
        left -= step;
    }
    *end++ = '\0';
    builder->used += (size_t)(end - first);
    return first;
}

static bool known(const struct builder *builder, enum call_fact fact)
{
    return (builder->event->known & FACT_BIT(fact)) != 0;
}

/* ---- One function for each string of a call ---- */

static const char *function(struct builder *builder)
{
    return builder->event->function ? builder->event->function : UNKNOWN;
}

static const char *pid(struct builder *builder)
{
    return decimal(builder, builder->origin->pid);
}

static const char *image_path(struct builder *builder)
{
    return builder->origin->executable[0] ? builder->origin->executable : UNKNOWN;
}

static const char *protocol_sequence(struct builder *builder)
{
    return known(builder, FACT_PROTSEQ) ? protseq_name(builder->event->protseq) : UNKNOWN;
}

static const char *endpoint(struct builder *builder)
{
    return known(builder, FACT_ENDPOINT) ? shown(builder, builder->event->endpoint) : UNKNOWN;
}

static const char *address(struct builder *builder, enum call_fact fact, const struct ipaddr *addr)
{
    char text[IPADDR_TEXT_SIZE];

    return known(builder, fact) ? keep(builder, ipaddr_format(addr, text)) : UNKNOWN_ADDRESS;
}

static const char *client_address(struct builder *builder)
{
    return address(builder, FACT_CLIENT_ADDR, &builder->event->client_addr);
}

static const char *interface_uuid(struct builder *builder)
{
    char text[GUID_TEXT_SIZE];

    if (!known(builder, FACT_INTERFACE))
        return UNKNOWN;
    return keep(builder, guid_format(&builder->event->interface, text));
}

static const char *opnum(struct builder *builder)
{
    return known(builder, FACT_OPNUM) ? decimal(builder, builder->event->opnum) : UNKNOWN;
}

static const char *principal(struct builder *builder)
{
    return known(builder, FACT_PRINCIPAL) ? shown(builder, builder->event->principal) : UNKNOWN;
}

static const char *authentication_level(struct builder *builder)
{
    return known(builder, FACT_AUTHN) ? authn_level_name(builder->event->authn_level) : UNKNOWN;
}

static const char *authentication_service(struct builder *builder)
{
    return known(builder, FACT_AUTHN) ? authn_service_name(builder->event->authn_service) : UNKNOWN;
}

static const char *port(struct builder *builder, enum call_fact fact, uint16_t number)
{
    return known(builder, fact) ? decimal(builder, number) : UNKNOWN;
}

static const char *client_port(struct builder *builder)
{
    return port(builder, FACT_CLIENT_PORT, builder->event->client_port);
}

static const char *server_address(struct builder *builder)
{
    return address(builder, FACT_SERVER_ADDR, &builder->event->server_addr);
}

static const char *server_port(struct builder *builder)
{
    return port(builder, FACT_SERVER_PORT, builder->event->server_port);
}

static const char *user_sid(struct builder *builder)
{
    char text[SID_TEXT_SIZE];

    if (!known(builder, FACT_SIDS))
        return UNKNOWN_SID;
    return keep(builder, sid_format(&builder->event->sid, text));
}

/* ---- Strings of the firewall's own events ---- */

static const char *generation(struct builder *builder)
{
    return decimal(builder, builder->event->generation);
}

static const char *dropped(struct builder *builder)
{
    return decimal(builder, builder->event->dropped);
}

static const char *shown_or_unknown(struct builder *builder, const char *text)
{
    return text[0] ? shown(builder, text) : UNKNOWN;
}

/* It may quote a line of a policy. */
static const char *detail(struct builder *builder)
{
    return shown_or_unknown(builder, builder->event->detail);
}

static const char *policy_file(struct builder *builder)
{
    return shown_or_unknown(builder, builder->event->policy_file);
}

static const char *covered_by(struct builder *builder)
{
    return shown_or_unknown(builder, builder->event->covered_by);
}

/* The published order of each kind's strings; ends at the first NULL. */
static const struct layout {
    unsigned id;
    const char *(*string[EVENT_STRINGS_MAX])(struct builder *builder);
} layouts[] = {
    [EVENT_PROTECTION_ADDED] = {EVENT_ID_PROTECTION_ADDED, {image_path, pid}},
    [EVENT_PROTECTION_REMOVED] = {EVENT_ID_PROTECTION_REMOVED, {image_path, pid}},
    [EVENT_CALL] = {EVENT_ID_CALL,
                    {function, pid, image_path, protocol_sequence, endpoint, client_address,
                     interface_uuid, opnum, principal, authentication_level, authentication_service,
                     client_port, server_address, server_port, user_sid}},
    [EVENT_POLICY_CHANGED] = {EVENT_ID_POLICY_CHANGED, {image_path, pid, generation}},
    [EVENT_POLICY_REFUSED] = {EVENT_ID_POLICY_REFUSED, {image_path, pid, generation, detail}},
    [EVENT_EVENTS_DROPPED] = {EVENT_ID_EVENTS_DROPPED, {image_path, pid, dropped, detail}},
    [EVENT_POLICY_PUBLISHED] = {EVENT_ID_POLICY_PUBLISHED,
                                {image_path, pid, generation, policy_file}},
    [EVENT_POLICY_FILE_REFUSED] = {EVENT_ID_POLICY_FILE_REFUSED,
                                   {image_path, pid, generation, policy_file, detail}},
    [EVENT_GAP_FOUND] = {EVENT_ID_GAP_FOUND, {image_path, pid, detail, covered_by}},
    [EVENT_SERVICE_STARTED] = {EVENT_ID_SERVICE_STARTED, {image_path, pid, detail}},
    [EVENT_SERVICE_STOPPED] = {EVENT_ID_SERVICE_STOPPED, {image_path, pid, detail}},
    [EVENT_BIND] = {0, {NULL}}, /* of Samba alone */
};
static_assert(sizeof(layouts) / sizeof(layouts[0]) == EVENT_KIND_COUNT,
              "each kind has its strings");

void event_strings_make(const struct event *event, const struct event_origin *origin,
                        struct event_strings *out)
{
    const struct layout *layout = &layouts[event->kind];
    struct builder builder = {.event = event, .origin = origin, .out = out};

    out->id = layout->id;
    out->count = 0;
    while (out->count < EVENT_STRINGS_MAX && layout->string[out->count]) {
        out->string[out->count] = layout->string[out->count](&builder);
        out->count++;
    }
}
