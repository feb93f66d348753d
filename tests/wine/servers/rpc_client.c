/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_client.exe BINDING CALL [--count N] [--interval MS] [--until-eof] [--whoami]
 *
 * Calls a running rpc_server over any protocol sequence and verifies each answer. CALL is one of
 *     add, invert, sleep:MS, pid, served, multiply, drs:OPNUM
 * Prints a line "failed CALL status=N" (or "wrong answer") for the first ten bad calls and at the
 * end "ok=N denied=N other=N", where denied means RPC status 5. --until-eof goes on until stdin
 * ends. --whoami first prints "sid=SID", "domain=NAME" and "user=NAME" of this process, a line
 * each. Exit code: 0 when every call was answered or denied, 1 otherwise.
 *
 * The calls are marshalled by hand over I_RpcSendReceive, which returns a status: a stub would
 * raise an exception.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <rpc.h>
#include <rpcdcep.h>
#include <sddl.h>

#define INVERT_SIZE       4096u
#define REPORTED_FAILURES 10
#define NAME_SIZE         256u

static const RPC_SYNTAX_IDENTIFIER ndr_syntax = {
    {0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}}, {2, 0}};

/* The interfaces of demo.idl, other.idl and drsuapi.idl. */
static RPC_CLIENT_INTERFACE demo_interface = {
    .Length = sizeof demo_interface,
    .InterfaceId = {{0x6f1d2c3a, 0x8b4e, 0x4a57, {0x9c, 0x0d, 0x5e, 0x2f, 0x7a, 0x1b, 0x3c, 0x4d}},
                    {1, 0}},
};
static RPC_CLIENT_INTERFACE other_interface = {
    .Length = sizeof other_interface,
    .InterfaceId = {{0x0b5e7d91, 0x3c2f, 0x4e68, {0x8a, 0x1b, 0xd4, 0xf6, 0x0c, 0x9e, 0x7a, 0x25}},
                    {2, 1}},
};
static RPC_CLIENT_INTERFACE drsuapi_interface = {
    .Length = sizeof drsuapi_interface,
    .InterfaceId = {{0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}},
                    {4, 0}},
};

struct request {
    RPC_CLIENT_INTERFACE *target;
    unsigned opnum;
    const unsigned char *data;
    unsigned size;
};

struct answer {
    unsigned char data[INVERT_SIZE + 16];
    unsigned size;
};

struct counts {
    unsigned long ok;
    unsigned long denied;
    unsigned long other;
};

struct settings {
    const char *binding;
    const char *call;
    unsigned long count;
    DWORD interval_ms;
    bool until_eof;
    bool whoami;
};

static volatile LONG ended;

static RPC_STATUS transact(RPC_BINDING_HANDLE binding, const struct request *request,
                           struct answer *answer)
{
    RPC_MESSAGE message = {
        .Handle = binding,
        .DataRepresentation = 0x10, /* little endian, ASCII, IEEE */
        .BufferLength = request->size,
        .ProcNum = request->opnum,
        .TransferSyntax = &request->target->TransferSyntax,
        .RpcInterfaceInformation = request->target,
    };
    RPC_STATUS status = I_RpcGetBuffer(&message);
    if (status != RPC_S_OK)
        return status;
    if (request->size)
        memcpy(message.Buffer, request->data, request->size);
    message.BufferLength = request->size;
    status = I_RpcSendReceive(&message);
    if (status != RPC_S_OK)
        return status;
    answer->size = message.BufferLength < sizeof answer->data ? message.BufferLength
                                                              : (unsigned)sizeof answer->data;
    memcpy(answer->data, message.Buffer, answer->size);
    I_RpcFreeBuffer(&message);
    return RPC_S_OK;
}

static bool answers_ulong(const struct answer *answer, unsigned expected)
{
    unsigned value;
    if (answer->size < sizeof value)
        return false;
    memcpy(&value, answer->data, sizeof value);
    return value == expected;
}

