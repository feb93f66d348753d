/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls are described, against a runtime that answers as Windows does: what is known, what is
 * unknown, what is asked for, and that nothing taken is kept, whatever fails. One line per check.
 */
#include "wine_check.h"
#include "fake_rpc_runtime.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "windows/agent/rpc/describe_call.h"

#define V4(a, b, c, d, p)                                                                          \
    {                                                                                              \
        .family = AF_INET, .port = (p), .addr = { a, b, c, d }                                     \
    }
#define V4_MAPPED(a, b, c, d, p)                                                                   \
    {                                                                                              \
        .family = AF_INET6, .port = (p), .addr = { [10] = 0xFF, [11] = 0xFF, a, b, c, d }          \
    }
#define V6_LINK_LOCAL_1(p)                                                                         \
    {                                                                                              \
        .family = AF_INET6, .port = (p), .addr = { 0xFE, 0x80, [15] = 1 }                          \
    }

#define TCP_BASE                                                                                   \
    .protseq = L"ncacn_ip_tcp", .endpoint = L"49664", .address = L"10.0.0.5",                      \
    .remote = V4(10, 0, 0, 5, 50123), .local = V4(10, 0, 0, 1, 49664), .groups = 4,                \
    .domain = L"CORP", .account = L"alice"
#define KERBEROS_BASE TCP_BASE, .level = 6, .service = 16, .principal = L"CORP\\alice"
#define PIPE_BASE                                                                                  \
    .protseq = L"ncacn_np", .endpoint = L"\\pipe\\lsarpc",                                         \
    .attributes = RPC_S_BINDING_HAS_NO_AUTH, .auth_client = RPC_S_BINDING_HAS_NO_AUTH,             \
    .groups = 4, .domain = L"CORP", .account = L"alice"
/* What comes through the same functions without RPC: COM between apartments of one process. */
#define NO_CALL_BASE                                                                               \
    .binding = RPC_S_INVALID_BINDING, .no_call = true, .attributes = RPC_S_NO_CALL_ACTIVE,         \
    .auth_client = RPC_S_NO_CALL_ACTIVE, .impersonate = RPC_S_NO_CALL_ACTIVE
/* A runtime that lacks what newer ones have. */
#define OLD_RUNTIME .attributes = RPC_S_CANNOT_SUPPORT

static wchar_t endpoint_256[257];
static wchar_t endpoint_300[301];
static wchar_t principal_1024[1025];
static wchar_t principal_1025[1026];

/* Each case is a base and what is different in it. */
#pragma GCC diagnostic ignored "-Woverride-init"

struct described {
    const char *name;
    struct fake_answers answers;
    const char *expected;
};

/*
 * protocol sequence, endpoint, client address and port, server address and port, principal, number
 * of SIDs, authentication level/service, object (first field); "?" for what must be unknown. Texts
 * longer than 40 bytes by their length.
 */
