/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with an agent that is in a process: reads what it says, has it take a new policy,
 * asks it to leave and verifies that it left.
 *
 * Called by the verbs, the service and test programs, on one thread, holding the manager mutex
 * (policy_manager_lock()) except for protection_inspect(). Prints nothing. `dll_path` is the full
 * path of the installed agent. A DLL of its name from elsewhere is none of ours, whatever it says:
 * REFUSED, with `foreign`, and nothing in it is run.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROTECTION_PRESENT_H
#define RPCFW_WINDOWS_MANAGER_PROTECTION_PRESENT_H

#include "windows/agent_server.h"
#include "windows/manager/protection.h"

/*
 * Asks the agent to unhook and unload, and frees it from `dll_path` if it was loaded more than
 * once. REMOVED means that the DLL is gone, DRAINING that calls in flight keep it there.
 */
void protection_remove(const wchar_t *dll_path, DWORD pid, struct protection_result *result);

/* Has the agent take the newest policy now instead of at its next call. */
void protection_refresh(const wchar_t *dll_path, DWORD pid, struct protection_result *result);

/*
 * Tells whether a process is protected: PRESENT (whatever the state in `status`), ABSENT, or
 * REFUSED when a DLL of the agent's name is there that is none of ours, or when the modules cannot
 * be listed of a process that can be opened and has not ended.
 */
void protection_inspect(const wchar_t *dll_path, DWORD pid, struct protection_result *result);

/* The same, and what the agent knows of the server; *known: it tells. */
void protection_inspect_server(const wchar_t *dll_path, DWORD pid, struct protection_result *result,
                               struct agent_server *server, bool *known);

#endif
