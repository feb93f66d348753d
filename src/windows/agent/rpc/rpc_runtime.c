/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/rpc_runtime.h"

#include <stddef.h>
#include <string.h>

#include "windows/agent/rpc/guarded_call.h"

#define ARGUMENT(value)   ((uint64_t)(uintptr_t)(value))
#define FUNCTION(pointer) ((guarded_function *)(pointer))
#define ARGUMENTS(...)    ((const uint64_t[GUARDED_ARGUMENTS]){__VA_ARGS__})

/* One member of the table and where it is exported. */
struct import {
    const char *name;
    size_t offset;
    bool required;
};

#define NEEDED(member)                                                                             \
    {                                                                                              \
#member, offsetof(struct rpc_runtime, member), true                                        \
    }
#define WELCOME(member)                                                                            \
    {                                                                                              \
#member, offsetof(struct rpc_runtime, member), false                                       \
    }

static const struct import rpcrt4_imports[] = {
    NEEDED(RpcServerInqBindings),
    NEEDED(RpcBindingVectorFree),
    WELCOME(RpcBindingServerFromClient),
    NEEDED(RpcBindingToStringBindingW),
    NEEDED(RpcStringBindingParseW),
    NEEDED(RpcStringFreeW),
    NEEDED(RpcBindingFree),
    WELCOME(RpcBindingInqAuthClientW),
    WELCOME(RpcBindingInqObject),
    WELCOME(RpcServerInqCallAttributesW),
    WELCOME(RpcImpersonateClient),
    WELCOME(RpcRevertToSelfEx),
    WELCOME(RpcRevertToSelf),
    WELCOME(I_RpcServerInqRemoteConnAddress),
    WELCOME(I_RpcServerInqLocalConnAddress),
    WELCOME(I_RpcGetCurrentCallHandle),
    NEEDED(RpcRaiseException),
};

/* Not from advapi32, which would be one more module that a process need not have. */
static const struct import kernelbase_imports[] = {
    WELCOME(OpenThreadToken),
    WELCOME(GetTokenInformation),
    WELCOME(SetThreadToken),
    NEEDED(CloseHandle),
};

static const struct import advapi32_imports[] = {
    WELCOME(LookupAccountSidW),
};

static const struct import ws2_32_imports[] = {
    WELCOME(getpeername),
    WELCOME(getsockname),
};

static bool runs_under_wine(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

/* What a stub tells that it is: an address inside `module`, or NULL if the code is no stub's. */
static const char *stub_name(const unsigned char *code, HMODULE module)
{
    static const unsigned char head[] = {0x48, 0x83, 0xEC, 0x28, 0x48, 0x8D, 0x0D};
    static const unsigned char load_name[] = {0x48, 0x8D, 0x15};
    const unsigned char *second = code + sizeof(head) + sizeof(int32_t);
    const unsigned char *base = (const unsigned char *)module;
    const IMAGE_DOS_HEADER *dos = (const IMAGE_DOS_HEADER *)module;
    const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(base + dos->e_lfanew);
    int32_t distance;
    if (memcmp(code, head, sizeof(head)) != 0 || memcmp(second, load_name, sizeof(load_name)) != 0)
        return NULL;
    memcpy(&distance, second + sizeof(load_name), sizeof(distance));
    const unsigned char *name = second + sizeof(load_name) + sizeof(distance) + distance;
    bool inside = name >= base && name < base + headers->OptionalHeader.SizeOfImage;
    return inside ? (const char *)name : NULL;
}

/*
 * Wine exports some names only to raise: code that loads the addresses of the module's and of the
 * function's own name and calls a raise. That the name leads back to the function leaves no doubt.
 */
bool rpc_runtime_is_stub(const void *function)
{
    HMODULE module;
    if (!runs_under_wine() || !GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                                      GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                                                  function, &module))
        return false;
    const char *name = stub_name(function, module);
    return name && (const void *)(uintptr_t)GetProcAddress(module, name) == function;
}

static bool resolve(struct rpc_runtime *runtime, HMODULE module, const struct import *imports,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        FARPROC found = module ? GetProcAddress(module, imports[i].name) : NULL;
        if (found && rpc_runtime_is_stub((const void *)(uintptr_t)found))
            found = NULL;
        if (!found && imports[i].required)
            return false;
        memcpy((char *)runtime + imports[i].offset, &found, sizeof(found));
    }
    return true;
}

#define RESOLVE(runtime, module, imports)                                                          \
    resolve(runtime, module, imports, sizeof(imports) / sizeof((imports)[0]))

