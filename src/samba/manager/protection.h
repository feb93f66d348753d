/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Protects and unprotects one running process: brings the agent in, has it attach or detach, and
 * reads what became of it.
 *
 * Called by the manager's verbs, which hold the managers' lock, and by the service, on one thread.
 * Forks the process that traces (see injection.h). Prints nothing.
 */
#ifndef RPCFW_SAMBA_MANAGER_PROTECTION_H
#define RPCFW_SAMBA_MANAGER_PROTECTION_H

#include "samba/manager/agent_view.h"
#include "samba/manager/process_scan.h"

enum protection_outcome {
    PROTECTION_ADDED,
    PROTECTION_PRESENT, /* it was protected before */
    PROTECTION_WAITING, /* the agent is in; it protects when Samba's RPC server library comes */
    PROTECTION_REMOVED,
    PROTECTION_ABSENT,     /* nothing protects it */
    PROTECTION_NOT_SERVER, /* it does not serve RPC for Samba */
    PROTECTION_ENDED,      /* there is no such process, or no more */
    PROTECTION_REFUSED,    /* `reason` */
};

#define PROTECTION_REASON_SIZE 512
#define PROTECTION_TIMEOUT_MS  5000 /* for each call of the agent's; enough for a busy server */

/* What all calls need. */
struct protection_host {
    const char *agent_path;      /* absolute; not needed to unprotect */
    struct process_table *table; /* mapped by the caller */
    unsigned timeout_ms;
};

struct protection_result {
    enum protection_outcome outcome;
    bool has_view;          /* the agent told something */
    struct agent_view view; /* as last read */
    char reason[PROTECTION_REASON_SIZE];
};

/* An agent that is older than the one at `agent_path` is detached and that one loaded. */
void protection_add(const struct protection_host *host, pid_t pid,
                    struct protection_result *result);

/* REMOVED: the agent is idle in there; its calls in flight had been judged before. */
void protection_remove(const struct protection_host *host, pid_t pid,
                       struct protection_result *result);

/* What can be seen without touching it: PRESENT, WAITING, ABSENT, NOT_SERVER, ENDED or REFUSED. */
void protection_inspect(const struct protection_host *host, const struct scanned_process *process,
                        struct protection_result *result);

/* Why an agent cannot be brought into the process, as far as can be seen from outside; "" when
 * nothing is against it. `reason` has PROTECTION_REASON_SIZE bytes. */
void protection_obstacle(const struct protection_host *host, const struct scanned_process *process,
                         char *reason);

#endif
