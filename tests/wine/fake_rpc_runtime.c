/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_rpc_runtime.h"

#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

struct fake_state fake;

#define NAME(function) [FAKE_##function] = #function
const char *const fake_function_names[FAKE_COUNT] = {
    NAME(RpcServerInqBindings),
    NAME(RpcBindingVectorFree),
    NAME(RpcBindingServerFromClient),
    NAME(RpcBindingToStringBindingW),
    NAME(RpcStringBindingParseW),
    NAME(RpcStringFreeW),
    NAME(RpcBindingFree),
    NAME(RpcBindingInqAuthClientW),
    NAME(RpcBindingInqObject),
    NAME(I_RpcGetCurrentCallHandle),
    NAME(RpcServerInqCallAttributesW),
    NAME(RpcImpersonateClient),
    NAME(RpcRevertToSelfEx),
    NAME(RpcRevertToSelf),
    NAME(I_RpcServerInqRemoteConnAddress),
    NAME(I_RpcServerInqLocalConnAddress),
    NAME(OpenThreadToken),
    NAME(GetTokenInformation),
    NAME(SetThreadToken),
    NAME(CloseHandle),
    NAME(LookupAccountSidW),
    NAME(getpeername),
    NAME(getsockname),
};

/* Binding handles: the one in RPC_MESSAGE is whatever the test put there. */
#define SERVER_BINDING    ((RPC_BINDING_HANDLE)(uintptr_t)0x51)
#define CURRENT_CALL      ((RPC_BINDING_HANDLE)(uintptr_t)0x7777)
#define ENDPOINT_BINDING  ((uintptr_t)0x100)
#define TOKEN_HANDLE_BASE ((uintptr_t)0x2000)

void fake_begin(const struct fake_answers *answers)
{
    memset(&fake, 0, sizeof(fake));
    fake.answers = *answers;
    fake.thread_token = answers->thread_token;
}

unsigned fake_uses(void)
{
    unsigned uses = 0;
    for (int i = 0; i < FAKE_COUNT; i++)
        uses += fake.uses[i];
    return uses;
}

static bool fails(enum fake_function function)
{
    unsigned use = fake.uses[function]++;
    uint32_t mask = fake.fails[function];
    if (mask != UINT32_MAX && (use >= 32 || !(mask & 1u << use)))
        return false;
    if (fake.failure == FAKE_RAISES)
        RaiseException(0xC0000096, EXCEPTION_NONCONTINUABLE, 0, NULL);
    SetLastError(ERROR_ACCESS_DENIED);
    return true;
}

static RPC_WSTR new_string(const wchar_t *text)
{
    size_t size = (wcslen(text) + 1) * sizeof(wchar_t);
    void *copy = malloc(size);
    if (!copy)
        abort();
    memcpy(copy, text, size);
    fake.strings++;
    return copy;
}