bool rpc_runtime_load(struct rpc_runtime *runtime)
{
    memset(runtime, 0, sizeof(*runtime));
    HMODULE rpcrt4 = GetModuleHandleW(L"rpcrt4.dll");
    if (!rpcrt4 || !RESOLVE(runtime, rpcrt4, rpcrt4_imports))
        return false;
    if (!RESOLVE(runtime, GetModuleHandleW(L"kernelbase.dll"), kernelbase_imports) &&
        !RESOLVE(runtime, GetModuleHandleW(L"kernel32.dll"), kernelbase_imports))
        return false;
    RESOLVE(runtime, GetModuleHandleW(L"advapi32.dll"), advapi32_imports);
    if (runs_under_wine() && !runtime->I_RpcServerInqRemoteConnAddress) {
        runtime->ws2_32 = LoadLibraryExW(L"ws2_32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
        RESOLVE(runtime, runtime->ws2_32, ws2_32_imports);
    }
    return true;
}

void rpc_runtime_unload(struct rpc_runtime *runtime)
{
    if (runtime->ws2_32)
        FreeLibrary(runtime->ws2_32);
    memset(runtime, 0, sizeof(*runtime));
}

static RPC_STATUS rpc_status(guarded_function *function, const uint64_t *arguments)
{
    bool raised;
    if (!function)
        return RPC_S_CANNOT_SUPPORT;
    uint64_t value = guarded_call(function, arguments, &raised);
    return raised ? RPC_S_CANNOT_SUPPORT : (RPC_STATUS)value;
}

/* For functions that return a BOOL and leave why in the thread's last error. */
static DWORD win32_error(guarded_function *function, const uint64_t *arguments)
{
    bool raised;
    if (!function)
        return ERROR_CALL_NOT_IMPLEMENTED;
    uint64_t value = guarded_call(function, arguments, &raised);
    if (raised)
        return ERROR_CALL_NOT_IMPLEMENTED;
    if ((BOOL)value)
        return ERROR_SUCCESS;
    DWORD error = GetLastError();
    return error == ERROR_SUCCESS ? ERROR_GEN_FAILURE : error;
}

RPC_STATUS runtime_inq_bindings(const struct rpc_runtime *runtime, RPC_BINDING_VECTOR **vector)
{
    *vector = NULL;
    return rpc_status(FUNCTION(runtime->RpcServerInqBindings), ARGUMENTS(ARGUMENT(vector)));
}

void runtime_free_bindings(const struct rpc_runtime *runtime, RPC_BINDING_VECTOR **vector)
{
    if (*vector)
        rpc_status(FUNCTION(runtime->RpcBindingVectorFree), ARGUMENTS(ARGUMENT(vector)));
    *vector = NULL;
}

RPC_STATUS runtime_server_from_client(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE client,
                                      RPC_BINDING_HANDLE *server)
{
    *server = NULL;
    return rpc_status(FUNCTION(runtime->RpcBindingServerFromClient),
                      ARGUMENTS(ARGUMENT(client), ARGUMENT(server)));
}

void runtime_free_binding(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE *binding)
{
    if (*binding)
        rpc_status(FUNCTION(runtime->RpcBindingFree), ARGUMENTS(ARGUMENT(binding)));
    *binding = NULL;
}

RPC_STATUS runtime_binding_to_string(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                     RPC_WSTR *text)
{
    *text = NULL;
    return rpc_status(FUNCTION(runtime->RpcBindingToStringBindingW),
                      ARGUMENTS(ARGUMENT(binding), ARGUMENT(text)));
}

RPC_STATUS runtime_parse_binding(const struct rpc_runtime *runtime, RPC_WSTR text,
                                 RPC_WSTR *protseq, RPC_WSTR *address, RPC_WSTR *endpoint)
{
    RPC_WSTR *parts[] = {protseq, address, endpoint};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i])
            *parts[i] = NULL;
    }
    return rpc_status(
        FUNCTION(runtime->RpcStringBindingParseW),
        ARGUMENTS(ARGUMENT(text), 0, ARGUMENT(protseq), ARGUMENT(address), ARGUMENT(endpoint), 0));
}

void runtime_free_string(const struct rpc_runtime *runtime, RPC_WSTR *text)
{
    if (*text)
        rpc_status(FUNCTION(runtime->RpcStringFreeW), ARGUMENTS(ARGUMENT(text)));
    *text = NULL;
}

RPC_STATUS runtime_inq_auth_client(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                   RPC_AUTHZ_HANDLE *privileges, ULONG *level, ULONG *service)
{
    *privileges = NULL;
    /* Without a place for the server's principal name the runtime allocates nothing. */
    return rpc_status(FUNCTION(runtime->RpcBindingInqAuthClientW),
                      ARGUMENTS(ARGUMENT(binding), ARGUMENT(privileges), 0, ARGUMENT(level),
                                ARGUMENT(service), 0));
}

RPC_STATUS runtime_inq_object(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                              UUID *object)
{
    return rpc_status(FUNCTION(runtime->RpcBindingInqObject),
                      ARGUMENTS(ARGUMENT(binding), ARGUMENT(object)));
}

