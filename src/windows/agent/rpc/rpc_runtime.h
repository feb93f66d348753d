/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything of Windows that the agent calls to learn about an RPC call, as one table.
 *
 * Filled once when the agent starts, off the loader lock, then only read, by any thread. The names
 * are looked up in modules that the process already has: a process without RPC must not get the RPC
 * runtime from us, and nothing is loaded while a call waits. A member that this Windows lacks is
 * NULL. Tests put a table of their own in its place.
 *
 * The runtime_… functions below call a member under guard: a missing member and a raised exception
 * come back as a failure status. What they hand out is owned as the Windows documentation says;
 * names and prototypes are those of [rpcdce.h], [rpcasync.h], [rpcdcep.h], [securitybaseapi.h].
 */
#ifndef RPCFW_WINDOWS_RPC_RUNTIME_H
#define RPCFW_WINDOWS_RPC_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <winsock2.h>
#include <windows.h>
#include <rpc.h>
#include <rpcasync.h>

/* The Windows headers define it for C++; to the rest of the firewall it is a word like any other.
 */
#undef interface

/* Flags of RPC_CALL_ATTRIBUTES_V2 that not every header has. */
#ifndef RPC_QUERY_CALL_LOCAL_ADDRESS
#define RPC_QUERY_CALL_LOCAL_ADDRESS 0x8
#endif

struct rpc_runtime {
    RPC_STATUS(WINAPI *RpcServerInqBindings)(RPC_BINDING_VECTOR **);
    RPC_STATUS(WINAPI *RpcBindingVectorFree)(RPC_BINDING_VECTOR **);
    RPC_STATUS(WINAPI *RpcBindingServerFromClient)(RPC_BINDING_HANDLE, RPC_BINDING_HANDLE *);
    RPC_STATUS(WINAPI *RpcBindingToStringBindingW)(RPC_BINDING_HANDLE, RPC_WSTR *);
    RPC_STATUS(WINAPI *RpcStringBindingParseW)
    (RPC_WSTR, RPC_WSTR *, RPC_WSTR *, RPC_WSTR *, RPC_WSTR *, RPC_WSTR *);
    RPC_STATUS(WINAPI *RpcStringFreeW)(RPC_WSTR *);
    RPC_STATUS(WINAPI *RpcBindingFree)(RPC_BINDING_HANDLE *);
    RPC_STATUS(WINAPI *RpcBindingInqAuthClientW)
    (RPC_BINDING_HANDLE, RPC_AUTHZ_HANDLE *, RPC_WSTR *, ULONG *, ULONG *, ULONG *);
    RPC_STATUS(WINAPI *RpcBindingInqObject)(RPC_BINDING_HANDLE, UUID *);
    RPC_STATUS(WINAPI *RpcServerInqCallAttributesW)(RPC_BINDING_HANDLE, void *);
    RPC_STATUS(WINAPI *RpcImpersonateClient)(RPC_BINDING_HANDLE);
    RPC_STATUS(WINAPI *RpcRevertToSelfEx)(RPC_BINDING_HANDLE);
    RPC_STATUS(WINAPI *RpcRevertToSelf)(void);
    RPC_STATUS(WINAPI *I_RpcServerInqRemoteConnAddress)
    (RPC_BINDING_HANDLE, void *, ULONG *, ULONG *);
    RPC_STATUS(WINAPI *I_RpcServerInqLocalConnAddress)
    (RPC_BINDING_HANDLE, void *, ULONG *, ULONG *);
    RPC_BINDING_HANDLE(WINAPI *I_RpcGetCurrentCallHandle)(void);
    void(WINAPI *RpcRaiseException)(RPC_STATUS);

    BOOL(WINAPI *OpenThreadToken)(HANDLE, DWORD, BOOL, HANDLE *);
    BOOL(WINAPI *GetTokenInformation)(HANDLE, TOKEN_INFORMATION_CLASS, void *, DWORD, DWORD *);
    BOOL(WINAPI *SetThreadToken)(HANDLE *, HANDLE);
    BOOL(WINAPI *CloseHandle)(HANDLE);
    BOOL(WINAPI *LookupAccountSidW)
    (LPCWSTR, PSID, LPWSTR, DWORD *, LPWSTR, DWORD *, SID_NAME_USE *);