static RPC_STATUS WINAPI fake_inq_bindings(RPC_BINDING_VECTOR **vector)
{
    ULONG count = 0;
    if (fails(FAKE_RpcServerInqBindings))
        return RPC_S_OUT_OF_MEMORY;
    while (count < FAKE_BINDINGS_MAX && fake.answers.server_protseqs[count])
        count++;
    if (count == 0)
        return RPC_S_NO_BINDINGS;
    *vector = malloc(sizeof(**vector) + count * sizeof(RPC_BINDING_HANDLE));
    if (!*vector)
        abort();
    (*vector)->Count = count;
    for (ULONG i = 0; i < count; i++)
        (*vector)->BindingH[i] = (RPC_BINDING_HANDLE)(ENDPOINT_BINDING + i);
    fake.vectors++;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_vector_free(RPC_BINDING_VECTOR **vector)
{
    if (fails(FAKE_RpcBindingVectorFree))
        return RPC_S_INVALID_ARG;
    free(*vector);
    *vector = NULL;
    fake.vectors--;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_server_from_client(RPC_BINDING_HANDLE client,
                                                 RPC_BINDING_HANDLE *server)
{
    (void)client;
    if (fails(FAKE_RpcBindingServerFromClient))
        return RPC_S_CANNOT_SUPPORT;
    if (fake.answers.binding != RPC_S_OK)
        return fake.answers.binding;
    if (!fake.answers.address)
        return RPC_S_CANNOT_SUPPORT;
    *server = SERVER_BINDING;
    fake.bindings++;
    return RPC_S_OK;
}

/* The text of a binding is the number of its handle; parse knows what to answer for each. */
static RPC_STATUS WINAPI fake_to_string(RPC_BINDING_HANDLE binding, RPC_WSTR *text)
{
    wchar_t number[2] = {(wchar_t)((uintptr_t)binding & 0xFFFF), 0};
    if (fails(FAKE_RpcBindingToStringBindingW))
        return RPC_S_INVALID_BINDING;
    if (binding != SERVER_BINDING && fake.answers.binding != RPC_S_OK)
        return fake.answers.binding;
    *text = new_string(number);
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_parse(RPC_WSTR text, RPC_WSTR *object, RPC_WSTR *protseq,
                                    RPC_WSTR *address, RPC_WSTR *endpoint, RPC_WSTR *options)
{
    const wchar_t *sequence = fake.answers.protseq;
    if (fails(FAKE_RpcStringBindingParseW) || object || options)
        return RPC_S_INVALID_STRING_BINDING;
    bool server = text[0] == (uintptr_t)SERVER_BINDING;
    if (text[0] >= ENDPOINT_BINDING && text[0] < ENDPOINT_BINDING + FAKE_BINDINGS_MAX)
        sequence = fake.answers.server_protseqs[text[0] - ENDPOINT_BINDING];
    if (protseq)
        *protseq = new_string(sequence);
    if (address)
        *address = new_string(server ? fake.answers.address : L"server.example");
    if (endpoint)
        *endpoint = new_string(server ? L"" : fake.answers.endpoint);
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_string_free(RPC_WSTR *text)
{
    if (fails(FAKE_RpcStringFreeW))
        return RPC_S_INVALID_ARG;
    free(*text);
    *text = NULL;
    fake.strings--;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_binding_free(RPC_BINDING_HANDLE *binding)
{
    if (fails(FAKE_RpcBindingFree) || *binding != SERVER_BINDING)
        return RPC_S_INVALID_BINDING;
    *binding = NULL;
    fake.bindings--;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_auth_client(RPC_BINDING_HANDLE binding, RPC_AUTHZ_HANDLE *privileges,
                                          RPC_WSTR *server, ULONG *level, ULONG *service,
                                          ULONG *authorization)
{
    (void)binding;
    (void)authorization;
    if (fails(FAKE_RpcBindingInqAuthClientW))
        return RPC_S_INVALID_BINDING;
    if (fake.answers.auth_client != RPC_S_OK)
        return fake.answers.auth_client;
    if (server)
        *server = new_string(L"host/server");
    *privileges = (RPC_AUTHZ_HANDLE)(uintptr_t)fake.answers.privileges;
    *level = fake.answers.level;
    *service = fake.answers.service;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_object(RPC_BINDING_HANDLE binding, UUID *object)
{
    (void)binding;
    if (fails(FAKE_RpcBindingInqObject))
        return RPC_S_INVALID_BINDING;
    if (fake.answers.binding != RPC_S_OK)
        return fake.answers.binding;
    *object = fake.answers.object;
    return RPC_S_OK;
}

static RPC_BINDING_HANDLE WINAPI fake_current_call(void)
{
    return fails(FAKE_I_RpcGetCurrentCallHandle) || fake.answers.no_call ? NULL : CURRENT_CALL;
}

static RPC_STATUS answer_local_address(RPC_CALL_LOCAL_ADDRESS_V1_W *local)
{
    const struct fake_end *end = &fake.answers.local_attribute;
    ULONG size = end->family == AF_INET ? 4 : 16;
    if (!local || local->Version != 1)
        return RPC_S_INVALID_ARG;
    if (end->family == 0)
        return RPC_S_CANNOT_SUPPORT;
    if (local->BufferSize < size)
        return ERROR_MORE_DATA;
    memcpy(local->Buffer, end->addr, size);
    local->BufferSize = size;
    local->AddressFormat = end->family == AF_INET ? rlafIPv4 : rlafIPv6;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_attributes(RPC_BINDING_HANDLE binding, void *out)
{
    RPC_CALL_ATTRIBUTES_V2_W *attributes = out;
    const wchar_t *name = fake.answers.principal;
    (void)binding;
    if (fails(FAKE_RpcServerInqCallAttributesW))
        return RPC_S_INVALID_BINDING;
    if (attributes->Version != 2)
        return RPC_S_INVALID_ARG;
    if (fake.answers.attributes != RPC_S_OK)
        return fake.answers.attributes;
    if (attributes->Flags & RPC_QUERY_CALL_LOCAL_ADDRESS) {
        RPC_STATUS status = answer_local_address(attributes->CallLocalAddress);
        if (status != RPC_S_OK)
            return status;
    }
    if (attributes->Flags & RPC_QUERY_CLIENT_PRINCIPAL_NAME) {
        ULONG size = name ? (ULONG)((wcslen(name) + 1) * sizeof(wchar_t)) : 0;
        ULONG room = attributes->ClientPrincipalNameBufferLength;
        attributes->ClientPrincipalNameBufferLength = size;
        if (size > room)
            return ERROR_MORE_DATA;
        if (name)
            memcpy(attributes->ClientPrincipalName, name, size);
    }
    attributes->AuthenticationLevel = fake.answers.level;
    attributes->AuthenticationService = fake.answers.service;
    attributes->NullSession = fake.answers.null_session;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_impersonate(RPC_BINDING_HANDLE binding)
{
    (void)binding;
    if (fails(FAKE_RpcImpersonateClient))
        return RPC_S_NO_CONTEXT_AVAILABLE;
    if (fake.answers.impersonate == RPC_S_OK)
        fake.thread_token = FAKE_TOKEN_CLIENT;
    return fake.answers.impersonate;
}

static RPC_STATUS WINAPI fake_revert_ex(RPC_BINDING_HANDLE binding)
{
    (void)binding;
    if (fails(FAKE_RpcRevertToSelfEx))
        return RPC_S_INVALID_BINDING;
    fake.thread_token = FAKE_TOKEN_NONE;
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_revert(void)
{
    if (fails(FAKE_RpcRevertToSelf))
        return RPC_S_NO_CALL_ACTIVE;
    fake.thread_token = FAKE_TOKEN_NONE;
    return RPC_S_OK;
}

static ULONG write_sockaddr(const struct fake_end *end, void *out)
{
    if (end->family == AF_INET) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        v4.sin_port = (uint16_t)(end->port << 8 | end->port >> 8);
        memcpy(&v4.sin_addr, end->addr, 4);
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_scope_id = 5};
    v6.sin6_port = (uint16_t)(end->port << 8 | end->port >> 8);
    memcpy(&v6.sin6_addr, end->addr, 16);
    memcpy(out, &v6, sizeof(v6));
    return sizeof(v6);
}

static RPC_STATUS answer_end(const struct fake_end *end, void *buffer, ULONG *size)
{
    if (end->family == 0)
        return RPC_S_CANNOT_SUPPORT;
    if (*size < sizeof(struct sockaddr_in6))
        return RPC_S_BUFFER_TOO_SMALL;
    *size = write_sockaddr(end, buffer);
    return RPC_S_OK;
}

static RPC_STATUS WINAPI fake_remote(RPC_BINDING_HANDLE binding, void *buffer, ULONG *size,
                                     ULONG *format)
{
    (void)binding;
    (void)format;
    if (fails(FAKE_I_RpcServerInqRemoteConnAddress))
        return RPC_S_INVALID_BINDING;
    return answer_end(&fake.answers.remote, buffer, size);
}

static RPC_STATUS WINAPI fake_local(RPC_BINDING_HANDLE binding, void *buffer, ULONG *size,
                                    ULONG *format)
{
    (void)binding;
    (void)format;
    if (fails(FAKE_I_RpcServerInqLocalConnAddress))
        return RPC_S_INVALID_BINDING;
    return answer_end(&fake.answers.local, buffer, size);
}

static BOOL WINAPI fake_open_thread_token(HANDLE thread, DWORD access, BOOL as_self, HANDLE *token)
{
    (void)access;
    if (fails(FAKE_OpenThreadToken))
        return FALSE;
    if (thread != GetCurrentThread() || !as_self) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (fake.thread_token == FAKE_TOKEN_NONE) {
        SetLastError(ERROR_NO_TOKEN);
        return FALSE;
    }
    *token = (HANDLE)(TOKEN_HANDLE_BASE + fake.thread_token);
    fake.handles++;
    return TRUE;
}

struct fake_sid {
    BYTE revision;
    BYTE count;
    BYTE authority[6];
    DWORD sub_authority[5];
};

static struct fake_sid account_sid(DWORD rid)
{
    return (struct fake_sid){1, 5, {0, 0, 0, 0, 0, 5}, {21, 1, 2, 3, rid}};
}

static void write_groups(char *out)
{
    TOKEN_GROUPS *groups = (TOKEN_GROUPS *)out;
    struct fake_sid *sids = (struct fake_sid *)(groups->Groups + fake.answers.groups);
    groups->GroupCount = fake.answers.groups;
    for (unsigned i = 0; i < fake.answers.groups; i++) {
        sids[i] = account_sid(2000 + i);
        groups->Groups[i].Sid = &sids[i];
        groups->Groups[i].Attributes = i == 1   ? SE_GROUP_ENABLED | SE_GROUP_USE_FOR_DENY_ONLY
                                       : i == 2 ? 0
                                                : SE_GROUP_ENABLED | SE_GROUP_MANDATORY;
    }
}

static BOOL WINAPI fake_get_token(HANDLE token, TOKEN_INFORMATION_CLASS what, void *buffer,
                                  DWORD size, DWORD *needed)
{
    if (fails(FAKE_GetTokenInformation))
        return FALSE;
    if (token != (HANDLE)(TOKEN_HANDLE_BASE + FAKE_TOKEN_CLIENT)) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    if (what == TokenUser)
        *needed = sizeof(TOKEN_USER) + sizeof(struct fake_sid);
    else
        *needed =
            (DWORD)(offsetof(TOKEN_GROUPS, Groups) +
                    fake.answers.groups * (sizeof(SID_AND_ATTRIBUTES) + sizeof(struct fake_sid)));
    if (size < *needed) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FALSE;
    }
    if (what != TokenUser) {
        write_groups(buffer);
        return TRUE;
    }
    TOKEN_USER *user = buffer;
    struct fake_sid sid = account_sid(1000);
    memcpy(user + 1, &sid, sizeof(sid));
    user->User.Sid = user + 1;
    user->User.Attributes = 0;
    return TRUE;
}

static BOOL WINAPI fake_set_thread_token(HANDLE *thread, HANDLE token)
{
    if (fails(FAKE_SetThreadToken) || thread)
        return FALSE;
    fake.thread_token =
        token ? (enum fake_token)((uintptr_t)token - TOKEN_HANDLE_BASE) : FAKE_TOKEN_NONE;
    return TRUE;
}

static BOOL WINAPI fake_close_handle(HANDLE handle)
{
    (void)handle;
    if (fails(FAKE_CloseHandle))
        return FALSE;
    fake.handles--;
    return TRUE;
}

static BOOL WINAPI fake_lookup(LPCWSTR system, PSID sid, LPWSTR name, DWORD *name_units,
                               LPWSTR domain, DWORD *domain_units, SID_NAME_USE *use)
{
    struct fake_sid user = account_sid(1000);
    if (fails(FAKE_LookupAccountSidW))
        return FALSE;
    if (system || memcmp(sid, &user, sizeof(user)) != 0 || !fake.answers.account) {
        SetLastError(ERROR_NONE_MAPPED);
        return FALSE;
    }
    if (*name_units <= wcslen(fake.answers.account) ||
        *domain_units <= wcslen(fake.answers.domain)) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FALSE;
    }
    wcscpy(name, fake.answers.account);
    wcscpy(domain, fake.answers.domain);
    *use = SidTypeUser;
    return TRUE;
}

static int answer_socket(SOCKET handle, bool peer, struct sockaddr *out, int *size)
{
    for (int i = 0; i < FAKE_SOCKETS_MAX && fake.answers.sockets[i].handle; i++) {
        const struct fake_socket *socket = &fake.answers.sockets[i];
        if (socket->handle == handle) {
            *size = (int)write_sockaddr(peer ? &socket->peer : &socket->name, out);
            return 0;
        }
    }
    return SOCKET_ERROR;
}

static int WINAPI fake_peer(SOCKET socket, struct sockaddr *out, int *size)
{
    return fails(FAKE_getpeername) ? SOCKET_ERROR : answer_socket(socket, true, out, size);
}

static int WINAPI fake_name(SOCKET socket, struct sockaddr *out, int *size)
{
    return fails(FAKE_getsockname) ? SOCKET_ERROR : answer_socket(socket, false, out, size);
}

const struct rpc_runtime *fake_runtime(void)
{
    static const struct rpc_runtime table = {
        .RpcServerInqBindings = fake_inq_bindings,
        .RpcBindingVectorFree = fake_vector_free,
        .RpcBindingServerFromClient = fake_server_from_client,
        .RpcBindingToStringBindingW = fake_to_string,
        .RpcStringBindingParseW = fake_parse,
        .RpcStringFreeW = fake_string_free,
        .RpcBindingFree = fake_binding_free,
        .RpcBindingInqAuthClientW = fake_auth_client,
        .RpcBindingInqObject = fake_object,
        .I_RpcGetCurrentCallHandle = fake_current_call,
        .RpcServerInqCallAttributesW = fake_attributes,
        .RpcImpersonateClient = fake_impersonate,
        .RpcRevertToSelfEx = fake_revert_ex,
        .RpcRevertToSelf = fake_revert,
        .I_RpcServerInqRemoteConnAddress = fake_remote,
        .I_RpcServerInqLocalConnAddress = fake_local,
        .OpenThreadToken = fake_open_thread_token,
        .GetTokenInformation = fake_get_token,
        .SetThreadToken = fake_set_thread_token,
        .CloseHandle = fake_close_handle,
        .LookupAccountSidW = fake_lookup,
        .getpeername = fake_peer,
        .getsockname = fake_name,
    };
    return &table;
}
