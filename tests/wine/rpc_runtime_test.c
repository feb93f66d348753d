/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process's own RPC runtime is asked: whether it listens for clients, by a runtime that
 * answers as Windows does, and what this system's runtime has and lacks. One line per check.
 */
#include "wine_check.h"
#include "fake_rpc_runtime.h"

#include <stdio.h>

#include "windows/agent/rpc/server_endpoints.h"

static bool nothing_kept(void)
{
    return fake.strings == 0 && fake.bindings == 0 && fake.handles == 0 && fake.vectors == 0;
}

static void check_endpoints(void)
{
    static const struct {
        const char *name;
        struct fake_answers answers;
        enum server_endpoints expected;
    } servers[] = {
        {"nothing", {0}, SERVER_ENDPOINTS_NONE},
        {"ncalrpc", {.server_protseqs = {L"ncalrpc", L"ncalrpc"}}, SERVER_ENDPOINTS_LOCAL},
        {"ncalrpc, then a pipe",
         {.server_protseqs = {L"ncalrpc", L"ncacn_np"}},
         SERVER_ENDPOINTS_REMOTE},
        {"TCP, then ncalrpc",
         {.server_protseqs = {L"ncacn_ip_tcp", L"ncalrpc"}},
         SERVER_ENDPOINTS_REMOTE},
        {"a sequence of no name we know",
         {.server_protseqs = {L"ncalrpc2"}},
         SERVER_ENDPOINTS_REMOTE},
    };
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        struct fake_answers answers = servers[i].answers;
        answers.endpoint = L"";
        fake_begin(&answers);
        check(server_endpoints_find(fake_runtime()) == servers[i].expected && nothing_kept(),
              "endpoints: %s", servers[i].name);
        for (int failure = FAKE_FAILS; failure <= FAKE_RAISES; failure++) {
            fake_begin(&answers);
            fake.failure = (enum fake_failure)failure;
            fake.fails[FAKE_RpcServerInqBindings] = UINT32_MAX;
            check(server_endpoints_find(fake_runtime()) == SERVER_ENDPOINTS_REMOTE &&
                      nothing_kept(),
                  "endpoints: %s, but nothing can be told", servers[i].name);
        }
    }
}

static void check_real_runtime(void)
{
    struct rpc_runtime runtime;
    check(!GetModuleHandleW(L"rpcrt4.dll") && !rpc_runtime_load(&runtime) &&
              !GetModuleHandleW(L"rpcrt4.dll"),
          "a process without RPC has no runtime, and gets none");
    HMODULE rpcrt4 = LoadLibraryW(L"rpcrt4.dll");
    check(rpcrt4 && rpc_runtime_load(&runtime), "the runtime of this system is found");
    check(server_endpoints_find(&runtime) == SERVER_ENDPOINTS_NONE, "this process listens on none");
    check(runtime_inq_current_call(&runtime) == RPC_S_NO_CALL_ACTIVE, "this thread serves no call");
    bool wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
    check(rpc_runtime_is_stub((const void *)(uintptr_t)GetProcAddress(
              rpcrt4, "NdrServerInitializePartial")) == wine,
          "a stub of Wine's is known as one");
    check(!rpc_runtime_is_stub((const void *)(uintptr_t)GetProcAddress(rpcrt4, "NdrServerCall2")) &&
              !rpc_runtime_is_stub((const void *)check_real_runtime),
          "what does something is no stub");
    RPC_CALL_ATTRIBUTES_V2_W attributes = {.Version = 2};
    uint64_t buffer[16];
    ULONG size = sizeof(buffer);
    check(runtime_inq_call_attributes(&runtime, NULL, &attributes) != RPC_S_OK &&
              runtime_inq_local_address(&runtime, NULL, buffer, &size) != RPC_S_OK &&
              runtime_inq_remote_address(&runtime, NULL, buffer, &size) != RPC_S_OK,
          "what this runtime lacks is an error, not an exception");
    rpc_runtime_unload(&runtime);
}

int main(void)
{
    check_endpoints();
    check_real_runtime();
    printf("%u failed\n", failures);
    return failures ? 1 : 0;
}
