/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An RPC runtime for tests, which answers about one call as Windows does.
 *
 * A test says in `fake` what the call is like, gives the table of fake_runtime() to the code under
 * test, and afterwards looks at what that code took and did not give back. Every function can be
 * told to fail or to raise. One thread only.
 */
#ifndef RPCFW_FAKE_RPC_RUNTIME_H
#define RPCFW_FAKE_RPC_RUNTIME_H

#include "windows/agent/rpc/rpc_runtime.h"

/* One for each member of the table. */
enum fake_function {
    FAKE_RpcServerInqBindings,
    FAKE_RpcBindingVectorFree,
    FAKE_RpcBindingServerFromClient,
    FAKE_RpcBindingToStringBindingW,
    FAKE_RpcStringBindingParseW,
    FAKE_RpcStringFreeW,
    FAKE_RpcBindingFree,
    FAKE_RpcBindingInqAuthClientW,
    FAKE_RpcBindingInqObject,
    FAKE_I_RpcGetCurrentCallHandle,
    FAKE_RpcServerInqCallAttributesW,
    FAKE_RpcImpersonateClient,
    FAKE_RpcRevertToSelfEx,
    FAKE_RpcRevertToSelf,
    FAKE_I_RpcServerInqRemoteConnAddress,
    FAKE_I_RpcServerInqLocalConnAddress,
    FAKE_OpenThreadToken,
    FAKE_GetTokenInformation,
    FAKE_SetThreadToken,
    FAKE_CloseHandle,
    FAKE_LookupAccountSidW,
    FAKE_getpeername,
    FAKE_getsockname,
    FAKE_COUNT
};

enum fake_failure { FAKE_FAILS, FAKE_RAISES };

/* A socket address; family 0: the function that would tell it fails. */
struct fake_end {
    uint16_t family; /* AF_INET, AF_INET6 */
    uint16_t port;
    uint8_t addr[16]; /* 4 or 16 bytes in network order */
};

struct fake_socket {
    SOCKET handle; /* 0 ends the list */
    struct fake_end peer;
    struct fake_end name;
};

enum fake_token { FAKE_TOKEN_NONE, FAKE_TOKEN_PREVIOUS, FAKE_TOKEN_CLIENT };

#define FAKE_BINDINGS_MAX 4
#define FAKE_SOCKETS_MAX  4

struct fake_answers {
    const wchar_t *protseq;
    const wchar_t *endpoint;
    const wchar_t *address; /* of the binding back to the client */
    struct fake_end remote;
    struct fake_end local;
    struct fake_end local_attribute; /* written as the bare address */
    ULONG level;
    ULONG service;
    RPC_STATUS binding;    /* of whatever looks at the message's binding; not 0: it is none */
    bool no_handle;        /* the message has none */
    bool no_call;          /* the thread serves no RPC call */
    RPC_STATUS attributes; /* of RpcServerInqCallAttributes; level and service come with 0 */
    RPC_STATUS auth_client;
    const wchar_t *principal;  /* in the attributes; NULL: none */
    const wchar_t *privileges; /* of RpcBindingInqAuthClient */
    BOOL null_session;
    RPC_STATUS impersonate;
    unsigned groups; /* of the token; number 1 is for deny only, number 2 disabled */
    const wchar_t *domain;
    const wchar_t *account;
    UUID object;
    const wchar_t *server_protseqs[FAKE_BINDINGS_MAX]; /* what the process listens on */
    struct fake_socket sockets[FAKE_SOCKETS_MAX];
    enum fake_token thread_token; /* what the thread has before the call */
};

struct fake_state {
    struct fake_answers answers;

    /* Failures: bit N of fails[function]: its (N+1)th use fails; all of them with ~0. */
    uint32_t fails[FAKE_COUNT];
    enum fake_failure failure;

    unsigned uses[FAKE_COUNT];
    int strings; /* taken and not given back */
    int bindings;
    int handles;
    int vectors;
    enum fake_token thread_token;
};

extern struct fake_state fake;

/* Forgets everything and begins with these answers. */
void fake_begin(const struct fake_answers *answers);

const struct rpc_runtime *fake_runtime(void);

/* Uses of all functions together. */
unsigned fake_uses(void);

extern const char *const fake_function_names[FAKE_COUNT];

#endif
