/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes one RPC call of this process to the policy.
 *
 * Called by the agent's hook on the RPC thread that is about to run the server's code, between
 * entry and verdict. What RPC_MESSAGE holds is copied at once; everything else waits until a rule
 * or an event asks, and costs nothing otherwise. Works in a call_storage on the caller's stack; no
 * heap of ours, no locks, and no exception leaves it. A fact that the runtime does not tell, or
 * tells in a form that does not fit, is unknown: never guessed, never cut.
 *
 * The hooked functions also run without RPC: COM calls between apartments of one process pass
 * NdrStubCall2 and NdrServerInitializeNew. Such a call is local, as if it had come over ncalrpc, so
 * that only rules that name ncalrpc see it. It is told apart by two things together: the message's
 * handle is NULL, or two functions of the runtime say that it is no binding; and the thread serves
 * no RPC call. A client cannot make its call look like that: the runtime puts the binding of the
 * call into the message itself, also where COM hands the message to the thread of an apartment, and
 * that binding is valid until the call returns. Any other failure leaves the protocol sequence
 * unknown.
 *
 *     struct call call;
 *     struct call_storage storage;
 *     describe_call_begin(&call, &storage, runtime, message, process);
 *     verdict = decide(image, &call);
 *     describe_call_defer_names(&storage);
 *     event_from_call(…);
 *     if (!describe_call_end(&storage))
 *         block;
 */
#ifndef RPCFW_WINDOWS_DESCRIBE_CALL_H
#define RPCFW_WINDOWS_DESCRIBE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "windows/agent/rpc/caller_token.h"
#include "windows/agent/rpc/rpc_runtime.h"
#include "windows/agent/rpc/utf16.h"

/* Longest endpoint and principal, in UTF-16 code units; a longer one is unknown. */
#define CALL_ENDPOINT_UNITS  256
#define CALL_PRINCIPAL_UNITS 1024

struct call_storage {
    const struct rpc_runtime *runtime;
    RPC_BINDING_HANDLE binding;
    uint32_t gathered;  /* sources of facts that were asked already */
    bool identity_lost; /* the thread still acts as the caller */
    bool names_deferred;
    struct caller_token token;
    char endpoint[UTF8_SIZE_FOR_UTF16(CALL_ENDPOINT_UNITS)];
    char principal[UTF8_SIZE_FOR_UTF16(CALL_PRINCIPAL_UNITS)];
};

_Static_assert(sizeof(struct call_storage) <= 24576, "it lives on the stacks of RPC threads");

/*
 * Writes all of *call: interface, version, opnum and process are there, the rest comes on demand.
 * `message` is the runtime's, as the hooked function received it; `process` the image name of this
 * process, without folder (length 0: unknown). Everything pointed to must outlive the matching
 * describe_call_end().
 */
void describe_call_begin(struct call *call, struct call_storage *storage,
                         const struct rpc_runtime *runtime, const RPC_MESSAGE *message,
                         struct text process);

/*
 * From now on no account name is looked up: a principal that only the account database or a domain
 * controller could tell stays unknown, and whoever reads the event resolves its SID. For what is
 * asked after the verdict; a name that a rule asked for before stays.
 */
void describe_call_defer_names(struct call_storage *storage);

/*
 * Releases what was fetched; the call's facts are gone after it. False when the thread could not be
 * given back its own identity: the server's code must not run on it, so the call must be blocked.
 */
bool describe_call_end(struct call_storage *storage);

#endif
