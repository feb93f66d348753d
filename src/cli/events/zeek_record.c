/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/zeek_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/events/interface_version.h"
#include "cli/events/timestamp.h"
#include "core/catalog.h"

/* Logs repeat few pairs of names: what they mean is kept. */
#define CACHE_SLOTS    4096u
#define CACHE_NAME_MAX 120u
#define SAME_NAME_MAX  16u

#define NOT_UNKNOWN    UINT32_MAX

struct meaning {
    struct guid interface;
    uint16_t opnum;
    uint32_t unknown; /* number among the unknown names; NOT_UNKNOWN: it has a meaning */
};

struct cache_slot {
    char name[CACHE_NAME_MAX]; /* interface and method, one behind the other */
    uint8_t interface_length;
    uint8_t length; /* 0: empty */
    struct meaning meaning;
};

struct zeek_names {
    struct unknown_name unknown[UNKNOWN_NAMES_MAX];
    size_t unknown_count;
    uint64_t unlisted;
    struct cache_slot cache[CACHE_SLOTS];
};

struct zeek_names *zeek_names_new(void)
{
    return calloc(1, sizeof(struct zeek_names));
}

void zeek_names_free(struct zeek_names *names)
{
    free(names);
}

const struct unknown_name *zeek_names_unknown(const struct zeek_names *names, size_t *count,
                                              uint64_t *unlisted)
{
    *count = names->unknown_count;
    *unlisted = names->unlisted;
    return names->unknown;
}

/* ---- Names ---- */

/* What follows "unknown-", which Zeek puts before the UUIDs and opnums that it has no name for. */
static bool behind_unknown(struct text name, struct text *rest)
{
    static const char prefix[] = "unknown-";
    const size_t length = sizeof(prefix) - 1;
    if (name.length <= length || memcmp(name.bytes, prefix, length) != 0) {
        return false;
    }
    *rest = (struct text){name.bytes + length, name.length - length};
    return true;
}

static bool find_opnum(const struct catalog_interface *interface, struct text method,
                       unsigned *opnum)
{
    struct text number;
    if (behind_unknown(method, &number)) {
        return small_number_parse(number, UINT16_MAX, opnum);
    }
    return interface && catalog_method_by_name(interface, method.bytes, method.length, opnum);
}

/* "IWbemContext interface": Zeek says so behind the names of some COM interfaces. */
static struct text without_suffix(struct text name)
{
    static const char suffix[] = " interface";
    const size_t length = sizeof(suffix) - 1;
    if (name.length > length && memcmp(name.bytes + name.length - length, suffix, length) == 0) {
        name.length -= length;
    }
    return name;
}

/* Several interfaces can share a name: the one that has the method is meant, if only one does. */
static bool find_named(struct text name, struct text method, struct meaning *out)
{
    const struct catalog_interface *same[SAME_NAME_MAX];
    name = without_suffix(name);
    size_t count = catalog_interfaces_by_name(name.bytes, name.length, same, SAME_NAME_MAX);
    const struct catalog_interface *found = NULL;
    for (size_t i = 0; i < count && i < SAME_NAME_MAX; i++) {
        unsigned opnum;
        if (!find_opnum(same[i], method, &opnum)) {
            continue;
        }
        if (found) {
            return false;
        }
        found = same[i];
        out->opnum = (uint16_t)opnum;
    }
    if (found) {
        out->interface = *catalog_interface_uuid(found);
    }
    return found != NULL;
}

static bool find_meaning(struct text name, struct text method, struct meaning *out)
{
    struct text uuid;
    unsigned opnum;
    if (!behind_unknown(name, &uuid)) {
        return find_named(name, method, out);
    }
    if (!guid_parse(uuid.bytes, uuid.length, &out->interface) ||
        !find_opnum(catalog_interface_by_uuid(&out->interface), method, &opnum)) {
        return false;
    }
    out->opnum = (uint16_t)opnum;
    return true;
}

/* The number of an unknown name, which is added if it is new; UNKNOWN_NAMES_MAX: no room. */
static uint32_t unknown_number(struct zeek_names *names, struct text name, struct text method)
{
    struct unknown_name added = {.count = 0};
    snprintf(added.name, sizeof(added.name), "%.*s %.*s",
             (int)(name.length < 60 ? name.length : 60), name.bytes,
             (int)(method.length < 60 ? method.length : 60), method.bytes);
    for (size_t i = 0; i < names->unknown_count; i++) {
        if (strcmp(names->unknown[i].name, added.name) == 0) {
            return (uint32_t)i;
        }
    }
    if (names->unknown_count == UNKNOWN_NAMES_MAX) {
        return UNKNOWN_NAMES_MAX;
    }
    names->unknown[names->unknown_count] = added;
    return (uint32_t)names->unknown_count++;
}

