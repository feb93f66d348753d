/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills in what the agent tells of the server (agent_server.h).
 *
 * server_report_take() on the agent's own thread or the manager's; server_report_call() on RPC
 * threads: no heap, no lock, a handful of comparisons. Interfaces are added and never taken away.
 */
#ifndef RPCFW_WINDOWS_SERVER_REPORT_H
#define RPCFW_WINDOWS_SERVER_REPORT_H

#include "windows/agent/rpc/rpc_runtime.h"
#include "windows/agent_server.h"

/* The endpoints, and the registered interfaces where the runtime lists them. */
void server_report_take(struct agent_server *server, const struct rpc_runtime *runtime);

/* A call of that interface was judged. */
void server_report_call(struct agent_server *server, const struct guid *uuid,
                        uint16_t version_major, uint16_t version_minor);

#endif
