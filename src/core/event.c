/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "core/utf8.h"

/* Stands for a zero byte inside a text: no UTF-8 holds it, so it cannot be taken for anything else.
 */
#define NO_CHARACTER '\xff'

static void copy_text(struct event *event, char *out, size_t size, struct text text)
{
    size_t length = utf8_fit(text.bytes, text.length, size - 1);
    char *end = out + length;

    if (length > 0)
        memcpy(out, text.bytes, length);
    *end = '\0';
    for (char *zero = out; (zero = memchr(zero, '\0', (size_t)(end - zero))) != NULL;)
        *zero = NO_CHARACTER;
    if (length < text.length)
        event->truncated = true;
}

/* Looks no further than the room that the text will get: it may be long, and this is an RPC thread.
 */
static struct text bounded(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size + 1);

    return (struct text){text, end ? (size_t)(end - text) : size + 1};
}

/* ---- A record is 1.5 KiB of room for texts that are short: what is not used is not touched ----
 */

#define BEFORE_RULE   offsetof(struct event, rule_name)
#define BETWEEN_TEXTS (offsetof(struct event, endpoint) - offsetof(struct event, known))

static_assert(offsetof(struct event, rule_file) + EVENT_RULE_FILE_SIZE <=
                      offsetof(struct event, known) &&
                  offsetof(struct event, detail) + EVENT_DETAIL_SIZE + sizeof(uint64_t) >
                      sizeof(struct event),
              "the texts stand in two blocks, the second at the end");

static void clear(struct event *event)
{
    memset(event, 0, BEFORE_RULE);
    event->rule_name[0] = '\0';
    event->rule_file[0] = '\0';
    memset(&event->known, 0, BETWEEN_TEXTS);
    event->endpoint[0] = '\0';
    event->principal[0] = '\0';
    event->detail[0] = '\0';
}

static void copy_used(char *to, const char *from, size_t size)
{
    size_t length = bounded(from, size - 2).length;

    memcpy(to, from, length);
    to[length] = '\0';
}

void event_copy(struct event *to, const struct event *from)
{
    memcpy(to, from, BEFORE_RULE);
    copy_used(to->rule_name, from->rule_name, sizeof(to->rule_name));
    copy_used(to->rule_file, from->rule_file, sizeof(to->rule_file));
    memcpy(&to->known, &from->known, BETWEEN_TEXTS);
    copy_used(to->endpoint, from->endpoint, sizeof(to->endpoint));
    copy_used(to->principal, from->principal, sizeof(to->principal));
    copy_used(to->detail, from->detail, sizeof(to->detail));
}

static void copy_rule(struct event *event, const struct policy_image *image)
{
    const struct image_rule *rule;

    if (!image || event->verdict.rule == VERDICT_NO_RULE)
        return;
    rule = image_rule(image, event->verdict.rule);
    event->rule_line = rule->line;
    copy_text(event, event->rule_name, sizeof(event->rule_name),
              bounded(image_text(image, rule->name), sizeof(event->rule_name)));
    copy_text(event, event->rule_file, sizeof(event->rule_file),
              bounded(image_text(image, rule->file), sizeof(event->rule_file)));
}

static void copy_interface(struct event *event, const struct call *call)
{
    event->interface = call->interface;
    event->version_major = call->version_major;
    event->version_minor = call->version_minor;
}

static void copy_opnum(struct event *event, const struct call *call)
{
    event->opnum = call->opnum;
}

static void copy_protseq(struct event *event, const struct call *call)
{
    event->protseq = call->protseq;
}

static void copy_endpoint(struct event *event, const struct call *call)
{
    copy_text(event, event->endpoint, sizeof(event->endpoint), call->endpoint);
}

static void copy_client_addr(struct event *event, const struct call *call)
{
    event->client_addr = call->client_addr;
}

static void copy_client_port(struct event *event, const struct call *call)
{
    event->client_port = call->client_port;
}

static void copy_server_addr(struct event *event, const struct call *call)
{
    event->server_addr = call->server_addr;
}

static void copy_server_port(struct event *event, const struct call *call)
{
    event->server_port = call->server_port;
}

static void copy_principal(struct event *event, const struct call *call)
{
    copy_text(event, event->principal, sizeof(event->principal), call->principal);
}

static void copy_user_sid(struct event *event, const struct call *call)
{
    if (call->sid_count > 0)
        sid_copy(&event->sid, call->sids[0]);
    else
        event->known &= ~FACT_BIT(FACT_SIDS);
}

static void copy_authn(struct event *event, const struct call *call)
{
    event->authn_level = call->authn_level;
    event->authn_service = call->authn_service;
}

static void copy_object(struct event *event, const struct call *call)
{
    event->object = call->object;
}

/* A fact without a row is not shown: FACT_PROCESS is the same for all calls and comes from the
 * origin. */
static void (*const copy_fact[FACT_COUNT])(struct event *, const struct call *) = {
    [FACT_INTERFACE] = copy_interface,
    [FACT_OPNUM] = copy_opnum,
    [FACT_PROTSEQ] = copy_protseq,
    [FACT_ENDPOINT] = copy_endpoint,
    [FACT_CLIENT_ADDR] = copy_client_addr,
    [FACT_CLIENT_PORT] = copy_client_port,
    [FACT_SERVER_ADDR] = copy_server_addr,
    [FACT_SERVER_PORT] = copy_server_port,
    [FACT_PRINCIPAL] = copy_principal,
    [FACT_SIDS] = copy_user_sid,
    [FACT_AUTHN] = copy_authn,
    [FACT_OBJECT] = copy_object,
};

void event_from_call(struct event *event, struct call *call, const struct verdict *verdict,
                     const struct policy_image *image, const char *function)
{
    clear(event);
    event->kind = EVENT_CALL;
    event->function = function;
    event->verdict = *verdict;
    copy_rule(event, image);
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (!copy_fact[fact] || !call_knows(call, (enum call_fact)fact))
            continue;
        event->known |= FACT_BIT(fact);
        copy_fact[fact](event, call);
    }
}

void event_from_bind(struct event *event, struct call *call, const struct verdict *verdict,
                     const struct policy_image *image, const char *function, bool served)
{
    event_from_call(event, call, verdict, image, function);
    event->kind = EVENT_BIND;
    event->served = served;
}

static void copy_own_text(struct event *event, char *out, size_t size, const char *text)
{
    if (text)
        copy_text(event, out, size, bounded(text, size));
}

void event_of_agent(struct event *event, enum event_kind kind, uint64_t time_us,
                    uint64_t generation, const char *detail)
{
    clear(event);
    event->kind = kind;
    event->time_us = time_us;
    event->generation = generation;
    event->verdict.rule = VERDICT_NO_RULE;
    copy_own_text(event, event->detail, sizeof(event->detail), detail);
}

void event_of_policy_file(struct event *event, enum event_kind kind, uint64_t time_us,
                          uint64_t generation, const char *file, const char *error)
{
    event_of_agent(event, kind, time_us, generation, error);
    copy_own_text(event, event->policy_file, sizeof(event->policy_file), file);
}

void event_of_gap(struct event *event, uint64_t time_us, uint64_t generation, const char *reason,
                  const char *covered_by)
{
    event_of_agent(event, EVENT_GAP_FOUND, time_us, generation, reason);
    copy_own_text(event, event->covered_by, sizeof(event->covered_by), covered_by);
}
