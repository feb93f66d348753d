/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/ecs_record.h"

#include <string.h>

#include "cli/events/interface_version.h"
#include "cli/events/timestamp.h"
#include "core/authn.h"
#include "core/event.h"

static bool is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.bytes, word, text.length) == 0;
}

/* ---- Fields: each returns what is wrong with its value, or NULL ---- */

static const char *read_time(const struct ecs_record *record, struct recorded_call *out)
{
    struct text text = record->timestamp;
    return text.bytes && !timestamp_parse(text.bytes, text.length, &out->time_us)
               ? "@timestamp is no time"
               : NULL;
}

/* An event without a version is rare: the catalogue's then stands for it. */
static const char *read_interface(const struct ecs_record *record, struct recorded_call *out)
{
    struct call *call = &out->call;
    struct text version = record->interface_version;
    if (!record->interface_uuid.bytes) {
        return NULL;
    }
    if (!guid_parse(record->interface_uuid.bytes, record->interface_uuid.length,
                    &call->interface)) {
        return "rpc.interface.uuid is no UUID";
    }
    call_set_known(call, FACT_INTERFACE);
    if (!version.bytes) {
        interface_version_from_catalog(call);
        return NULL;
    }
    return interface_version_parse(version, call) ? NULL
                                                  : "rpc.interface.version is not MAJOR.MINOR";
}

static const char *read_opnum(const struct ecs_record *record, struct recorded_call *out)
{
    unsigned opnum;
    if (!record->opnum.bytes) {
        return NULL;
    }
    if (!small_number_parse(record->opnum, UINT16_MAX, &opnum)) {
        return "rpc.opnum is no number of 0 to 65535";
    }
    out->call.opnum = (uint16_t)opnum;
    call_set_known(&out->call, FACT_OPNUM);
    return NULL;
}

static const char *read_protseq(const struct ecs_record *record, struct recorded_call *out)
{
    struct text text = record->protseq;
    if (!text.bytes || is(text, "UNKNOWN")) {
        return NULL;
    }
    out->call.protseq = protseq_from_name(text.bytes, text.length);
    if (out->call.protseq == PROTSEQ_UNKNOWN) {
        return "rpc.protseq is no protocol sequence";
    }
    call_set_known(&out->call, FACT_PROTSEQ);
    return NULL;
}

static const char *read_client(const struct ecs_record *record, struct recorded_call *out)
{
    struct text text = record->source_ip;
    if (!text.bytes) {
        return NULL;
    }
    if (!ipaddr_parse(text.bytes, text.length, &out->call.client_addr)) {
        return "source.ip is no IP address";
    }
    call_set_known(&out->call, FACT_CLIENT_ADDR);
    return NULL;
}

/* DOMAIN\name, put together again. */
static const char *read_principal(const struct ecs_record *record, struct recorded_call *out)
{
    struct text domain = record->user_domain;
    struct text name = record->user_name;
    size_t length = 0;
    if (!name.bytes) {
        return NULL;
    }
    if (name.length >= RECORDED_PRINCIPAL_SIZE || domain.length >= RECORDED_PRINCIPAL_SIZE ||
        domain.length + 1 + name.length > RECORDED_PRINCIPAL_SIZE) {
        return "user.name is too long";
    }
    if (domain.length) {
        memcpy(out->principal, domain.bytes, domain.length);
        out->principal[domain.length] = '\\';
        length = domain.length + 1;
    }
    memcpy(out->principal + length, name.bytes, name.length);
    out->call.principal = (struct text){out->principal, length + name.length};
    call_set_known(&out->call, FACT_PRINCIPAL);
    return NULL;
}

static const char *read_sid(const struct ecs_record *record, struct recorded_call *out)
{
    struct text text = record->user_id;
    /* The SID of nobody stands for an unknown one. */
    if (!text.bytes || is(text, "S-1-0-0")) {
        return NULL;
    }
    if (!sid_parse(text.bytes, text.length, &out->user)) {
        return "user.id is no SID";
    }
    out->sids[0] = &out->user;
    out->call.sids = out->sids;
    out->call.sid_count = 1;
    call_set_known(&out->call, FACT_SIDS);
    return NULL;
}