static struct meaning look_up(struct zeek_names *names, struct text name, struct text method)
{
    struct meaning meaning = {.unknown = NOT_UNKNOWN};
    if (!find_meaning(name, method, &meaning)) {
        meaning.unknown = unknown_number(names, name, method);
    }
    return meaning;
}

static uint32_t hash_of(struct text name, struct text method)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.length; i++) {
        hash = (hash ^ (unsigned char)name.bytes[i]) * 16777619u;
    }
    for (size_t i = 0; i < method.length; i++) {
        hash = (hash ^ (unsigned char)method.bytes[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

static struct meaning meaning_of(struct zeek_names *names, struct text name, struct text method)
{
    size_t length = name.length + method.length;
    struct cache_slot *slot = &names->cache[hash_of(name, method) % CACHE_SLOTS];
    if (length > CACHE_NAME_MAX || !length) {
        return look_up(names, name, method);
    }
    if (slot->length == length && slot->interface_length == name.length &&
        memcmp(slot->name, name.bytes, name.length) == 0 &&
        memcmp(slot->name + name.length, method.bytes, method.length) == 0) {
        return slot->meaning;
    }
    slot->meaning = look_up(names, name, method);
    slot->interface_length = (uint8_t)name.length;
    slot->length = (uint8_t)length;
    memcpy(slot->name, name.bytes, name.length);
    memcpy(slot->name + name.length, method.bytes, method.length);
    return slot->meaning;
}

/* ---- Transport ---- */

#define PORT_NETBIOS 139
#define PORT_SMB     445
#define PORT_HTTP    593 /* ncacn_http's endpoint mapper */

/*
 * named_pipe holds the secondary address of the bind's answer: a pipe's name over SMB, the port
 * over TCP. Where it is missing, the server's port tells the protocol sequence.
 */
static const char *set_transport(const struct zeek_record *record, struct call *call)
{
    unsigned port = 0;
    unsigned pipe_port;
    if (record->server_port.bytes && !small_number_parse(record->server_port, UINT16_MAX, &port)) {
        return "id.resp_p is no port";
    }
    bool is_port = small_number_parse(record->pipe, UINT16_MAX, &pipe_port);
    bool smb = port == PORT_SMB || port == PORT_NETBIOS;
    call->endpoint = record->pipe;
    if (smb || (record->pipe.length && !is_port)) {
        call->protseq = PROTSEQ_NCACN_NP;
        if (is_port) {
            call->endpoint = (struct text){0};
        }
    } else {
        call->protseq = port == PORT_HTTP ? PROTSEQ_NCACN_HTTP : PROTSEQ_NCACN_IP_TCP;
        call->endpoint = is_port ? record->pipe : record->server_port;
    }
    if (port || record->pipe.length) {
        call_set_known(call, FACT_PROTSEQ);
    }
    if (call->endpoint.length) {
        call_set_known(call, FACT_ENDPOINT);
    }
    return NULL;
}

enum record_result zeek_record_read(struct zeek_names *names, const struct zeek_record *record,
                                    struct recorded_call *out, const char **why)
{
    struct call *call = &out->call;
    call->fetched = UINT32_MAX;
    *why = NULL;
    if (!record->interface.length || !record->method.length) {
        *why = "endpoint and operation are not set";
    } else if (record->ts.bytes &&
               !timestamp_parse(record->ts.bytes, record->ts.length, &out->time_us)) {
        *why = "ts is no time";
    } else if (record->client.bytes &&
               !ipaddr_parse(record->client.bytes, record->client.length, &call->client_addr)) {
        *why = "id.orig_h is no IP address";
    } else {
        *why = set_transport(record, call);
    }
    if (*why) {
        return RECORD_BAD;
    }
    if (record->client.bytes) {
        call_set_known(call, FACT_CLIENT_ADDR);
    }
    struct meaning meaning = meaning_of(names, record->interface, record->method);
    if (meaning.unknown != NOT_UNKNOWN) {
        if (meaning.unknown < UNKNOWN_NAMES_MAX) {
            names->unknown[meaning.unknown].count++;
        } else {
            names->unlisted++;
        }
        return RECORD_UNNAMED;
    }
    call->interface = meaning.interface;
    interface_version_from_catalog(call);
    call->opnum = meaning.opnum;
    call_set_known(call, FACT_INTERFACE);
    call_set_known(call, FACT_OPNUM);
    return RECORD_CALL;
}
