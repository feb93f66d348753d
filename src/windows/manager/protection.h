/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protects one process: brings the agent in, waits for what it says, verifies it. What is done with
 * an agent that is there is in protection_present.h.
 *
 * Called by the verbs and by test programs, on one thread, holding the manager mutex
 * (policy_manager_lock()). While protection_add() runs the policy must be in force (a
 * policy_publisher open). Prints nothing. A process that no agent can enter is recognised before
 * anything is done to it (admission.h).
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROTECTION_H
#define RPCFW_WINDOWS_MANAGER_PROTECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "windows/manager/protection_result.h"

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

#endif
