/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent tells about itself: a block of memory that rpcFirewall.dll exports as data.
 *
 * The agent writes it; the manager finds the DLL's base in the target, adds the export's offset and
 * reads the block with ReadProcessMemory. So no named object is needed per process, nobody but an
 * administrator can read it, and nobody can forge it without already being inside the process. The
 * manager trusts no length in it.
 */
#ifndef RPCFW_WINDOWS_AGENT_STATUS_H
#define RPCFW_WINDOWS_AGENT_STATUS_H

#include <stdint.h>

#define AGENT_DLL_NAME L"rpcFirewall.dll"

/*
 * Exports. The two routines are thread routines (DWORD WINAPI (void *)) that the manager starts in
 * the target: RpcFwStop unhooks, drains and unloads (enum agent_stop_result), RpcFwRefresh takes
 * the newest policy (enum agent_refresh_result).
 */
#define AGENT_EXPORT_STATUS  "RpcFwStatus" /* struct agent_status */
#define AGENT_EXPORT_STOP    "RpcFwStop"
#define AGENT_EXPORT_REFRESH "RpcFwRefresh"

#define AGENT_STATUS_MAGIC   0x57465052u /* "RPFW" */
#define AGENT_STATUS_VERSION 1u

enum agent_state {
    AGENT_STARTING,
    AGENT_PROTECTED,
    AGENT_LEAVING,  /* not protecting: `reason` says why; the DLL unloads itself within a second */
    AGENT_DRAINING, /* unhooked, waiting for calls in flight to end, then unloads itself */
    AGENT_IDLE,     /* everything is given back; only others' references keep the DLL in memory */
};

enum agent_reason {
    AGENT_REASON_NONE,
    AGENT_REASON_NO_RPC,           /* rpcrt4.dll is not loaded, or has no server endpoint at all */
    AGENT_REASON_LOCAL_ONLY,       /* only ncalrpc endpoints */
    AGENT_REASON_NO_POLICY,        /* no policy is in force */
    AGENT_REASON_BAD_POLICY,       /* the policy section does not validate */
    AGENT_REASON_UNTRUSTED_POLICY, /* the section is not owned by administrators or the system */
    AGENT_REASON_HOOK,             /* the runtime could not be hooked: `detail` says where */
    AGENT_REASON_RESOURCES,        /* no memory, no thread, …: `win32_error` */
    AGENT_REASON_STOPPED,          /* the manager asked for it */
    AGENT_REASON_POLICY_DENIED,    /* a policy is in force and this account may not open it */
};

enum agent_stop_result {
    AGENT_STOP_DONE = 0x52460000, /* unloading now */
    AGENT_STOP_DRAINING,          /* unhooked; unloads when the last call in flight ends */
    AGENT_STOP_NOT_PROTECTED,
    AGENT_STOP_UNHOOK_FAILED, /* still protected: nothing was changed */
};

enum agent_refresh_result {
    AGENT_REFRESH_DONE = 0x52470000,
    AGENT_REFRESH_NO_POLICY,
    AGENT_REFRESH_BAD_POLICY,
    AGENT_REFRESH_UNTRUSTED,
    AGENT_REFRESH_NOT_PROTECTED,
    AGENT_REFRESH_DENIED, /* this account may not open it */
    AGENT_REFRESH_BUSY,   /* calls hold all older generations: again later */
    AGENT_REFRESH_FAILED, /* no memory, no address space, … */
};

struct agent_status {
    uint32_t magic;
    uint32_t version; /* AGENT_STATUS_VERSION */
    uint32_t size;    /* sizeof(struct agent_status) */
    uint32_t state;   /* enum agent_state */
    uint32_t reason;  /* enum agent_reason */
    uint32_t win32_error;
    uint32_t hooks;     /* runtime functions hooked */
    uint32_t in_flight; /* calls inside the server's code or the agent now */
    uint64_t generation;
    uint64_t started_us; /* since 1970-01-01 UTC: when it began to protect */
    uint64_t calls;
    uint64_t blocked;
    uint64_t would_block;
    uint64_t audited;
    uint64_t dropped; /* events lost */
    char release[16]; /* RPCFW_VERSION of the DLL */
    char detail[128]; /* ASCII, zero-terminated */
};

#endif
