/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts on calls as Windows describes them, and what becomes of them when the runtime fails:
 * what cannot be told never lets a call pass that a rule would block. Against the fake runtime,
 * which answers as Windows does (Wine cannot: no privacy over TCP, no Kerberos, no IPv6). One line
 * per check.
 */
#include "wine_check.h"
#include "fake_rpc_runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decide.h"
#include "test_image.h"
#include "windows/agent/rpc/describe_call.h"

#define UNKNOWN_ADDR FACT_BIT(FACT_CLIENT_ADDR)
#define UNKNOWN_SIDS FACT_BIT(FACT_SIDS)
#define UNKNOWN_NAME FACT_BIT(FACT_PRINCIPAL)
#define UNKNOWN_AUTH FACT_BIT(FACT_AUTHN)

/* ---- Calls as Windows describes them ---- */

static const struct fake_answers kerberos_privacy = {
    .protseq = L"ncacn_ip_tcp",
    .endpoint = L"49664",
    .address = L"10.0.0.5",
    .remote = {AF_INET, 50123, {10, 0, 0, 5}},
    .local = {AF_INET, 49664, {10, 0, 0, 1}},
    .level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    .service = RPC_C_AUTHN_GSS_KERBEROS,
    .principal = L"CORP\\alice",
    .privileges = L"CORP\\alice",
    .groups = 4,
    .domain = L"CORP",
    .account = L"alice",
};

static const struct fake_answers pipe_with_address = {
    .protseq = L"ncacn_np",
    .endpoint = L"\\pipe\\lsarpc",
    .address = L"\\\\10.0.0.5",
    .attributes = RPC_S_BINDING_HAS_NO_AUTH,
    .auth_client = RPC_S_BINDING_HAS_NO_AUTH,
    .groups = 4,
    .domain = L"CORP",
    .account = L"alice",
};

static struct fake_answers ntlm_integrity, mapped, ipv6, no_token, no_auth, no_auth_told,
    pipe_host_name, pipe_ipv6, pipe_mapped, callback, no_endpoint;

static void make_answers(void)
{
    static const struct fake_end none;

    ntlm_integrity = kerberos_privacy;
    ntlm_integrity.level = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY;
    ntlm_integrity.service = RPC_C_AUTHN_WINNT;
    mapped = kerberos_privacy;
    mapped.remote = (struct fake_end){AF_INET6, 50123, {[10] = 0xff, [11] = 0xff, 10, 0, 0, 5}};
    mapped.address = L"::ffff:10.0.0.5";
    ipv6 = kerberos_privacy;
    ipv6.remote = (struct fake_end){AF_INET6, 50123, {0xfe, 0x80, [15] = 5}};
    ipv6.address = L"fe80::5%7";
    no_token = kerberos_privacy;
    no_token.impersonate = RPC_S_NO_CONTEXT_AVAILABLE;
    no_auth = kerberos_privacy;
    no_auth.attributes = RPC_S_BINDING_HAS_NO_AUTH;
    no_auth.auth_client = RPC_S_BINDING_HAS_NO_AUTH;
    no_auth.impersonate = RPC_S_CANNOT_SUPPORT;
    no_auth_told = no_auth;
    no_auth_told.attributes = RPC_S_CANNOT_SUPPORT;
    no_auth_told.auth_client = RPC_S_CANNOT_SUPPORT;
    pipe_host_name = pipe_with_address;
    pipe_host_name.address = L"\\\\CLIENT";
    pipe_host_name.remote = none;
    pipe_ipv6 = pipe_with_address;
    pipe_ipv6.address = L"[fe80::5%7]";
    pipe_mapped = pipe_with_address;
    pipe_mapped.address = L"::ffff:10.0.0.5";
    no_endpoint = kerberos_privacy;
    no_endpoint.endpoint = L"";
    callback = pipe_with_address;
    callback.thread_token = FAKE_TOKEN_PREVIOUS;
}

static RPC_SERVER_INTERFACE drsuapi = {
    .Length = sizeof(drsuapi),
    .InterfaceId = {{0xe3514235, 0x4b06, 0x11d1, {0xab, 4, 0, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}},
                    {4, 0}}};