/* A call of two 32-bit arguments. */
static RPC_STATUS call_pair(RPC_BINDING_HANDLE binding, RPC_CLIENT_INTERFACE *target, unsigned a,
                            unsigned b, unsigned expected, bool *right)
{
    unsigned arguments[2] = {a, b};
    struct request request = {target, 0, (unsigned char *)arguments, sizeof arguments};
    struct answer answer;
    RPC_STATUS status = transact(binding, &request, &answer);
    *right = status == RPC_S_OK && answers_ulong(&answer, expected);
    return status;
}

static RPC_STATUS call_invert(RPC_BINDING_HANDLE binding, bool *right)
{
    static unsigned char data[8 + INVERT_SIZE];
    unsigned header[2] = {INVERT_SIZE, INVERT_SIZE}; /* size, and the conformance of the array */
    memcpy(data, header, sizeof header);
    for (unsigned i = 0; i < INVERT_SIZE; i++)
        data[8 + i] = (unsigned char)(i * 7);
    struct request request = {&demo_interface, 1, data, sizeof data};
    struct answer answer;
    RPC_STATUS status = transact(binding, &request, &answer);
    *right = status == RPC_S_OK && answer.size >= 4 + INVERT_SIZE;
    for (unsigned i = 0; *right && i < INVERT_SIZE; i++)
        *right = answer.data[4 + i] == (unsigned char)~(i * 7);
    return status;
}

static RPC_STATUS call_sleep(RPC_BINDING_HANDLE binding, unsigned milliseconds, bool *right)
{
    struct request request = {&demo_interface, 2, (unsigned char *)&milliseconds,
                              sizeof milliseconds};
    struct answer answer;
    RPC_STATUS status = transact(binding, &request, &answer);
    *right = status == RPC_S_OK && answers_ulong(&answer, milliseconds);
    return status;
}

/* A call without arguments; the answer is printed when it cannot be known beforehand. */
static RPC_STATUS call_plain(RPC_BINDING_HANDLE binding, RPC_CLIENT_INTERFACE *target,
                             unsigned opnum, bool *right)
{
    struct request request = {target, opnum, NULL, 0};
    struct answer answer;
    RPC_STATUS status = transact(binding, &request, &answer);
    *right = status == RPC_S_OK && answer.size >= sizeof(unsigned);
    if (!*right)
        return status;
    if (target == &drsuapi_interface) {
        *right = answers_ulong(&answer, opnum);
        return status;
    }
    unsigned value;
    memcpy(&value, answer.data, sizeof value);
    printf("answer=%u\n", value);
    return status;
}

static bool call_once(RPC_BINDING_HANDLE binding, const char *call, unsigned long n,
                      RPC_STATUS *status, bool *right)
{
    unsigned i = (unsigned)n;
    if (strcmp(call, "add") == 0)
        *status = call_pair(binding, &demo_interface, i, 40, i + 40, right);
    else if (strcmp(call, "multiply") == 0)
        *status = call_pair(binding, &other_interface, i, 3, i * 3, right);
    else if (strcmp(call, "invert") == 0)
        *status = call_invert(binding, right);
    else if (strncmp(call, "sleep:", 6) == 0)
        *status = call_sleep(binding, (unsigned)strtoul(call + 6, NULL, 10), right);
    else if (strcmp(call, "pid") == 0)
        *status = call_plain(binding, &demo_interface, 3, right);
    else if (strcmp(call, "served") == 0)
        *status = call_plain(binding, &demo_interface, 4, right);
    else if (strncmp(call, "drs:", 4) == 0)
        *status =
            call_plain(binding, &drsuapi_interface, (unsigned)strtoul(call + 4, NULL, 10), right);
    else
        return false;
    return true;
}

static DWORD WINAPI wait_for_eof(void *unused)
{
    (void)unused;
    while (getchar() != EOF)
        ;
    InterlockedExchange(&ended, 1);
    return 0;
}

