/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service tells about itself: a block of memory that rpcFwManager.exe exports as data,
 * read by the verbs with ReadProcessMemory, as agents' status is (agent_status.h). So there is no
 * pipe and no named object that somebody else could make first. The service writes it, on one
 * thread; readers trust no length in it.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_STATUS_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#define SERVICE_EXPORT_STATUS  "RpcFwService" /* struct service_status */

#define SERVICE_STATUS_MAGIC   0x53465052u /* "RPFS" */
#define SERVICE_STATUS_VERSION 2u

struct service_status {
    uint32_t magic;
    uint32_t version;    /* SERVICE_STATUS_VERSION */
    uint32_t size;       /* sizeof(struct service_status) */
    uint32_t running;    /* 1: the loop runs; 0: this process is no service, or not yet */
    uint64_t started_us; /* since 1970-01-01 UTC */

    uint64_t generation; /* of the policy in force; 0: none */
    uint64_t policies_published;
    uint64_t policies_refused;
    char policy_error[256]; /* why the policy file was refused; empty: it is in force */

    uint32_t processes; /* that run */
    uint32_t is_protected;
    uint32_t waiting;  /* no RPC servers, or not yet */
    uint32_t refused;  /* gaps now */
    uint64_t added;    /* processes that the service protected */
    uint64_t adopted;  /* found protected */
    uint64_t vanished; /* agents that were gone from a process that runs on */
    uint64_t gaps;     /* told as events */

    /* From the start of a process, or from when it began to listen late, to its protection. */
    uint64_t delays; /* how many the next three are of */
    uint32_t delay_last_ms;
    uint32_t delay_max_ms;
    uint64_t delay_sum_ms;

    uint64_t rounds;   /* looks at all processes */
    uint32_t round_us; /* what one without changes takes */
    uint32_t pause_ms; /* between two */
    uint64_t events_lost;

    uint64_t starts;         /* of processes, that Windows told; process_starts.h */
    uint32_t starts_told;    /* 1: they are; 0: new processes are found by looking alone */
    uint32_t starts_error;   /* why not: an error of Windows */
    char starts_failure[64]; /* and what failed */

    char release[16]; /* RPCFW_VERSION */
};

extern struct service_status RpcFwService;

/*
 * Reads the block of the service that runs as `pid`. False: `why` says so (a constant text). Texts
 * are printable ASCII or UTF-8, zero-terminated.
 */
bool service_status_read(DWORD pid, struct service_status *status, const char **why);

#endif