static const RPC_MESSAGE message = {.Handle = (RPC_BINDING_HANDLE)(uintptr_t)0x7777,
                                    .ProcNum = 3,
                                    .RpcInterfaceInformation = &drsuapi};

/* ---- One verdict ---- */

static struct policy_image *compile(const char *text)
{
    size_t size;
    struct policy_image *image = test_image(text, &size);

    if (image_validate(image, size) != IMAGE_OK) {
        printf("FAILED the image of \"%s\" does not validate\n", text);
        exit(1);
    }
    return image;
}

/* As judge.c does it, without the event. *given_back: the identity of the thread is its own again.
 */
static struct verdict judge(const struct policy_image *policy, bool *given_back)
{
    struct call call;
    struct call_storage storage;

    describe_call_begin(&call, &storage, fake_runtime(), &message, (struct text){"lsass.exe", 9});
    struct verdict verdict = decide(policy, &call);
    *given_back = describe_call_end(&storage);
    return verdict;
}

static bool nothing_kept(void)
{
    return fake.strings == 0 && fake.bindings == 0 && fake.handles == 0 && fake.vectors == 0 &&
           fake.thread_token == fake.answers.thread_token;
}

/* ---- The table ---- */

static const struct {
    const char *name;
    const struct fake_answers *answers;
    const char *policy;
    bool block;
    uint32_t unknown; /* what the deciding rule asked for and nobody could tell */
} cases[] = {
    {"privacy is enough", &kerberos_privacy, "auth:privacy action:allow\naction:block", false, 0},
    {"integrity is not", &ntlm_integrity, "auth:privacy action:allow\naction:block", true, 0},
    {"privacy is not weaker", &kerberos_privacy, "auth:<privacy action:block", false, 0},
    {"integrity is weaker", &ntlm_integrity, "auth:<privacy action:block", true, 0},
    {"no authentication is weaker", &no_auth, "auth:<connect action:block", true, 0},
    {"a level that nobody tells is blocked", &no_auth_told, "auth:<privacy action:block", true,
     UNKNOWN_AUTH},
    {"and not allowed", &no_auth_told, "auth:none action:allow\naction:block", true, 0},
    {"and neither when lenient", &no_auth_told,
     "option unknown lenient\nauth:<privacy action:block", false, 0},
    {"Kerberos principal", &kerberos_privacy, "user:corp\\Alice action:block", true, 0},
    {"Kerberos principal of another domain", &kerberos_privacy, "user:other\\* action:block", false,
     0},
    {"principal of a call without any", &no_auth, "user:corp\\alice action:block", true,
     UNKNOWN_NAME},
    {"principal of a pipe: its account", &pipe_with_address, "user:corp\\alice action:block", true,
     0},
    {"pipe client with an address", &pipe_with_address, "addr:10.0.0.0/8 action:block", true, 0},
    {"pipe client with an address that is allowed", &pipe_with_address,
     "addr:10.0.0.5 action:allow\naction:block", false, 0},
    {"pipe client by name: blocked", &pipe_host_name, "addr:192.0.2.1 action:block", true,
     UNKNOWN_ADDR},
    {"pipe client by name: not allowed", &pipe_host_name,
     "addr:0.0.0.0/0 action:allow\naction:block", true, 0},
    {"pipe client by name: all but some", &pipe_host_name, "addr:!10.0.0.0/8 action:block", true,
     UNKNOWN_ADDR},
    {"pipe client by name: not allowed by all but some", &pipe_host_name,
     "addr:!10.0.0.0/8 action:allow\naction:block", true, 0},
    {"pipe client by name: dry", &pipe_host_name, "addr:192.0.2.1 action:block dry:true", false,
     UNKNOWN_ADDR},
    {"pipe client over IPv6", &pipe_ipv6, "addr:fe80::/10 action:block", true, 0},
    {"pipe client over IPv6, IPv4 rule", &pipe_ipv6, "addr:0.0.0.0/0 action:block", false, 0},
    {"pipe client IPv4-mapped", &pipe_mapped, "addr:10.0.0.5 action:block", true, 0},
    {"IPv6", &ipv6, "addr:fe80::5/128 action:block", true, 0},
    {"IPv6, another", &ipv6, "addr:fe80::6 action:block", false, 0},
    {"IPv4-mapped does not escape", &mapped, "addr:10.0.0.0/8 action:block", true, 0},
    {"IPv4-mapped rule, IPv4 client", &kerberos_privacy, "addr:::ffff:10.0.0.5 action:block", true,
     0},
    {"token missing: blocked", &no_token, "sid:S-1-5-21-1-2-3-1000 action:block", true,
     UNKNOWN_SIDS},
    {"token missing: not allowed", &no_token, "sid:S-1-5-21-1-2-3-1000 action:allow\naction:block",
     true, 0},
    {"token missing: the name alone decides", &no_token,
     "user:corp\\alice action:allow\naction:block", false, 0},
    {"token there", &kerberos_privacy, "sid:S-1-5-21-1-2-3-1000 action:allow\naction:block", false,
     0},
    {"group of the token", &kerberos_privacy, "sid:S-1-5-21-1-2-3-2000 action:block", true, 0},
    {"group for deny only", &kerberos_privacy, "sid:S-1-5-21-1-2-3-2001 action:block", false, 0},
};

