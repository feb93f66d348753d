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

    /* Of the whole machine: told by who rules over the agents, not by the agents. */
    EVENT_POLICY_PUBLISHED,    /* a policy file was read and is in force as `generation` */
    EVENT_POLICY_FILE_REFUSED, /* a policy file has errors; `generation` stays in force */
    EVENT_GAP_FOUND,           /* the origin's process serves calls and cannot be protected */
    EVENT_SERVICE_STARTED,     /* the service that protects by itself */
    EVENT_SERVICE_STOPPED,

    /* A client asked for an interface: bind or alter-context. Samba's agent alone sees it, so it
       has no number in the Windows event log. */
    EVENT_BIND,
    EVENT_KIND_COUNT,
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

    bool served; /* EVENT_BIND: the endpoint has the interface */

    struct verdict verdict;               /* EVENT_CALL, EVENT_BIND */
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
    union {
        char endpoint[EVENT_ENDPOINT_SIZE];    /* EVENT_CALL, EVENT_BIND */
        char policy_file[EVENT_ENDPOINT_SIZE]; /* EVENT_POLICY_PUBLISHED, _FILE_REFUSED: its path */
        char covered_by[EVENT_ENDPOINT_SIZE];  /* EVENT_GAP_FOUND: what protects it instead */
    };
    char principal[EVENT_PRINCIPAL_SIZE];

    char detail[EVENT_DETAIL_SIZE]; /* the firewall's own events: why */
};

/* What all events of a process share, who tells them or, for EVENT_GAP_FOUND, whom they are about;
 * an agent fills it in once when it starts. UTF-8, zero-terminated. */
struct event_origin {
    uint32_t pid;
    char host[256];
    char process_name[260]; /* without folder */
    char executable[1024];  /* full path of the image */
};

/* Copies a record without the room behind its texts, which is most of it: for shared memory, where
 * each line that is written costs. */
void event_copy(struct event *to, const struct event *from);

/*
 * Asks the call for every fact that an event shows and copies them. `image` is the policy that gave
 * the verdict, for the rule's line and name; may be NULL when there is no rule. `function` must be
 * static text. Writes the whole record, but not the room behind the end of each text; `time_us` and
 * `generation` are 0 and the caller's to set, for only the host has a clock.
 */
void event_from_call(struct event *event, struct call *call, const struct verdict *verdict,
                     const struct policy_image *image, const char *function);

/* The same for a bind, with the verdict of decide_bind(). The call's opnum is unknown. */
void event_from_bind(struct event *event, struct call *call, const struct verdict *verdict,
                     const struct policy_image *image, const char *function, bool served);

/* Writes a whole record of another kind, all other fields empty. `detail` may be NULL; it is
 * copied, cut if need be. */
void event_of_agent(struct event *event, enum event_kind kind, uint64_t time_us,
                    uint64_t generation, const char *detail);

/*
 * The same for EVENT_POLICY_PUBLISHED (no `error`) and EVENT_POLICY_FILE_REFUSED (`error`: the
 * first one, with its place). `generation` is the one in force afterwards; 0: none.
 */
void event_of_policy_file(struct event *event, enum event_kind kind, uint64_t time_us,
                          uint64_t generation, const char *file, const char *error);

/*
 * A process that serves calls and cannot be protected: why, and what covers it instead ("nothing"
 * when nothing does). Written with an origin that describes that process.
 */
void event_of_gap(struct event *event, uint64_t time_us, uint64_t generation, const char *reason,
                  const char *covered_by);

#endif
