/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protects and unprotects one process: brings the agent in, waits for what it says, verifies it;
 * asks it to leave, and verifies that it left.
 *
 * Called by the verbs and by test programs, on one thread, holding the manager mutex
 * (policy_manager_lock()) except for protection_inspect(). While protection_add() runs the policy
 * must be in force (a policy_publisher open). Prints nothing. A process that no agent can enter is
 * recognised before anything is done to it (admission.h).
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROTECTION_H
#define RPCFW_WINDOWS_MANAGER_PROTECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "windows/agent_server.h"
#include "windows/agent_status.h"
#include "windows/manager/admission.h"

enum protection_outcome {
    PROTECTION_ADDED,
    PROTECTION_PRESENT,    /* protected before; protection_inspect(): protected */
    PROTECTION_NOT_SERVER, /* the process hosts no RPC server with a remote endpoint: `reason` */
    PROTECTION_REMOVED,
    PROTECTION_DRAINING,  /* unhooked; the agent leaves when its calls in flight end */
    PROTECTION_REFRESHED, /* uses the newest policy now */
    PROTECTION_ABSENT,    /* no agent in the process, or no such process any more */
    PROTECTION_REFUSED,   /* `reason` */
};

#define PROTECTION_REASON_SIZE 512

struct protection_result {
    enum protection_outcome outcome;
    uintptr_t base;                      /* where the agent's DLL is or was; 0: none was seen */
    size_t image_size;                   /* of that DLL */
    bool former;                         /* protection_try(): of an agent that is leaving */
    enum admission admission;            /* REFUSED: why, where that was known before the attempt */
    struct agent_status status;          /* ADDED, PRESENT, DRAINING, REFRESHED: as last read */
    char reason[PROTECTION_REASON_SIZE]; /* NOT_SERVER, REFUSED: UTF-8, no line feed */
};

/*
 * Protects a process with the DLL at that full path. A result of NOT_SERVER or REFUSED may leave an
 * agent that is still on its way out: protection_see_off() tells.
 */
void protection_add(const wchar_t *dll_path, DWORD pid, struct protection_result *result);

/*
 * The same without waiting for a former agent that is on its way out: what that one found is the
 * result then, and result->former says so. Come back in a second.
 */
void protection_try(const wchar_t *dll_path, DWORD pid, struct protection_result *result);

/* REFUSED for a reason that the caller has seen. */
void protection_refuse(struct protection_result *result, enum admission admission);

/* Whether a DLL of the agent's name is loaded; true also when that cannot be told. */
bool protection_has_agent(DWORD pid);

/*
 * Waits until the agent that `result` is about is gone from the process, at most `timeout_ms`;
 * false: it is still there.
 */
bool protection_confirm_left(DWORD pid, const struct protection_result *result, DWORD timeout_ms);

/*
 * The same, and what is still loaded of an agent then that has ended is freed, if it came from
 * `dll_path` and is of this release: it may have been loaded more than once.
 */
bool protection_see_off(const wchar_t *dll_path, DWORD pid, const struct protection_result *result,
                        DWORD timeout_ms);

/* Whether a result of protection_add() leaves an agent that is on its way out. */
bool protection_may_be_leaving(const struct protection_result *result);

/*
 * Asks the agent to unhook and unload, and frees it from `dll_path` if it was loaded more than
 * once. REMOVED means that the DLL is gone, DRAINING that calls in flight keep it there.
 */
void protection_remove(const wchar_t *dll_path, DWORD pid, struct protection_result *result);

/* Has the agent take the newest policy now instead of at its next call. */
void protection_refresh(DWORD pid, struct protection_result *result);

/*
 * Tells whether a process is protected: PRESENT (whatever the state in `status`), ABSENT, or
 * REFUSED when a DLL of the agent's name is there that is none of ours, or when the modules cannot
 * be listed of a process that can be opened and has not ended.
 */
void protection_inspect(DWORD pid, struct protection_result *result);

/* The same, and what the agent knows of the server; *known: it tells. */
void protection_inspect_server(DWORD pid, struct protection_result *result,
                               struct agent_server *server, bool *known);

#endif
