/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls: the user and the enabled groups of the caller's token.
 *
 * Impersonates the caller for the few calls that read the token and takes the identity off again
 * before it returns. RPC threads only; the memory is the caller's, except a block for tokens with
 * very many groups, which caller_token_release() gives back.
 */
#ifndef RPCFW_WINDOWS_CALLER_TOKEN_H
#define RPCFW_WINDOWS_CALLER_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sid.h"
#include "windows/agent/rpc/rpc_runtime.h"

/* Room for the groups of nearly every token; larger ones get memory of their own. */
#define CALLER_GROUPS_SIZE 8192
#define CALLER_SIDS_INLINE 256

struct caller_token {
    const struct sid **sids; /* the user first, then the enabled groups */
    size_t count;
    void *large; /* VirtualAlloc'ed when the groups do not fit below; otherwise NULL */
    const struct sid *list[CALLER_SIDS_INLINE];
    uint64_t user[(sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE + 7) / 8];
    uint64_t groups[CALLER_GROUPS_SIZE / 8];
};

enum caller_token_result {
    CALLER_TOKEN_READ,
    CALLER_TOKEN_UNKNOWN, /* no token to be had, or not all of it could be read */
    /*
     * The thread could not be given back the identity it had: whatever runs on it next would act
     * as the caller. The call must not go on to the server.
     */
    CALLER_TOKEN_STUCK,
};

/*
 * Reads the token of the client of `binding`. All of `token` is written; only after
 * CALLER_TOKEN_READ do sids and count hold something.
 */
enum caller_token_result caller_token_read(struct caller_token *token,
                                           const struct rpc_runtime *runtime,
                                           RPC_BINDING_HANDLE binding);

/* Frees what caller_token_read() needed, whatever its result. */
void caller_token_release(struct caller_token *token);

#endif
