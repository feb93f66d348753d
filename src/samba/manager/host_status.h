/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that `rpcfw status` tells, as one picture; the verb puts it into words or JSON.
 *
 * Taken on one thread without the managers' lock; owned by the caller.
 */
#ifndef RPCFW_SAMBA_MANAGER_HOST_STATUS_H
#define RPCFW_SAMBA_MANAGER_HOST_STATUS_H

#include "samba/manager/host_policy.h"
#include "samba/manager/manager_host.h"
#include "samba/state/event_ring.h"
#include "samba/state/service_page.h"

struct process_status {
    struct process_facts facts;
    bool has_view; /* an agent told about itself */
    struct agent_view view;
    bool covered;                        /* protected, or will be when it serves RPC */
    bool older;                          /* its agent is not the one that is installed */
    char reason[PROTECTION_REASON_SIZE]; /* not covered: why, as far as can be told */
};

struct rule_status {
    char file[128]; /* "": the policy file itself */
    uint32_t line;
    char name[64]; /* id:, "" without */
    uint64_t hits;
};

struct host_status {
    bool present; /* there is a STATE_DIRECTORY; without it only processes are told */
    bool on;
    uint64_t generation; /* 0: no policy in force */
    enum host_policy_state policy_file;
    bool has_service; /* there was one since the start of the machine */
    bool service_runs;
    struct service_page service;
    uint32_t ring_fill; /* events that wait for the service */
    uint64_t ring_dropped;
    struct process_status *processes; /* by PID; what serves RPC or holds an agent */
    size_t process_count;
    size_t elsewhere;          /* processes that serve RPC in containers; not in the list */
    struct call_numbers ended; /* of processes that are no more */
    struct call_numbers sum;   /* of all */
    struct rule_status *rules;
    size_t rule_count;
};

/* CLI_DONE, or CLI_ERROR after a sentence. Free with host_status_free(). */
int host_status_take(const struct cli_verb *verb, bool with_rules, struct host_status *status);
void host_status_free(struct host_status *status);

#endif
