/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the agent in its process: from DllMain to the last instruction of rpcFirewall.dll.
 *
 * agent_run() is the thread that DllMain starts, off the loader lock. It finds out whether the
 * process is an RPC server that other machines can reach; if not, it says so in the status block,
 * waits a moment so that the manager can read it, and unloads the DLL. Otherwise it takes the
 * policy, starts the writer, hooks the runtime, and ends: from then on the agent has no thread but
 * the writer. The manager's threads enter through agent_stop() and agent_refresh().
 */
#ifndef RPCFW_WINDOWS_AGENT_H
#define RPCFW_WINDOWS_AGENT_H

#include <windows.h>

#include "windows/agent_status.h"

/* How long an agent that does not protect stays readable before it unloads itself, in milliseconds.
 */
#define AGENT_LINGER_MS 700

/* How long the manager's thread waits for calls in flight, in milliseconds, before it leaves that
 * to another. */
#define AGENT_DRAIN_MS 2000

/* After this long, in milliseconds, a thread that was sent and has not begun is taken for
 * forgotten. */
#define AGENT_ORPHAN_MS 1000

extern struct agent_status RpcFwStatus;

/* Remembers the module that is to be unloaded in the end. From DllMain, before the thread starts.
 */
void agent_set_module(HMODULE module);

DWORD WINAPI agent_run(void *unused);

/* Exported to the manager as thread routines; their exit codes are in agent_status.h. */
DWORD WINAPI RpcFwStop(void *unused);
DWORD WINAPI RpcFwRefresh(void *unused);

#endif