    /* Only under Wine, whose RPC runtime does not tell a connection's ports; otherwise NULL. */
    int(WINAPI *getpeername)(SOCKET, struct sockaddr *, int *);
    int(WINAPI *getsockname)(SOCKET, struct sockaddr *, int *);
    HMODULE ws2_32; /* held for these two */
};

/*
 * Fills in the table. False when the process has no RPC runtime, or one without the functions that
 * every description needs. May load a module, so never on an RPC thread or in DllMain.
 */
bool rpc_runtime_load(struct rpc_runtime *runtime);

/*
 * Whether `function` is one of the stubs by which Wine exports what it lacks. Such a stub only
 * raises and cannot be unwound, so it must neither be called nor hooked. Always false on Windows.
 * `function` is the address of an export. Any thread; takes the loader lock, so not on an RPC
 * thread.
 */
bool rpc_runtime_is_stub(const void *function);

/* Gives back what rpc_runtime_load() took. No call may use the table any more. */
void rpc_runtime_unload(struct rpc_runtime *runtime);

/* Statuses of the RPC runtime; RPC_S_CANNOT_SUPPORT where it lacks the function or it raised. */
RPC_STATUS runtime_inq_bindings(const struct rpc_runtime *runtime, RPC_BINDING_VECTOR **vector);
void runtime_free_bindings(const struct rpc_runtime *runtime, RPC_BINDING_VECTOR **vector);
RPC_STATUS runtime_server_from_client(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE client,
                                      RPC_BINDING_HANDLE *server);
void runtime_free_binding(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE *binding);
RPC_STATUS runtime_binding_to_string(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                     RPC_WSTR *text);
/* Each of the three parts may be NULL. What is not NULL is the caller's to free. */
RPC_STATUS runtime_parse_binding(const struct rpc_runtime *runtime, RPC_WSTR text,
                                 RPC_WSTR *protseq, RPC_WSTR *address, RPC_WSTR *endpoint);
/* NULL inside is allowed and stays NULL. */
void runtime_free_string(const struct rpc_runtime *runtime, RPC_WSTR *text);
RPC_STATUS runtime_inq_auth_client(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                   RPC_AUTHZ_HANDLE *privileges, ULONG *level, ULONG *service);
RPC_STATUS runtime_inq_object(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                              UUID *object);
/* RPC_S_OK when the thread serves an RPC call, RPC_S_NO_CALL_ACTIVE when it serves none. */
RPC_STATUS runtime_inq_current_call(const struct rpc_runtime *runtime);
RPC_STATUS runtime_inq_call_attributes(const struct rpc_runtime *runtime,
                                       RPC_BINDING_HANDLE binding,
                                       RPC_CALL_ATTRIBUTES_V2_W *attributes);
RPC_STATUS runtime_impersonate(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding);
/* Reverts by whichever of the two functions succeeds. */
RPC_STATUS runtime_revert(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding);
/* `buffer` of *size bytes receives a sockaddr; *size is what was written, never more. */
RPC_STATUS runtime_inq_remote_address(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                      void *buffer, ULONG *size);
RPC_STATUS runtime_inq_local_address(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding,
                                     void *buffer, ULONG *size);

/* Win32 errors: ERROR_SUCCESS, or why not; ERROR_CALL_NOT_IMPLEMENTED for missing or raised. */
DWORD runtime_open_thread_token(const struct rpc_runtime *runtime, DWORD access, HANDLE *token);
DWORD runtime_get_token(const struct rpc_runtime *runtime, HANDLE token,
                        TOKEN_INFORMATION_CLASS what, void *buffer, DWORD size, DWORD *needed);
/* Gives the calling thread this token; NULL takes any away. */
DWORD runtime_set_thread_token(const struct rpc_runtime *runtime, HANDLE token);
void runtime_close_handle(const struct rpc_runtime *runtime, HANDLE handle);
DWORD runtime_lookup_account(const struct rpc_runtime *runtime, const void *sid, LPWSTR name,
                             DWORD *name_units, LPWSTR domain, DWORD *domain_units);
/* `buffer` of *size bytes receives the sockaddr of that end of the socket; false when it is none.
 */
bool runtime_socket_peer(const struct rpc_runtime *runtime, SOCKET socket, void *buffer, int *size);
bool runtime_socket_name(const struct rpc_runtime *runtime, SOCKET socket, void *buffer, int *size);

#endif