static void check_cases(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_image *policy = compile(cases[i].policy);
        bool given_back;
        fake_begin(cases[i].answers);
        struct verdict verdict = judge(policy, &given_back);
        check(verdict.block == cases[i].block && verdict.unknown == cases[i].unknown &&
                  given_back && nothing_kept(),
              "%s: %s, unknown %x", cases[i].name, verdict.block ? "block" : "allow",
              (unsigned)verdict.unknown);
        free(policy);
    }
}

/* ---- Each function failing in turn ---- */

/* For each fact a condition that holds for alice from 10.0.0.5, and one that does not. */
static const struct {
    const char *condition;
    uint32_t facts; /* that it asks for */
} conditions[] = {
    {"addr:10.0.0.0/24", UNKNOWN_ADDR},
    {"addr:192.0.2.0/24", UNKNOWN_ADDR},
    {"addr:!192.0.2.0/24", UNKNOWN_ADDR},
    {"addr:!10.0.0.0/24", UNKNOWN_ADDR},
    {"sid:S-1-5-21-1-2-3-1000", UNKNOWN_SIDS},
    {"sid:S-1-5-21-9-9-9-500", UNKNOWN_SIDS},
    {"sid:!S-1-5-21-9-9-9-500", UNKNOWN_SIDS},
    {"user:CORP\\alice", UNKNOWN_NAME},
    {"user:CORP\\mallory", UNKNOWN_NAME},
    {"auth:privacy", UNKNOWN_AUTH},
    {"auth:<privacy", UNKNOWN_AUTH},
    {"prot:ncacn_ip_tcp", FACT_BIT(FACT_PROTSEQ)},
    {"prot:ncacn_np", FACT_BIT(FACT_PROTSEQ)},
    {"endpoint:49664", FACT_BIT(FACT_ENDPOINT)},
    {"endpoint:lsarpc", FACT_BIT(FACT_ENDPOINT)},
    {"object:11111111-2222-3333-4444-555555555555", FACT_BIT(FACT_OBJECT)},
    {"addr:10.0.0.0/24 sid:S-1-5-21-1-2-3-1000", UNKNOWN_ADDR | UNKNOWN_SIDS},
};

struct policies {
    struct policy_image *block;         /* block if, else allow */
    struct policy_image *allow;         /* allow if, else block */
    struct policy_image *lenient_block; /* the same with option unknown lenient */
    struct policy_image *lenient_allow;
};

static struct policy_image *compile_with(const char *before, const char *condition,
                                         const char *after)
{
    char text[512];

    snprintf(text, sizeof(text), "%s%s %s", before, condition, after);
    return compile(text);
}

static struct policies compile_all(const char *condition)
{
    static const char lenient[] = "option unknown lenient\n";
    static const char allow[] = "action:allow\naction:block";

    return (struct policies){
        compile_with("", condition, "action:block"), compile_with("", condition, allow),
        compile_with(lenient, condition, "action:block"), compile_with(lenient, condition, allow)};
}

static void free_all(struct policies *policies)
{
    free(policies->block);
    free(policies->allow);
    free(policies->lenient_block);
    free(policies->lenient_allow);
}

