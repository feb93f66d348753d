/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call or bind: takes the newest policy, describes, decides, counts, records.
 *
 * Runs on the thread that serves RPC, inside Samba's own function. No heap, no lock, no text
 * parsing, no file but when the policy changed; errno is the host's afterwards. Owned by the agent,
 * which sets it up before the first call can come.
 */
#ifndef RPCFW_SAMBA_JUDGE_H
#define RPCFW_SAMBA_JUDGE_H

#include <stdbool.h>

#include "samba/agent/describe_call.h"
#include "samba/agent/policy_watch.h"
#include "samba/state/event_ring.h"
#include "samba/state/process_table.h"

/*
 * Events of binds that this process may still put: a hundred a second, and a thousand at once. One
 * client needs no logon and one packet for a hundred binds, and each is a line of the audit.
 */
#define BIND_EVENTS_A_SECOND 100u
#define BIND_EVENTS_AT_ONCE  1000u

struct bind_allowance {
    uint32_t left;
    uint64_t since_ms; /* of CLOCK_MONOTONIC_COARSE; 0: the allowance is whole */
};

struct judge {
    struct samba_host host; /* its layout NULL: only judge_unsupported() may be called */
    struct policy_watch watch;
    struct process_entry *entry;    /* never NULL */
    struct call_counters *counters; /* never NULL: the entry's, or those that others add to too */
    bool counters_are_shared;
    struct event_ring *ring; /* never NULL */
    struct ring_origin origin;
    struct bind_allowance binds;
};

/* Whether the call, a struct dcesrv_call_state with a request, must not reach the server. */
bool judge_request(struct judge *judge, const void *samba_call);

/* Records what interfaces the client asks for, once Samba read the bind's authentication. */
void judge_bind(struct judge *judge, const void *samba_call);

/* Whether a call of a Samba that the agent cannot look into must fail: `option unsupported closed`.
 */
bool judge_unsupported(struct judge *judge);

/* Takes the newest policy now, before any call; what is in force at the start is no change. */
void judge_start(struct judge *judge);

/* Stamps an event and puts it into the ring, or counts it as dropped. */
void judge_put(struct judge *judge, struct event *event);

/* An event of the agent's own about this process, into the ring. `detail` may be NULL. */
void judge_tell(struct judge *judge, enum event_kind kind, uint64_t generation, const char *detail);

#endif
