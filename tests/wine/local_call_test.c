/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that pass the hooked functions without RPC (COM between apartments of one process): that
 * they are told apart, and that no call of a client can be taken for one while anything speaks
 * against it. One line per check.
 */
#include "wine_check.h"
#include "fake_rpc_runtime.h"

#include <stdio.h>
#include <string.h>

#include "windows/agent/rpc/describe_call.h"

#define HANDLE     ((RPC_BINDING_HANDLE)(uintptr_t)0x7777)
#define NO_FAILURE FAKE_COUNT

static const struct text process_name = {"server.exe", 10};

/* A call over TCP that this thread serves; and what is no RPC call at all. */
#define TCP_CALL .protseq = L"ncacn_ip_tcp", .endpoint = L"49664", .address = L"10.0.0.5"
#define NO_CALL  .binding = RPC_S_INVALID_BINDING, .no_call = true

static const struct {
    const char *name;
    struct fake_answers answers;
    RPC_BINDING_HANDLE handle;
    int failing; /* the function that always fails */
    enum fake_failure failure;
    const char *protseq; /* "?": must be unknown */
} cases[] = {
    {"a client's call", {TCP_CALL}, HANDLE, NO_FAILURE, FAKE_FAILS, "ncacn_ip_tcp"},
    {"a client's call that COM gave to the thread of an apartment",
     {TCP_CALL, .no_call = true},
     HANDLE,
     NO_FAILURE,
     FAKE_FAILS,
     "ncacn_ip_tcp"},
    {"that, and one function calls its binding invalid",
     {TCP_CALL, .no_call = true},
     HANDLE,
     FAKE_RpcBindingToStringBindingW,
     FAKE_FAILS,
     "?"},
    {"no handle", {NO_CALL}, NULL, NO_FAILURE, FAKE_FAILS, "ncalrpc"},
    {"no handle, and the thread's call cannot be asked for",
     {NO_CALL},
     NULL,
     FAKE_I_RpcGetCurrentCallHandle,
     FAKE_RAISES,
     "?"},
    {"a handle that is no binding", {NO_CALL}, HANDLE, NO_FAILURE, FAKE_FAILS, "ncalrpc"},
    {"that, and the first function raises",
     {NO_CALL},
     HANDLE,
     FAKE_RpcBindingToStringBindingW,
     FAKE_RAISES,
     "?"},
    {"that, and the second function raises",
     {NO_CALL},
     HANDLE,
     FAKE_RpcBindingServerFromClient,
     FAKE_RAISES,
     "?"},
};

static void check_cases(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct call call;
        struct call_storage storage;
        RPC_MESSAGE message = {.Handle = cases[i].handle};
        fake_begin(&cases[i].answers);
        fake.failure = cases[i].failure;
        if (cases[i].failing != NO_FAILURE)
            fake.fails[cases[i].failing] = UINT32_MAX;
        describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
        const char *protseq = call_knows(&call, FACT_PROTSEQ) ? protseq_name(call.protseq) : "?";
        check(strcmp(protseq, cases[i].protseq) == 0 && fake.strings == 0 && fake.bindings == 0,
              "%s: %s", cases[i].name, protseq);
        describe_call_end(&storage);
    }
}

static void check_cost(void)
{
    const struct fake_answers answers = {NO_CALL};
    struct call call;
    struct call_storage storage;
    RPC_MESSAGE message = {.ProcNum = 7};
    fake_begin(&answers);
    describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
    call_knows(&call, FACT_PROTSEQ);
    check(fake_uses() == 1, "without a handle, that there is no call costs one question");
    describe_call_end(&storage);
}

static void check_interface(void)
{
    static RPC_SERVER_INTERFACE readable = {.InterfaceId = {{0x12345678, 1, 2, {3}}, {4, 5}}};
    void *const unreadable[] = {NULL, (void *)(uintptr_t)0x10, (void *)(uintptr_t)UINT64_MAX};
    struct call call;
    struct call_storage storage;
    RPC_MESSAGE message = {.RpcInterfaceInformation = &readable};
    describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
    check(call_knows(&call, FACT_INTERFACE) && call.interface.data1 == 0x12345678 &&
              call.version_major == 4 && call.version_minor == 5,
          "the interface is the message's");
    describe_call_end(&storage);
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        message.RpcInterfaceInformation = unreadable[i];
        describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
        check(!call_knows(&call, FACT_INTERFACE), "an interface at %p is unknown", unreadable[i]);
        describe_call_end(&storage);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 65536);
    check_cases();
    check_cost();
    check_interface();
    printf("%u failed\n", failures);
    return failures ? 1 : 0;
}
