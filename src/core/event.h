/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down about a call or about the firewall itself.
 *
 * A record of fixed size that owns its texts, so that it can wait in a queue after the call has
 * ended. Filled in on the host's RPC thread by event_from_call() (no allocation, no lock), read by
 * the writers on the agent's own thread. Texts that do not fit are cut at a character and marked by
 * `truncated`.
 */
#ifndef RPCFW_CORE_EVENT_H
#define RPCFW_CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "core/decide.h"

enum event_kind {
    EVENT_PROTECTION_ADDED,   /* Windows event id 1 */
    EVENT_PROTECTION_REMOVED, /* Windows event id 2 */
    EVENT_CALL,               /* Windows event id 3 */
    EVENT_POLICY_CHANGED,     /* a new generation is in force in this process */
    EVENT_POLICY_REFUSED,     /* a new generation could not be taken; the last good one stays */
    EVENT_EVENTS_DROPPED,     /* `dropped` records were lost to a full queue or a failed sink */
};

/* Room of an event's texts in bytes, with the terminating zero. */
#define EVENT_ENDPOINT_SIZE  256
#define EVENT_PRINCIPAL_SIZE 512
#define EVENT_RULE_NAME_SIZE 96
#define EVENT_RULE_FILE_SIZE 128
#define EVENT_DETAIL_SIZE    160

/*
 * The texts are zero-terminated. They are UTF-8 as far as the caller's were: a byte that is no
 * UTF-8 is kept, a zero byte inside a text is kept as 0xff, and the writers show each such byte as
 * U+FFFD.
 */
struct event {
    enum event_kind kind;
    uint64_t time_us;     /* microseconds since 1970-01-01 UTC */
    uint64_t generation;  /* of the policy that judged; 0: none */
    uint64_t dropped;     /* EVENT_EVENTS_DROPPED: how many */
    const char *function; /* runtime function that the call came through; static text or NULL */
    bool truncated;       /* a text below did not fit */

    struct verdict verdict;               /* EVENT_CALL */
    uint32_t rule_line;                   /* 1-based line of the deciding rule; 0: none */
    char rule_name[EVENT_RULE_NAME_SIZE]; /* id: of the rule; empty: none */
    char rule_file[EVENT_RULE_FILE_SIZE]; /* empty: the policy file itself */

    uint32_t known; /* FACT_BITs: which of the following hold a value */
    struct guid interface;
    uint16_t version_major;
    uint16_t version_minor;
    uint16_t opnum;
    uint16_t client_port;
    uint16_t server_port;
    uint8_t authn_level;
    uint8_t authn_service;
    enum protseq protseq;
    struct ipaddr client_addr;
    struct ipaddr server_addr;
    struct guid object; /* all zero: the call names no object */
    struct sid sid;     /* the user's */
    char endpoint[EVENT_ENDPOINT_SIZE];
    char principal[EVENT_PRINCIPAL_SIZE];

    char detail[EVENT_DETAIL_SIZE]; /* EVENT_POLICY_REFUSED, EVENT_EVENTS_DROPPED: why */
};

/* What all events of a process share; filled in once when the agent starts. UTF-8, zero-terminated.
 */
struct event_origin {
    uint32_t pid;
    char host[256];
    char process_name[260]; /* without folder */
    char executable[1024];  /* full path of the image */
};

/*
 * Asks the call for every fact that an event shows and copies them. `image` is the policy that gave
 * the verdict, for the rule's line and name; may be NULL when there is no rule. `function` must be
 * static text. Writes the whole record; `time_us` and `generation` are 0 and the caller's to set,
 * for only the host has a clock.
 */
void event_from_call(struct event *event, struct call *call, const struct verdict *verdict,
                     const struct policy_image *image, const char *function);

/* Writes a whole record of another kind, all other fields empty. `detail` may be NULL; it is
 * copied, cut if need be. */
void event_of_agent(struct event *event, enum event_kind kind, uint64_t time_us,
                    uint64_t generation, const char *detail);

#endif