static const char *read_object(const struct ecs_record *record, struct recorded_call *out)
{
    struct text text = record->object;
    if (text.bytes && !guid_parse(text.bytes, text.length, &out->call.object)) {
        return "rpc.object is no UUID";
    }
    if (text.bytes || !record->object_unknown) {
        call_set_known(&out->call, FACT_OBJECT);
    }
    return NULL;
}

static const char *read_authn(const struct ecs_record *record, struct recorded_call *out)
{
    struct text level = record->auth_level;
    struct text service = record->auth_service;
    unsigned number = 0;
    if (!level.bytes || is(level, "UNKNOWN")) {
        return NULL;
    }
    while (number <= AUTHN_LEVEL_PRIVACY && !is(level, authn_level_name(number))) {
        number++;
    }
    if (number > AUTHN_LEVEL_PRIVACY) {
        return "rpc.auth.level is no authentication level";
    }
    out->call.authn_level = (uint8_t)number;
    if (service.bytes && !is(service, "UNKNOWN")) {
        if (!authn_service_from_name(service.bytes, service.length, &number)) {
            return "rpc.auth.service is no authentication service";
        }
        out->call.authn_service = (uint8_t)number;
    }
    call_set_known(&out->call, FACT_AUTHN);
    return NULL;
}

static const char *read_process(const struct ecs_record *record, struct recorded_call *out)
{
    struct text name = record->process_name;
    if (!name.bytes && record->process_executable.bytes) {
        name = record->process_executable;
        for (size_t i = 0; i < record->process_executable.length; i++) {
            char c = record->process_executable.bytes[i];
            if (c == '/' || c == '\\') {
                name.bytes = record->process_executable.bytes + i + 1;
                name.length = record->process_executable.length - i - 1;
            }
        }
    }
    if (name.length) {
        out->call.process = name;
        call_set_known(&out->call, FACT_PROCESS);
    }
    return NULL;
}

/* A text that was cut is not what the caller said: it cannot be told. */
static const char *read_endpoint(const struct ecs_record *record, struct recorded_call *out)
{
    if (record->endpoint.length) {
        out->call.endpoint = record->endpoint;
        call_set_known(&out->call, FACT_ENDPOINT);
    }
    if (record->truncated && out->call.endpoint.length + 4 >= EVENT_ENDPOINT_SIZE) {
        call_set_unknown(&out->call, FACT_ENDPOINT);
    }
    if (record->truncated && out->call.principal.length + 4 >= EVENT_PRINCIPAL_SIZE) {
        call_set_unknown(&out->call, FACT_PRINCIPAL);
    }
    return NULL;
}

/* The outcome that the action tells; false: the event is not about a call. */
static bool read_outcome(const struct ecs_record *record, enum recorded_outcome *out)
{
    static const struct {
        const char *action;
        enum recorded_outcome outcome;
    } rows[] = {{"rpc-call-allowed", RECORDED_ALLOWED},
                {"rpc-call-blocked", RECORDED_BLOCKED},
                {"rpc-call-would-block", RECORDED_WOULD_BLOCK}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is(record->action, rows[i].action)) {
            *out = rows[i].outcome;
            return true;
        }
    }
    return false;
}

enum record_result ecs_record_read(const struct ecs_record *record, struct recorded_call *out,
                                   const char **why)
{
    static const char *(*const readers[])(const struct ecs_record *, struct recorded_call *) = {
        read_time, read_interface, read_opnum, read_protseq, read_client,  read_principal,
        read_sid,  read_object,    read_authn, read_process, read_endpoint};
    *why = NULL;
    if (!record->action.bytes) {
        *why = "neither an event of the firewall nor a line of Zeek's dce_rpc.log";
        return RECORD_BAD;
    }
    if (!read_outcome(record, &out->outcome)) {
        return RECORD_OTHER;
    }
    out->call.fetched = UINT32_MAX;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        *why = readers[i](record, out);
        if (*why) {
            return RECORD_BAD;
        }
    }
    return RECORD_CALL;
}