static const struct described calls[] = {
    {"Kerberos with privacy over TCP",
     {KERBEROS_BASE},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"NTLM with integrity over TCP",
     {TCP_BASE, .level = 5, .service = 10, .principal = L"CORP\\alice"},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 5/10 0"},
    {"no authentication over TCP",
     {TCP_BASE, .attributes = RPC_S_BINDING_HAS_NO_AUTH, .auth_client = RPC_S_BINDING_HAS_NO_AUTH,
      .impersonate = RPC_S_CANNOT_SUPPORT},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 ? ? 1/0 0"},
    {"null session",
     {TCP_BASE, .level = 2, .service = 10, .principal = L"ANONYMOUS", .null_session = TRUE,
      .impersonate = RPC_S_NO_CONTEXT_AVAILABLE},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 ? ? 2/10 0"},
    {"token missing",
     {KERBEROS_BASE, .impersonate = RPC_S_NO_CONTEXT_AVAILABLE},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice ? 6/16 0"},
    {"principal only from RpcBindingInqAuthClient",
     {TCP_BASE, OLD_RUNTIME, .level = 6, .service = 9, .privileges = L"CORP\\bob"},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\bob 3 6/9 0"},
    {"privileges that are no name (Schannel)",
     {TCP_BASE, OLD_RUNTIME, .level = 6, .service = 14, .privileges = L"certificate"},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/14 0"},
    {"default service tells nothing",
     {TCP_BASE, .level = 6, .service = 0xFFFFFFFF, .principal = L"CORP\\alice"},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 ? 0"},
    {"IPv4-mapped IPv6 is IPv4",
     {KERBEROS_BASE, .remote = V4_MAPPED(10, 0, 0, 9, 50001),
      .local = V4_MAPPED(10, 0, 0, 1, 49664)},
     "ncacn_ip_tcp 49664 10.0.0.9 50001 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"IPv6 with a scope",
     {KERBEROS_BASE, .remote = V6_LINK_LOCAL_1(50002), .local = V6_LINK_LOCAL_1(49664)},
     "ncacn_ip_tcp 49664 fe80::1 50002 fe80::1 49664 CORP\\alice 3 6/16 0"},
    {"unspecified address is none",
     {KERBEROS_BASE, .remote = V4(0, 0, 0, 0, 50002), .address = L"0.0.0.0"},
     "ncacn_ip_tcp 49664 ? ? 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"server address from the attributes, port from the endpoint",
     {KERBEROS_BASE, .local = {0}, .local_attribute = V4(10, 0, 0, 2, 0)},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.2 49664 CORP\\alice 3 6/16 0"},
    {"IPv6 server address from the attributes",
     {KERBEROS_BASE, .local = {0}, .local_attribute = V6_LINK_LOCAL_1(0)},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 fe80::1 49664 CORP\\alice 3 6/16 0"},
    {"endpoint from the server port",
     {KERBEROS_BASE, .endpoint = L""},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"endpoint that is no port",
     {KERBEROS_BASE, .endpoint = L"65536", .local = {0}},
     "ncacn_ip_tcp 65536 10.0.0.5 50123 ? ? CORP\\alice 3 6/16 0"},
    {"protocol sequence of no name we know",
     {KERBEROS_BASE, .protseq = L"NCACN_IP_TCP"},
     "? 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"object",
     {KERBEROS_BASE, .object = {0x12345678, 1, 2, {3}}},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 12345678"},
    {"pipe, IPv4 client",
     {PIPE_BASE, .address = L"\\\\10.0.0.7"},
     "ncacn_np \\pipe\\lsarpc 10.0.0.7 ? ? ? CORP\\alice 3 1/0 0"},
    {"pipe, IPv6 client with a scope in brackets",
     {PIPE_BASE, .address = L"[fe80::1%5]"},
     "ncacn_np \\pipe\\lsarpc fe80::1 ? ? ? CORP\\alice 3 1/0 0"},
    {"pipe, IPv4-mapped client",
     {PIPE_BASE, .address = L"::ffff:10.0.0.7"},
     "ncacn_np \\pipe\\lsarpc 10.0.0.7 ? ? ? CORP\\alice 3 1/0 0"},
    {"pipe, client by host name",
     {PIPE_BASE, .address = L"\\\\CLIENT"},
     "ncacn_np \\pipe\\lsarpc ? ? ? ? CORP\\alice 3 1/0 0"},
    {"pipe, client by host name, address from the connection",
     {PIPE_BASE, .address = L"\\\\CLIENT", .remote = V4(10, 0, 0, 7, 0)},
     "ncacn_np \\pipe\\lsarpc 10.0.0.7 ? ? ? CORP\\alice 3 1/0 0"},
    {"pipe, account without a domain",
     {PIPE_BASE, .domain = L"", .account = L"SYSTEM"},
     "ncacn_np \\pipe\\lsarpc ? ? ? ? SYSTEM 3 1/0 0"},
    {"pipe, account without a name",
     {PIPE_BASE, .account = NULL},
     "ncacn_np \\pipe\\lsarpc ? ? ? ? ? 3 1/0 0"},
    {"token of the thread comes back",
     {PIPE_BASE, .thread_token = FAKE_TOKEN_PREVIOUS},
     "ncacn_np \\pipe\\lsarpc ? ? ? ? CORP\\alice 3 1/0 0"},
    {"token of the thread comes back when there is none of the client",
     {PIPE_BASE, .thread_token = FAKE_TOKEN_PREVIOUS, .impersonate = RPC_S_NO_CONTEXT_AVAILABLE},
     "ncacn_np \\pipe\\lsarpc ? ? ? ? ? ? 1/0 0"},
    {"ncalrpc",
     {.protseq = L"ncalrpc",
      .endpoint = L"samss lpc",
      .address = L"SERVER",
      .level = 6,
      .service = 10,
      .principal = L"CORP\\alice"},
     "ncalrpc samss lpc ? ? ? ? CORP\\alice 1 6/10 0"},
    {"301 groups",
     {KERBEROS_BASE, .groups = 301},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 300 6/16 0"},
    {"1015 groups",
     {KERBEROS_BASE, .groups = 1015},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 1014 6/16 0"},
    {"more groups than any token has",
     {KERBEROS_BASE, .groups = 10000},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice ? 6/16 0"},
    {"longest endpoint",
     {KERBEROS_BASE, .endpoint = endpoint_256, .local = {0}},
     "ncacn_ip_tcp [768] 10.0.0.5 50123 ? ? CORP\\alice 3 6/16 0"},
    {"endpoint too long, not cut",
     {KERBEROS_BASE, .protseq = L"ncacn_np", .endpoint = endpoint_300},
     "ncacn_np ? 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"longest principal",
     {KERBEROS_BASE, .principal = principal_1024},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 [3072] 3 6/16 0"},
    {"principal too long, not cut: the account's instead",
     {KERBEROS_BASE, .principal = principal_1025, .privileges = principal_1025},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"lone surrogates in the principal",
     {KERBEROS_BASE, .principal = L"CORP\\\xD800x\xDC00"},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\\xEF\xBF\xBDx\xEF\xBF\xBD 3 6/16 0"},
    {"ports from the one socket",
     {KERBEROS_BASE, .remote = {0}, .local = {0},
      .sockets = {{0x40, V4(10, 0, 0, 6, 50999), V4(10, 0, 0, 1, 49664)},
                  {0x44, V4(10, 0, 0, 5, 445), V4(10, 0, 0, 1, 50777)},
                  {0x80, V4(10, 0, 0, 5, 50124), V4(10, 0, 0, 1, 49664)},
                  {0x84, V4(10, 0, 0, 5, 50124), V4(10, 0, 0, 1, 49664)}}},
     "ncacn_ip_tcp 49664 10.0.0.5 50124 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
    {"no port from two sockets",
     {KERBEROS_BASE, .remote = {0}, .local = {0},
      .sockets = {{0x40, V4(10, 0, 0, 5, 50124), V4(10, 0, 0, 1, 49664)},
                  {0x80, V4(10, 0, 0, 5, 50125), V4(10, 0, 0, 1, 49664)}}},
     "ncacn_ip_tcp 49664 10.0.0.5 ? ? 49664 CORP\\alice 3 6/16 0"},
    {"no RPC call, no handle", {NO_CALL_BASE, .no_handle = true}, "ncalrpc ? ? ? ? ? ? ? ? ?"},
    {"no RPC call, a handle that is none", {NO_CALL_BASE}, "ncalrpc ? ? ? ? ? ? ? ? ?"},
    {"no RPC call, a handle of no call",
     {NO_CALL_BASE, .binding = RPC_S_NO_CALL_ACTIVE},
     "ncalrpc ? ? ? ? ? ? ? ? ?"},
    {"no RPC call, a handle that Windows finds invalid",
     {NO_CALL_BASE, .binding = ERROR_INVALID_HANDLE},
     "ncalrpc ? ? ? ? ? ? ? ? ?"},
    {"no handle, but the thread serves a call",
     {NO_CALL_BASE, .no_handle = true, .no_call = false},
     "? ? ? ? ? ? ? ? ? ?"},
    {"a handle that is none, but the thread serves a call",
     {NO_CALL_BASE, .no_call = false},
     "? ? ? ? ? ? ? ? ? ?"},
    {"no call on the thread, a handle that cannot be asked",
     {NO_CALL_BASE, .binding = RPC_S_OUT_OF_MEMORY},
     "? ? ? ? ? ? ? ? ? ?"},
    {"a call that another thread took over",
     {KERBEROS_BASE, .no_call = true},
     "ncacn_ip_tcp 49664 10.0.0.5 50123 10.0.0.1 49664 CORP\\alice 3 6/16 0"},
};

static RPC_SERVER_INTERFACE server_interface = {
    .Length = sizeof(server_interface),
    .InterfaceId = {{0xe3514235, 0x4b06, 0x11d1, {0xab, 4, 0, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}},
                    {4, 1}}};

static RPC_MESSAGE message = {.Handle = (RPC_BINDING_HANDLE)(uintptr_t)0x7777,
                              .ProcNum = 0x8003,
                              .RpcInterfaceInformation = &server_interface};

static const struct text process_name = {"server.exe", 10};

static RPC_MESSAGE answered_message(void)
{
    RPC_MESSAGE copy = message;
    if (fake.answers.no_handle)
        copy.Handle = NULL;
    return copy;
}

#define FIELD_SIZE 48
struct rendering {
    char field[FACT_COUNT][FIELD_SIZE];
};

static void render_text(char *out, struct text text)
{
    if (text.length > 40)
        snprintf(out, FIELD_SIZE, "[%u]", (unsigned)text.length);
    else
        snprintf(out, FIELD_SIZE, "%.*s", (int)text.length, text.bytes);
}

static void render_fact(struct call *call, enum call_fact fact, char *out)
{
    strcpy(out, "?");
    if (!call_knows(call, fact))
        return;
    switch (fact) {
    case FACT_PROTSEQ:
        strcpy(out, protseq_name(call->protseq));
        break;
    case FACT_ENDPOINT:
        render_text(out, call->endpoint);
        break;
    case FACT_CLIENT_ADDR:
        ipaddr_format(&call->client_addr, out);
        break;
    case FACT_CLIENT_PORT:
        snprintf(out, FIELD_SIZE, "%u", call->client_port);
        break;
    case FACT_SERVER_ADDR:
        ipaddr_format(&call->server_addr, out);
        break;
    case FACT_SERVER_PORT:
        snprintf(out, FIELD_SIZE, "%u", call->server_port);
        break;
    case FACT_PRINCIPAL:
        render_text(out, call->principal);
        break;
    case FACT_SIDS:
        snprintf(out, FIELD_SIZE, "%u", (unsigned)call->sid_count);
        break;
    case FACT_AUTHN:
        snprintf(out, FIELD_SIZE, "%u/%u", call->authn_level, call->authn_service);
        break;
    case FACT_OBJECT:
        snprintf(out, FIELD_SIZE, "%x", (unsigned)call->object.data1);
        break;
    default:
        strcpy(out, "known");
    }
}

/* The user first, no group twice, none that is for deny only or disabled. */
static bool sids_are_right(const struct call *call)
{
    for (size_t i = 0; i < call->sid_count; i++) {
        size_t group = i < 2 ? 0 : i + 1;
        uint32_t rid = i == 0 ? 1000 : 2000 + (uint32_t)group;
        if (call->sids[i]->sub_authority_count != 5 || call->sids[i]->sub_authority[4] != rid)
            return false;
    }
    return true;
}

/* Describes the call of `fake`; every fact, the last first when
 * `backwards`. */
static bool describe(struct rendering *rendering, bool backwards)
{
    struct call call;
    struct call_storage storage;
    bool right = true;
    RPC_MESSAGE received = answered_message();
    memset(&call, 0xCC, sizeof(call));
    memset(&storage, 0xCC, sizeof(storage));
    describe_call_begin(&call, &storage, fake_runtime(), &received, process_name);
    SetLastError(4711);
    for (int i = 0; i < FACT_COUNT; i++) {
        enum call_fact fact = (enum call_fact)(backwards ? FACT_COUNT - 1 - i : i);
        render_fact(&call, fact, rendering->field[fact]);
    }
    unsigned uses = fake_uses();
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        char again[FIELD_SIZE];
        render_fact(&call, (enum call_fact)fact, again);
        right = right && strcmp(again, rendering->field[fact]) == 0;
    }
    right = right && uses == fake_uses() && GetLastError() == 4711;
    right = right && (!(call.known & FACT_BIT(FACT_SIDS)) || sids_are_right(&call));
    return describe_call_end(&storage) && right;
}

static bool nothing_kept(void)
{
    return fake.strings == 0 && fake.bindings == 0 && fake.handles == 0 && fake.vectors == 0 &&
           fake.thread_token == fake.answers.thread_token;
}

static void join(const struct rendering *rendering, char *out, size_t size)
{
    static const enum call_fact order[] = {
        FACT_PROTSEQ,     FACT_ENDPOINT,  FACT_CLIENT_ADDR, FACT_CLIENT_PORT, FACT_SERVER_ADDR,
        FACT_SERVER_PORT, FACT_PRINCIPAL, FACT_SIDS,        FACT_AUTHN,       FACT_OBJECT};
    size_t length = 0;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        length += (size_t)snprintf(out + length, size - length, "%s%s", i ? " " : "",
                                   rendering->field[order[i]]);
}

static void check_descriptions(void)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (int backwards = 0; backwards < 2; backwards++) {
            struct rendering rendering;
            char line[FACT_COUNT * FIELD_SIZE];
            fake_begin(&calls[i].answers);
            bool right = describe(&rendering, backwards);
            join(&rendering, line, sizeof(line));
            right = right && nothing_kept() && strcmp(line, calls[i].expected) == 0;
            check(right, "%s%s: %s", calls[i].name, backwards ? ", backwards" : "", line);
        }
    }
}

/* What only gives back: when it fails, what it should have freed is lost with it. */
static bool is_release(int function)
{
    return function == FAKE_RpcStringFreeW || function == FAKE_RpcBindingFree ||
           function == FAKE_CloseHandle;
}

/* With one function failing, each fact is as it would be without, as by the next source, or
 * unknown.
 */
static bool survives(const struct described *described, int function, uint32_t mask,
                     enum fake_failure failure, unsigned *uses)
{
    struct rendering whole;
    struct rendering rendering;
    fake_begin(&described->answers);
    describe(&whole, false);
    *uses += fake.uses[function];
    fake_begin(&described->answers);
    fake.fails[function] = mask;
    fake.failure = failure;
    if (!describe(&rendering, false))
        return false;
    if (!is_release(function) && !nothing_kept())
        return false;
    if (fake.thread_token != described->answers.thread_token)
        return false;
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (strcmp(rendering.field[fact], whole.field[fact]) != 0 &&
            strcmp(rendering.field[fact], "?") != 0)
            return false;
    }
    return true;
}

static void check_failures(void)
{
    /* Calls in which all sources agree, so that a wrong value cannot hide behind the next source.
     */
    static const struct described agreeing[] = {
        {"Kerberos", {KERBEROS_BASE, .privileges = L"CORP\\alice"}, NULL},
        {"old runtime",
         {TCP_BASE, OLD_RUNTIME, .level = 6, .service = 16, .privileges = L"CORP\\alice",
          .groups = 400, .remote = {0}, .local = {0},
          .sockets = {{0x40, V4(10, 0, 0, 5, 50123), V4(10, 0, 0, 1, 49664)}}},
         NULL},
        {"pipe", {PIPE_BASE, .address = L"\\\\10.0.0.7", .level = 1}, NULL},
        {"pipe in a callback",
         {PIPE_BASE, .address = L"10.0.0.7", .thread_token = FAKE_TOKEN_PREVIOUS},
         NULL},
        {"no RPC call", {NO_CALL_BASE, .no_handle = true}, NULL},
        {"no RPC call, a handle", {NO_CALL_BASE}, NULL},
    };
    for (int function = FAKE_RpcBindingServerFromClient; function < FAKE_COUNT; function++) {
        bool ok = true;
        unsigned uses = 0;
        for (size_t i = 0; i < sizeof(agreeing) / sizeof(agreeing[0]); i++) {
            /* A previous token that cannot be put back is the one failure that must be told. */
            if (function == FAKE_SetThreadToken && agreeing[i].answers.thread_token)
                continue;
            for (int failure = FAKE_FAILS; failure <= FAKE_RAISES; failure++) {
                for (uint32_t mask = 1; mask <= 1u << 8; mask <<= 1)
                    ok = ok && survives(&agreeing[i], function, mask, failure, &uses);
                ok = ok && survives(&agreeing[i], function, UINT32_MAX, failure, &uses);
            }
        }
        bool last_resort = function == FAKE_RpcRevertToSelf || function == FAKE_SetThreadToken;
        check(ok && (uses > 0 || last_resort), "%s fails or raises, each use and all",
              fake_function_names[function]);
    }
}

static void check_lost_identity(void)
{
    struct rendering rendering;
    const struct fake_answers pipe = {PIPE_BASE};
    const struct fake_answers callback = {PIPE_BASE, .thread_token = FAKE_TOKEN_PREVIOUS};

    fake_begin(&pipe);
    fake.fails[FAKE_RpcRevertToSelfEx] = UINT32_MAX;
    check(describe(&rendering, false) && nothing_kept() && fake.uses[FAKE_RpcRevertToSelf] == 1 &&
              fake.uses[FAKE_SetThreadToken] == 0,
          "one revert fails, the other does it");

    fake_begin(&pipe);
    fake.fails[FAKE_RpcRevertToSelfEx] = UINT32_MAX;
    fake.fails[FAKE_RpcRevertToSelf] = UINT32_MAX;
    check(describe(&rendering, false) && nothing_kept(), "revert fails, the thread's token goes");

    fake_begin(&pipe);
    fake.fails[FAKE_RpcRevertToSelfEx] = UINT32_MAX;
    fake.fails[FAKE_RpcRevertToSelf] = UINT32_MAX;
    fake.fails[FAKE_SetThreadToken] = UINT32_MAX;
    check(!describe(&rendering, false) && fake.handles == 0 &&
              strcmp(rendering.field[FACT_SIDS], "?") == 0,
          "an identity that stays is told");

    fake_begin(&callback);
    fake.fails[FAKE_SetThreadToken] = UINT32_MAX;
    check(!describe(&rendering, false) && fake.handles == 0,
          "an identity that does not come back is told");
}

static void check_laziness(void)
{
    struct call call;
    struct call_storage storage;
    const struct fake_answers answers = {KERBEROS_BASE};
    fake_begin(&answers);
    describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
    bool right = call_knows(&call, FACT_INTERFACE) && call_knows(&call, FACT_OPNUM) &&
                 call_knows(&call, FACT_PROCESS) && fake_uses() == 0;
    check(right, "interface, opnum and process cost no call");
    check(call.opnum == 3 && call.interface.data1 == 0xe3514235 && call.version_major == 4 &&
              call.version_minor == 1 && call.process.length == 10,
          "interface, opnum (without the runtime's flag) and process are right");
    call_knows(&call, FACT_CLIENT_ADDR);
    call_knows(&call, FACT_CLIENT_PORT);
    check(fake_uses() == 1, "client address and port cost one call");
    call_knows(&call, FACT_PROTSEQ);
    call_knows(&call, FACT_ENDPOINT);
    check(fake_uses() == 1 + 5, "protocol sequence and endpoint cost one look at the binding");
    call_knows(&call, FACT_AUTHN);
    call_knows(&call, FACT_PRINCIPAL);
    check(fake_uses() == 1 + 5 + 1 && fake.uses[FAKE_RpcImpersonateClient] == 0,
          "authentication and principal cost one call and no impersonation");
    check(describe_call_end(&storage) && nothing_kept(), "and leave nothing behind");

    const struct fake_answers pipe = {PIPE_BASE};
    fake_begin(&pipe);
    describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
    call_knows(&call, FACT_AUTHN);
    call_knows(&call, FACT_PRINCIPAL);
    call_knows(&call, FACT_SIDS);
    check(fake.uses[FAKE_RpcServerInqCallAttributesW] == 2 &&
              fake.uses[FAKE_RpcBindingInqAuthClientW] == 1 &&
              fake.uses[FAKE_RpcImpersonateClient] == 1,
          "a source that told nothing is not asked again");
    describe_call_end(&storage);

    RPC_MESSAGE bare = {.ProcNum = 7};
    describe_call_begin(&call, &storage, fake_runtime(), &bare, (struct text){NULL, 0});
    check(!call_knows(&call, FACT_INTERFACE) && !call_knows(&call, FACT_PROCESS) &&
              call_knows(&call, FACT_OPNUM) && call.opnum == 7,
          "no interface and no process name are unknown");
    describe_call_end(&storage);
}

/* The fact asked for by a rule (sync), or by an event (deferred). */
static bool principal_is_known(const struct fake_answers *answers, bool deferred, unsigned *lookups)
{
    struct call call;
    struct call_storage storage;
    fake_begin(answers);
    describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
    if (deferred)
        describe_call_defer_names(&storage);
    bool known = call_knows(&call, FACT_PRINCIPAL);
    check(call_knows(&call, FACT_SIDS) && call.sid_count == 3, "the SIDs are known");
    *lookups = fake.uses[FAKE_LookupAccountSidW];
    describe_call_end(&storage);
    return known;
}

static void check_deferred_names(void)
{
    const struct fake_answers pipe = {PIPE_BASE};
    const struct fake_answers kerberos = {KERBEROS_BASE};
    struct call call;
    struct call_storage storage;
    unsigned lookups;

    check(principal_is_known(&pipe, false, &lookups) && lookups == 1,
          "a rule for users has the account looked up at once");
    check(!principal_is_known(&pipe, true, &lookups) && lookups == 0,
          "an event does not: its principal stays unknown");
    check(principal_is_known(&kerberos, true, &lookups) && lookups == 0,
          "a principal that the runtime tells is no account to be looked up");

    fake_begin(&pipe);
    describe_call_begin(&call, &storage, fake_runtime(), &message, process_name);
    call_knows(&call, FACT_PRINCIPAL);
    describe_call_defer_names(&storage);
    check(call_knows(&call, FACT_PRINCIPAL) && call.principal.length == 10,
          "what a rule had looked up stays known");
    describe_call_end(&storage);
}

static void check_no_runtime(void)
{
    static const struct rpc_runtime empty;
    struct call call;
    struct call_storage storage;
    bool unknown = true;
    describe_call_begin(&call, &storage, &empty, &message, process_name);
    for (int fact = FACT_PROTSEQ; fact < FACT_PROCESS; fact++)
        unknown = unknown && !call_knows(&call, (enum call_fact)fact);
    check(describe_call_end(&storage) && unknown, "with no function at all everything is unknown");
}

int main(void)
{
    wmemset(endpoint_256, 0x20AC, 256);
    wmemset(endpoint_300, L'e', 300);
    wmemset(principal_1024, 0x20AC, 1024);
    wmemset(principal_1025, 0x20AC, 1025);
    setvbuf(stdout, NULL, _IOFBF, 65536);
    check_descriptions();
    check_failures();
    check_lost_identity();
    check_laziness();
    check_deferred_names();
    check_no_runtime();
    printf("%u failed\n", failures);
    return failures ? 1 : 0;
}