static bool run(RPC_BINDING_HANDLE binding, const struct settings *settings, struct counts *counts)
{
    for (unsigned long n = 0; settings->until_eof ? !ended : n < settings->count; n++) {
        RPC_STATUS status;
        bool right;
        if (!call_once(binding, settings->call, n, &status, &right))
            return false;
        if (status == RPC_S_OK && right)
            counts->ok++;
        else if (status == RPC_S_ACCESS_DENIED)
            counts->denied++;
        else
            counts->other++;
        if (!right && counts->denied + counts->other <= REPORTED_FAILURES) {
            printf(status == RPC_S_OK ? "failed %s wrong answer\n" : "failed %s status=%ld\n",
                   settings->call, (long)status);
            fflush(stdout);
        }
        if (n == 0 && settings->until_eof) {
            puts("READY");
            fflush(stdout);
        }
        if (settings->interval_ms)
            Sleep(settings->interval_ms);
    }
    return true;
}

/* The name comes from the session and not, as the agent's does, from the SID. */
static bool print_self(void)
{
    union {
        TOKEN_USER user;
        unsigned char bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } token;
    HANDLE handle;
    DWORD size;
    char *sid;
    wchar_t user[NAME_SIZE], account[NAME_SIZE], domain[NAME_SIZE];
    DWORD user_size = NAME_SIZE, account_size = NAME_SIZE, domain_size = NAME_SIZE;
    SID_NAME_USE use;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &handle))
        return false;
    BOOL read = GetTokenInformation(handle, TokenUser, &token, sizeof token, &size);
    CloseHandle(handle);
    if (!read || !GetUserNameW(user, &user_size) ||
        !LookupAccountSidW(NULL, token.user.User.Sid, account, &account_size, domain, &domain_size,
                           &use) ||
        !ConvertSidToStringSidA(token.user.User.Sid, &sid))
        return false;
    printf("sid=%s\ndomain=%ls\nuser=%ls\n", sid, domain, user);
    LocalFree(sid);
    return true;
}

static bool parse(int argc, char **argv, struct settings *settings)
{
    if (argc < 3)
        return false;
    settings->binding = argv[1];
    settings->call = argv[2];
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--until-eof") == 0)
            settings->until_eof = true;
        else if (strcmp(argv[i], "--whoami") == 0)
            settings->whoami = true;
        else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
            settings->count = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--interval") == 0 && i + 1 < argc)
            settings->interval_ms = (DWORD)strtoul(argv[++i], NULL, 10);
        else
            return false;
    }
    return true;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: rpc_client BINDING CALL [--count N] [--interval MS] [--until-eof] [--whoami]\n"
            "CALL: add invert sleep:MS pid served multiply drs:OPNUM\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct settings settings = {.count = 1};
    if (!parse(argc, argv, &settings))
        return usage();
    demo_interface.TransferSyntax = ndr_syntax;
    other_interface.TransferSyntax = ndr_syntax;
    drsuapi_interface.TransferSyntax = ndr_syntax;

    RPC_BINDING_HANDLE binding;
    RPC_STATUS status = RpcBindingFromStringBindingA((RPC_CSTR)settings.binding, &binding);
    if (status != RPC_S_OK) {
        fprintf(stderr, "rpc_client: %s: status %ld\n", settings.binding, (long)status);
        return 2;
    }
    if (settings.whoami && !print_self()) {
        fprintf(stderr, "rpc_client: who am I? %lu\n", GetLastError());
        return 2;
    }
    if (settings.until_eof) {
        HANDLE thread = CreateThread(NULL, 0, wait_for_eof, NULL, 0, NULL);
        if (!thread)
            return 2;
        CloseHandle(thread);
    }
    struct counts counts = {0};
    bool known = run(binding, &settings, &counts);
    RpcBindingFree(&binding);
    if (!known)
        return usage();
    printf("ok=%lu denied=%lu other=%lu\n", counts.ok, counts.denied, counts.other);
    return counts.other ? 1 : 0;
}
