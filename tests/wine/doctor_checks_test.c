/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What doctor says of processes that no agent can enter, and of a service that measured nothing.
 *
 * Wine has no protected and no 32-bit processes and does not tell whose a port is: a table of
 * functions and a list of ports answer as Windows does (fakes). The process is this one.
 */
#include "windows/manager/doctor.h"

#include <stdio.h>
#include <string.h>

#define NOT_PROTECTED 0xfffffffeu

static struct {
    DWORD level;
    DWORD signature;
    DWORD dynamic_code;
    bool wow64;
    bool user;
} world;

static BOOL WINAPI exit_code(HANDLE process, DWORD *code)
{
    (void)process;
    *code = STILL_ACTIVE;
    return TRUE;
}

static BOOL WINAPI information(HANDLE process, int class, void *out, DWORD size)
{
    (void)process;
    (void)class;
    memcpy(out, &world.level, size);
    return TRUE;
}

static BOOL WINAPI policy(HANDLE process, int which, void *out, SIZE_T size)
{
    (void)process;
    memcpy(out, which == 8 ? &world.signature : &world.dynamic_code, size);
    return TRUE;
}

static BOOL WINAPI is_wow64(HANDLE process, BOOL *answer)
{
    *answer = world.wow64 && process != GetCurrentProcess();
    return TRUE;
}

static enum policy_access access(HANDLE process)
{
    (void)process;
    return world.user ? POLICY_ACCESS_DENIED : POLICY_ACCESS_ALLOWED;
}

static const struct admission_functions functions = {
    .GetExitCodeProcess = exit_code,
    .GetProcessInformation = information,
    .GetProcessMitigationPolicy = policy,
    .IsWow64Process = is_wow64,
    .policy_access = access,
};

enum listening { NOTHING, LOOPBACK, REMOTE };

static const struct {
    const char *check;
    enum listening listening;
    size_t filters;
    bool closed; /* the process is one that this check is about */
    enum finding_kind expected;
    const char *words;
} cases[] = {
    {"protected-processes", REMOTE, 0, false, FINDING_GOOD, "no process"},
    {"protected-processes", NOTHING, 0, true, FINDING_NOTE, "cannot be told"},
    {"protected-processes", LOOPBACK, 0, true, FINDING_NOTE, "cannot be told"},
    {"protected-processes", REMOTE, 0, true, FINDING_GAP, "listen for TCP"},
    {"protected-processes", REMOTE, 3, true, FINDING_NOTE, "3 native RPC filters"},
    {"signing-policies", NOTHING, 0, true, FINDING_NOTE, "cannot be told"},
    {"signing-policies", REMOTE, 0, true, FINDING_GAP, "listen for TCP"},
    {"code-guard", NOTHING, 0, true, FINDING_NOTE, "cannot be told"},
    {"code-guard", REMOTE, 0, true, FINDING_GAP, "listen for TCP"},
    {"32-bit", NOTHING, 0, true, FINDING_NOTE, "cannot be told"},
    {"32-bit", REMOTE, 0, true, FINDING_GAP, "listen for TCP"},
    {"32-bit", REMOTE, 1, true, FINDING_NOTE, "native RPC filters"},
    {"accounts", REMOTE, 0, false, FINDING_GOOD, "no process"},
    {"accounts", NOTHING, 0, true, FINDING_NOTE, "cannot be told"},
    {"accounts", REMOTE, 0, true, FINDING_GAP, "may not read the policy"},
    {"accounts", REMOTE, 2, true, FINDING_NOTE, "native RPC filters"},
};

static int failures;

static void expect(const struct doctor *doctor, const char *check, enum finding_kind kind,
                   const char *words, const char *never)
{
    struct finding finding = {0};
    for (size_t i = 0; i < doctor_check_count; i++) {
        if (strcmp(doctor_checks[i].name, check) == 0) {
            doctor_checks[i].check(doctor, &finding);
        }
    }
    bool right = finding.kind == kind && strstr(finding.what, words) &&
                 (!never || !strstr(finding.what, never)) && (kind != FINDING_GAP || *finding.mend);
    printf("%s: %s: %d %s\n", right ? "ok" : "FAILED", check, finding.kind, finding.what);
    failures += !right;
}

static void test_processes(void)
{
    static wchar_t name[] = L"server.exe";
    struct process_fact fact = {.pid = GetCurrentProcessId(), .name = name, .name_length = 10};
    for (size_t i = 0; i < ARRAYSIZE(cases); i++) {
        struct listening_port port = {
            .pid = fact.pid, .port = 135, .loopback = cases[i].listening == LOOPBACK};
        struct doctor doctor = {
            .processes = {.facts = &fact, .count = 1},
            .ports = {.ports = &port, .count = cases[i].listening != NOTHING},
            .filters = cases[i].filters,
            .filters_told = true,
            .admission = &functions,
        };
        const char *check = cases[i].check;
        world.level =
            cases[i].closed && strcmp(check, "protected-processes") == 0 ? 4 : NOT_PROTECTED;
        world.signature = strcmp(check, "signing-policies") == 0;
        world.dynamic_code = strcmp(check, "code-guard") == 0;
        world.wow64 = strcmp(check, "32-bit") == 0;
        world.user = cases[i].closed && strcmp(check, "accounts") == 0;
        expect(&doctor, check, cases[i].expected, cases[i].words, NULL);
    }
}

static void test_late_servers(void)
{
    struct doctor doctor = {.service = {.told = true, .status = {.added = 2}}};
    expect(&doctor, "late-servers", FINDING_GOOD, "not measured", " ms");
    doctor.service.status.delays = 1;
    doctor.service.status.delay_max_ms = 120;
    expect(&doctor, "late-servers", FINDING_GOOD, "120 ms", "not measured");
}

int main(void)
{
    test_processes();
    test_late_servers();
    printf("%d failed\n", failures);
    return failures != 0;
}
