/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges each remote call once: what happens between the gate and the server's code.
 *
 * gate_enter() and gate_leave() run on the host's RPC threads, inside the runtime. Here a call is
 * described, decided, counted and handed to the writer; a blocked call is raised out of, which the
 * runtime answers with an access-denied fault. No heap of ours, no lock; the stack holds the call's
 * description (about 30 KiB).
 */
#ifndef RPCFW_WINDOWS_JUDGE_H
#define RPCFW_WINDOWS_JUDGE_H

#include <stdbool.h>
#include <windows.h>

#include "core/event.h"
#include "windows/agent/policy_watch.h"
#include "windows/agent/rpc/describe_call.h"
#include "windows/agent/sinks/event_writer.h"
#include "windows/agent_server.h"
#include "windows/agent_status.h"

struct judge {
    const struct rpc_runtime *runtime;
    struct text process; /* image name, without folder */
    struct policy_watch *watch;
    struct event_writer *writer;
    struct agent_status *status;
    struct agent_server *server;
    DWORD thread_slot; /* TLS: the innermost call that this thread is inside of */
};

/* From now on calls are judged with *judge, which stays valid until judge_clear(). False: no thread
 * slot. */
bool judge_set(struct judge *judge);

/* No call is inside the gate any more. */
void judge_clear(struct judge *judge);

/* Takes a newly published policy, counts it and writes the event. Any thread, also the manager's.
 */
enum policy_watch_result judge_refresh(struct judge *judge, enum policy_section_error *error);

#endif
