/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/caller_token.h"

/* Windows gives a token about a thousand groups at most; far more than that is no token. */
#define LARGE_GROUPS_MAX (256u * 1024)

static bool thread_has_token(const struct rpc_runtime *runtime)
{
    HANDLE token;
    DWORD error = runtime_open_thread_token(runtime, TOKEN_QUERY, &token);
    if (error == ERROR_SUCCESS)
        runtime_close_handle(runtime, token);
    return error != ERROR_NO_TOKEN;
}

/*
 * Takes the caller's identity off the thread. In an RPC callback the thread may have had a token
 * before, `previous`, which the runtime's revert would take away with it.
 */
static bool restore_identity(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                             HANDLE previous)
{
    RPC_STATUS status = runtime_revert(runtime, binding);
    if (previous)
        return runtime_set_thread_token(runtime, previous) == ERROR_SUCCESS;
    if (status == RPC_S_OK && !thread_has_token(runtime))
        return true;
    runtime_set_thread_token(runtime, NULL);
    return !thread_has_token(runtime);
}

/* The SID at `sid` when all of it lies in the `size` bytes at `buffer`, otherwise NULL. */
static const struct sid *sid_inside(const void *sid, const void *buffer, size_t size)
{
    const size_t header = offsetof(struct sid, sub_authority);
    uintptr_t start = (uintptr_t)buffer;
    uintptr_t at = (uintptr_t)sid;
    if (at < start || at - start > size || size - (at - start) < header)
        return NULL;
    if (!sid_is_valid(sid) || sid_size(sid) > size - (at - start))
        return NULL;
    return sid;
}

static bool read_user(struct caller_token *token, const struct rpc_runtime *runtime, HANDLE handle)
{
    DWORD size;
    if (runtime_get_token(runtime, handle, TokenUser, token->user, sizeof(token->user), &size) !=
        ERROR_SUCCESS)
        return false;
    if (size < sizeof(TOKEN_USER) || size > sizeof(token->user))
        return false;
    const TOKEN_USER *user = (const TOKEN_USER *)token->user;
    token->sids[0] = sid_inside(user->User.Sid, token->user, size);
    token->count = 1;
    return token->sids[0] != NULL;
}

/* Adds the enabled groups of the `size` bytes at `groups`; false when they are not well-formed. */
static bool add_groups(struct caller_token *token, size_t room, const TOKEN_GROUPS *groups,
                       size_t size)
{
    if (size < offsetof(TOKEN_GROUPS, Groups) ||
        groups->GroupCount > (size - offsetof(TOKEN_GROUPS, Groups)) / sizeof(SID_AND_ATTRIBUTES))
        return false;
    for (DWORD i = 0; i < groups->GroupCount; i++) {
        DWORD attributes = groups->Groups[i].Attributes;
        if (!(attributes & SE_GROUP_ENABLED) || (attributes & SE_GROUP_USE_FOR_DENY_ONLY))
            continue;
        const struct sid *sid = sid_inside(groups->Groups[i].Sid, groups, size);
        if (!sid || token->count == room)
            return false;
        token->sids[token->count++] = sid;
    }
    return true;
}

/* The groups and a list of them long enough, in one block: `needed` bytes of groups come first. */
static bool read_large_groups(struct caller_token *token, const struct rpc_runtime *runtime,
                              HANDLE handle, DWORD needed)
{
    if (needed > LARGE_GROUPS_MAX)
        return false;
    size_t groups_size = (needed + 7) & ~(size_t)7;
    size_t room = 1 + needed / sizeof(SID_AND_ATTRIBUTES);
    token->large = VirtualAlloc(NULL, groups_size + room * sizeof(const struct sid *),
                                MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!token->large)
        return false;
    const struct sid **sids = (const struct sid **)((char *)token->large + groups_size);
    DWORD size;
    if (runtime_get_token(runtime, handle, TokenGroups, token->large, needed, &size) !=
            ERROR_SUCCESS ||
        size > needed)
        return false;
    sids[0] = token->sids[0];
    token->sids = sids;
    token->count = 1;
    return add_groups(token, room, token->large, size);
}

/* A list without the groups would let a caller escape the rules that name them: all or nothing. */
static bool read_groups(struct caller_token *token, const struct rpc_runtime *runtime,
                        HANDLE handle)
{
    DWORD size;
    DWORD error = runtime_get_token(runtime, handle, TokenGroups, token->groups,
                                    sizeof(token->groups), &size);
    if (error == ERROR_INSUFFICIENT_BUFFER)
        return read_large_groups(token, runtime, handle, size);
    if (error != ERROR_SUCCESS || size > sizeof(token->groups))
        return false;
    const TOKEN_GROUPS *groups = (const TOKEN_GROUPS *)token->groups;
    if (size >= sizeof(DWORD) && groups->GroupCount >= CALLER_SIDS_INLINE)
        return read_large_groups(token, runtime, handle, size);
    return add_groups(token, CALLER_SIDS_INLINE, groups, size);
}

static bool read_impersonated(struct caller_token *token, const struct rpc_runtime *runtime)
{
    HANDLE handle;
    if (runtime_open_thread_token(runtime, TOKEN_QUERY, &handle) != ERROR_SUCCESS)
        return false;
    bool read = read_user(token, runtime, handle) && read_groups(token, runtime, handle);
    runtime_close_handle(runtime, handle);
    return read;
}

enum caller_token_result caller_token_read(struct caller_token *token,
                                           const struct rpc_runtime *runtime,
                                           RPC_BINDING_HANDLE binding)
{
    bool read = false;
    bool restored = true;
    HANDLE previous;
    token->sids = token->list;
    token->count = 0;
    token->large = NULL;
    /* What cannot be put back must not be replaced. */
    DWORD error = runtime_open_thread_token(runtime, TOKEN_QUERY | TOKEN_IMPERSONATE, &previous);
    if (error != ERROR_SUCCESS && error != ERROR_NO_TOKEN)
        return CALLER_TOKEN_UNKNOWN;
    if (runtime_impersonate(runtime, binding) == RPC_S_OK) {
        read = read_impersonated(token, runtime);
        restored = restore_identity(runtime, binding, previous);
    } else if (previous || thread_has_token(runtime)) {
        /* A failure that left a token behind, or took one away. */
        restored = restore_identity(runtime, binding, previous);
    }
    runtime_close_handle(runtime, previous);
    if (!restored)
        return CALLER_TOKEN_STUCK;
    return read ? CALLER_TOKEN_READ : CALLER_TOKEN_UNKNOWN;
}

void caller_token_release(struct caller_token *token)
{
    if (token->large)
        VirtualFree(token->large, 0, MEM_RELEASE);
    token->large = NULL;
}