RPC_STATUS runtime_inq_current_call(const struct rpc_runtime *runtime)
{
    bool raised;
    if (!runtime->I_RpcGetCurrentCallHandle)
        return RPC_S_CANNOT_SUPPORT;
    uint64_t call =
        guarded_call(FUNCTION(runtime->I_RpcGetCurrentCallHandle), ARGUMENTS(0), &raised);
    if (raised)
        return RPC_S_CANNOT_SUPPORT;
    return call ? RPC_S_OK : RPC_S_NO_CALL_ACTIVE;
}

RPC_STATUS runtime_inq_call_attributes(const struct rpc_runtime *runtime,
                                       RPC_BINDING_HANDLE binding,
                                       RPC_CALL_ATTRIBUTES_V2_W *attributes)
{
    return rpc_status(FUNCTION(runtime->RpcServerInqCallAttributesW),
                      ARGUMENTS(ARGUMENT(binding), ARGUMENT(attributes)));
}

RPC_STATUS runtime_impersonate(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding)
{
    return rpc_status(FUNCTION(runtime->RpcImpersonateClient), ARGUMENTS(ARGUMENT(binding)));
}

RPC_STATUS runtime_revert(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding)
{
    RPC_STATUS status =
        rpc_status(FUNCTION(runtime->RpcRevertToSelfEx), ARGUMENTS(ARGUMENT(binding)));
    if (status == RPC_S_OK)
        return status;
    return rpc_status(FUNCTION(runtime->RpcRevertToSelf), ARGUMENTS(0));
}

static RPC_STATUS inq_address(guarded_function *function, RPC_BINDING_HANDLE binding, void *buffer,
                              ULONG *size)
{
    ULONG room = *size;
    ULONG format = 0;
    memset(buffer, 0, room);
    RPC_STATUS status = rpc_status(function, ARGUMENTS(ARGUMENT(binding), ARGUMENT(buffer),
                                                       ARGUMENT(size), ARGUMENT(&format)));
    if (status == RPC_S_OK && *size > room)
        return RPC_S_CANNOT_SUPPORT;
    return status;
}

RPC_STATUS runtime_inq_remote_address(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                      void *buffer, ULONG *size)
{
    return inq_address(FUNCTION(runtime->I_RpcServerInqRemoteConnAddress), binding, buffer, size);
}

RPC_STATUS runtime_inq_local_address(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                     void *buffer, ULONG *size)
{
    return inq_address(FUNCTION(runtime->I_RpcServerInqLocalConnAddress), binding, buffer, size);
}

DWORD runtime_open_thread_token(const struct rpc_runtime *runtime, DWORD access, HANDLE *token)
{
    *token = NULL;
    /* As self: the client whom the thread may be impersonating need not be able to open it. */
    return win32_error(FUNCTION(runtime->OpenThreadToken),
                       ARGUMENTS(ARGUMENT(GetCurrentThread()), access, TRUE, ARGUMENT(token)));
}

DWORD runtime_get_token(const struct rpc_runtime *runtime, HANDLE token,
                        TOKEN_INFORMATION_CLASS what, void *buffer, DWORD size, DWORD *needed)
{
    *needed = 0;
    return win32_error(FUNCTION(runtime->GetTokenInformation),
                       ARGUMENTS(ARGUMENT(token), what, ARGUMENT(buffer), size, ARGUMENT(needed)));
}

DWORD runtime_set_thread_token(const struct rpc_runtime *runtime, HANDLE token)
{
    return win32_error(FUNCTION(runtime->SetThreadToken), ARGUMENTS(0, ARGUMENT(token)));
}

void runtime_close_handle(const struct rpc_runtime *runtime, HANDLE handle)
{
    if (handle)
        win32_error(FUNCTION(runtime->CloseHandle), ARGUMENTS(ARGUMENT(handle)));
}

DWORD runtime_lookup_account(const struct rpc_runtime *runtime, const void *sid, LPWSTR name,
                             DWORD *name_units, LPWSTR domain, DWORD *domain_units)
{
    SID_NAME_USE use;
    return win32_error(FUNCTION(runtime->LookupAccountSidW),
                       ARGUMENTS(0, ARGUMENT(sid), ARGUMENT(name), ARGUMENT(name_units),
                                 ARGUMENT(domain), ARGUMENT(domain_units), ARGUMENT(&use)));
}

static bool socket_address(guarded_function *function, SOCKET socket, void *buffer, int *size)
{
    int room = *size;
    bool raised;
    if (!function)
        return false;
    uint64_t value =
        guarded_call(function, ARGUMENTS(socket, ARGUMENT(buffer), ARGUMENT(size)), &raised);
    return !raised && (int)value == 0 && *size > 0 && *size <= room;
}

bool runtime_socket_peer(const struct rpc_runtime *runtime, SOCKET socket, void *buffer, int *size)
{
    return socket_address(FUNCTION(runtime->getpeername), socket, buffer, size);
}

bool runtime_socket_name(const struct rpc_runtime *runtime, SOCKET socket, void *buffer, int *size)
{
    return socket_address(FUNCTION(runtime->getsockname), socket, buffer, size);
}
