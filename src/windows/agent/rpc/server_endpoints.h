/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this process is an RPC server, and one that other machines can reach.
 *
 * Asked by the agent's own thread when it starts, and again while it waits for a server that
 * registers late; never on an RPC thread.
 */
#ifndef RPCFW_WINDOWS_SERVER_ENDPOINTS_H
#define RPCFW_WINDOWS_SERVER_ENDPOINTS_H

#include "windows/agent/rpc/rpc_runtime.h"

enum server_endpoints {
    SERVER_ENDPOINTS_NONE,   /* listens on nothing: no RPC server, or not yet */
    SERVER_ENDPOINTS_LOCAL,  /* ncalrpc only */
    SERVER_ENDPOINTS_REMOTE, /* at least one that other machines can reach, or may be */
};

/*
 * An endpoint whose protocol sequence cannot be told counts as remote, as does a runtime that
 * answers with an error of its own: better to protect one process too many.
 */
enum server_endpoints server_endpoints_find(const struct rpc_runtime *runtime);

#endif