struct failing {
    const struct fake_answers *answers;
    int function;
    uint32_t mask;
    enum fake_failure failure;
};

/* What only gives back: when it fails, what it should have freed is lost with it. */
static bool is_release(int function)
{
    return function == FAKE_RpcStringFreeW || function == FAKE_RpcBindingFree ||
           function == FAKE_CloseHandle;
}

/* False when something was kept, or when the thread has lost its identity without saying so. */
static bool judge_failing(const struct policy_image *policy, const struct failing *failing,
                          struct verdict *verdict, unsigned *uses)
{
    bool given_back;

    fake_begin(failing->answers);
    fake.fails[failing->function] = failing->mask;
    fake.failure = failing->failure;
    *verdict = judge(policy, &given_back);
    *uses += fake.uses[failing->function];
    if (!given_back) /* judge.c blocks such a call, whatever the policy says */
        return failing->function == FAKE_SetThreadToken && fake.handles == 0;
    if (is_release(failing->function))
        return fake.thread_token == failing->answers->thread_token;
    return nothing_kept();
}

/*
 * `holds`: the condition holds when nothing fails. A failure may make it unknown, and then the call
 * is blocked by either policy, or when lenient falls through to what stands behind the rule.
 */
static bool survives(const struct policies *policies, const struct failing *failing, bool holds,
                     uint32_t facts, unsigned *uses)
{
    struct verdict verdict;

    if (!judge_failing(policies->block, failing, &verdict, uses))
        return false;
    bool told = (verdict.unknown & ~facts) == 0;
    if (!told || (holds && !verdict.block) || (!holds && verdict.block && verdict.unknown == 0))
        return false;
    if (!judge_failing(policies->allow, failing, &verdict, uses) || (!holds && !verdict.block) ||
        verdict.unknown != 0)
        return false;
    if (!judge_failing(policies->lenient_block, failing, &verdict, uses) ||
        (!holds && verdict.block))
        return false;
    return judge_failing(policies->lenient_allow, failing, &verdict, uses) &&
           (holds || verdict.block);
}

static bool survives_each_use(const struct policies *policies, const struct fake_answers *answers,
                              int function, bool holds, uint32_t facts, unsigned *uses)
{
    for (int failure = FAKE_FAILS; failure <= FAKE_RAISES; failure++) {
        for (uint32_t mask = 1; mask <= 1u << 6; mask <<= 1) {
            struct failing one = {answers, function, mask, (enum fake_failure)failure};
            if (!survives(policies, &one, holds, facts, uses))
                return false;
        }
        struct failing all = {answers, function, UINT32_MAX, (enum fake_failure)failure};
        if (!survives(policies, &all, holds, facts, uses))
            return false;
    }
    return true;
}

static void check_function(int function)
{
    const struct fake_answers *const calls[] = {
        &kerberos_privacy, &pipe_with_address, &ipv6, &mapped, &callback, &no_endpoint};
    unsigned uses = 0;

    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        struct policies policies = compile_all(conditions[i].condition);
        for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
            bool given_back;
            fake_begin(calls[k]);
            bool holds = judge(policies.block, &given_back).block;
            if (!survives_each_use(&policies, calls[k], function, holds, conditions[i].facts,
                                   &uses))
                check(false, "%s fails, call %u, %s", fake_function_names[function], (unsigned)k,
                      conditions[i].condition);
        }
        free_all(&policies);
    }
    /* The second way to give the identity back, for when the first fails: wine.describe_call. */
    check(uses > 0 || function == FAKE_RpcRevertToSelf,
          "%s fails or raises, each use and all: %u uses", fake_function_names[function], uses);
}

/* Asked of calls that are none, and for the ends of connections that only events show. */
static bool asked_by_no_condition(int function)
{
    return function == FAKE_I_RpcGetCurrentCallHandle || function == FAKE_getpeername ||
           function == FAKE_getsockname;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOFBF, 65536);
    make_answers();
    check_cases();
    for (int function = FAKE_RpcBindingServerFromClient; function < FAKE_COUNT; function++) {
        if (!asked_by_no_condition(function))
            check_function(function);
    }
    printf("%u failed\n", failures);
    return failures ? 1 : 0;
}
