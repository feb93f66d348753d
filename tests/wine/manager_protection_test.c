/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager's dealings with agents, good ones and bad ones: what protection_add(), _remove() and
 * _refresh() conclude, that an agent that does not protect is gone, and that many rounds leave
 * nothing behind on either side. The agent is manager_fake_agent.c; the processes are
 * manager_target.c.
 */
#include <windows.h>
#include <winternl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_image.h"
#include "windows/manager/injection.h"
#include "windows/manager/process_list.h"
#include "windows/manager/protection_present.h"
#include "windows/manager/remote_agent.h"
#include "windows/policy_section.h"
#include "wine_check.h"

#define READY_EVENT "RpcFwTestTargetReady"
#define ROUNDS      200

static wchar_t agent_path[MAX_PATH];

static void beside_test(const char *name, char path[MAX_PATH])
{
    GetModuleFileNameA(NULL, path, MAX_PATH);
    strcpy(strrchr(path, '\\') + 1, name);
}

struct target {
    HANDLE process;
    DWORD pid;
};

/* A process whose agent will behave as `mode` says. */
static struct target start_target(const char *mode, const char *arguments)
{
    char path[MAX_PATH];
    char command[2 * MAX_PATH];
    beside_test("manager_target.exe", path);
    snprintf(command, sizeof(command), "\"%s\" " READY_EVENT " %s", path, arguments);
    SetEnvironmentVariableA("RPCFW_FAKE_AGENT", mode);
    HANDLE ready = CreateEventA(NULL, TRUE, FALSE, READY_EVENT);
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process = {0};
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) {
        printf("FAILED: cannot start %s: error %lu\n", command, GetLastError());
        ExitProcess(1);
    }
    HANDLE either[] = {ready, process.hProcess};
    check(WaitForMultipleObjects(2, either, FALSE, 30000) == WAIT_OBJECT_0, "target starts");
    CloseHandle(process.hThread);
    CloseHandle(ready);
    return (struct target){process.hProcess, process.dwProcessId};
}

static void end_target(struct target *target)
{
    TerminateProcess(target->process, 0);
    WaitForSingleObject(target->process, 10000);
    CloseHandle(target->process);
}

static void check_result(const struct protection_result *result, enum protection_outcome outcome,
                         const char *reason, const char *what)
{
    bool passed = result->outcome == outcome && (!reason || strstr(result->reason, reason));
    check(passed, "%s", what);
    if (!passed) {
        printf("  outcome %d, reason \"%s\", state %u\n", result->outcome, result->reason,
               result->status.state);
    }
}

/* What protection_add() must conclude for an agent of each kind, and whether the agent must then be
 * gone. */
static void test_add(void)
{
    static const struct {
        const char *mode;
        enum protection_outcome outcome;
        const char *reason;
        bool gone;
    } cases[] = {
        {"local", PROTECTION_NOT_SERVER, "ncalrpc", true},
        {"denied", PROTECTION_REFUSED, "its account may not open", true},
        {"nothing", PROTECTION_REFUSED, "no policy in force", true},
        {"hook", PROTECTION_REFUSED, "cannot be hooked: NdrStubCall2?+3", true},
        {"clings", PROTECTION_NOT_SERVER, "no RPC endpoint", false},
        {"silent", PROTECTION_REFUSED, "has not started", false},
        {"hidden", PROTECTION_REFUSED, "without saying why", true},
        {"magic", PROTECTION_REFUSED, "foreign", false},
        {"version", PROTECTION_REFUSED, "another release", false},
        {"size", PROTECTION_REFUSED, "another release", false},
        {"old", PROTECTION_REFUSED, "release 0.0.1", false},
        {"unloadable", PROTECTION_REFUSED, "would not load", true},
    };
    for (size_t i = 0; i < ARRAYSIZE(cases); i++) {
        struct target target = start_target(cases[i].mode, "rpc");
        struct protection_result result;
        protection_add(agent_path, target.pid, &result);
        check_result(&result, cases[i].outcome, cases[i].reason, cases[i].mode);
        check(protection_confirm_left(target.pid, &result, 1000) == cases[i].gone,
              cases[i].gone ? "gone within a second" : "seen to be still there");
        check(WaitForSingleObject(target.process, 0) == WAIT_TIMEOUT, "the target lives");
        end_target(&target);
    }
}

static void test_good_agent(uint64_t generation)
{
    struct target target = start_target("", "rpc");
    struct protection_result result;
    protection_inspect(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_ABSENT, NULL, "not protected before");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_ADDED, NULL, "protected");
    check(result.status.hooks == 7 && result.status.generation == generation,
          "its status can be read");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_PRESENT, NULL, "already protected");
    protection_add(L"C:\\elsewhere\\rpcFirewall.dll", target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "not ours: ", "a DLL from another path is foreign");
    protection_inspect(L"C:\\elsewhere\\rpcFirewall.dll", target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "fake-agent\\rpcFirewall.dll", "inspected: its path");
    check(result.foreign, "and that it is foreign");
    protection_refresh(L"C:\\elsewhere\\rpcFirewall.dll", target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "not ours: ", "it is given no policy");
    protection_inspect(agent_path, target.pid, &result);
    check(result.outcome == PROTECTION_PRESENT && result.status.state == AGENT_PROTECTED,
          "inspected: protected");
    protection_refresh(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFRESHED, NULL, "takes the newest policy");
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REMOVED, NULL, "unprotected");
    check(!protection_has_agent(target.pid), "the DLL is gone");
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_ABSENT, NULL, "nothing to unprotect twice");
    end_target(&target);
}

static void test_unwilling_agent(void)
{
    struct target target = start_target("sticks", "rpc");
    struct protection_result result;
    protection_add(agent_path, target.pid, &result);
    protection_refresh(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "not valid", "an agent that refuses the policy");
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "still protected", "an agent that cannot unhook");
    check(protection_has_agent(target.pid), "and stays");
    end_target(&target);
}

/* Each answer of an agent that does not take the newest policy has its own words. */
static void test_refresh_refusals(void)
{
    static const struct {
        const char *mode;
        const char *reason;
    } cases[] = {
        {"refresh-none", "no newer policy"}, {"refresh-denied", "may not open"},
        {"refresh-busy", "calls in flight"}, {"refresh-failed", "could not map"},
        {"refresh-other", "does not trust"},
    };
    for (size_t i = 0; i < ARRAYSIZE(cases); i++) {
        struct target target = start_target(cases[i].mode, "rpc");
        struct protection_result result;
        protection_add(agent_path, target.pid, &result);
        protection_refresh(agent_path, target.pid, &result);
        check_result(&result, PROTECTION_REFUSED, cases[i].reason, cases[i].mode);
        protection_remove(agent_path, target.pid, &result);
        check_result(&result, PROTECTION_REMOVED, NULL, "and it can be unprotected");
        end_target(&target);
    }
}

/* As managers do that were killed, or stopped waiting, before the load that they began ended. */
static void load_again(const struct target *target, int times)
{
    bool good = true;
    for (int i = 0; i < times; i++) {
        good = injection_load(target->process, target->pid, agent_path, 10000) == INJECTION_DONE &&
               good;
    }
    check(good, "the DLL is loaded once more");
}

/* Has the agent end by itself, as a manager that does not look further would. */
static void stop_only(const struct target *target)
{
    const wchar_t *name = AGENT_DLL_NAME;
    struct process_module module;
    struct remote_agent agent;
    DWORD code = 0;
    check(process_find_modules(target->pid, &name, &module, 1) && module.base &&
              !remote_agent_attach(target->process, module.base, module.size, &agent) &&
              remote_agent_run(&agent, agent.stop, 10000, &code) && code == AGENT_STOP_DONE,
          "the agent is stopped");
    check(protection_has_agent(target->pid), "and the DLL is still there");
}

static void test_loaded_twice(void)
{
    struct target target = start_target("", "rpc");
    struct protection_result result;
    protection_add(agent_path, target.pid, &result);
    load_again(&target, 1);
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REMOVED, NULL, "unprotected although it was loaded twice");
    check(!protection_has_agent(target.pid), "and gone");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_ADDED, NULL, "can be protected again");
    load_again(&target, 5);
    stop_only(&target);
    protection_inspect(agent_path, target.pid, &result);
    check(result.outcome == PROTECTION_PRESENT && result.status.state == AGENT_IDLE,
          "what others hold is seen as idle");
    protection_remove(L"C:\\elsewhere\\rpcFirewall.dll", target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "not ours: ", "a DLL from elsewhere is not freed");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_ADDED, NULL, "what was left is freed and a new agent comes");
    check(result.status.state == AGENT_PROTECTED && result.status.reason == AGENT_REASON_NONE,
          "which is really new");
    load_again(&target, 20);
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "has not left", "not more than 16 are freed at once");
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REMOVED, NULL, "but then the rest");
    check(WaitForSingleObject(target.process, 100) == WAIT_TIMEOUT, "the target lives");
    end_target(&target);
}

/* An agent that leaves by itself and was loaded twice; and one whose thread still runs. */
static void test_left_behind(void)
{
    struct target target = start_target("local", "rpc");
    struct protection_result result;
    protection_add(agent_path, target.pid, &result);
    load_again(&target, 1);
    check(!protection_confirm_left(target.pid, &result, 1500), "stays for its second reference");
    check(protection_see_off(agent_path, target.pid, &result, 100), "until that is given back");
    check(WaitForSingleObject(target.process, 100) == WAIT_TIMEOUT, "the target lives");
    end_target(&target);
    target = start_target("clings", "rpc");
    protection_add(agent_path, target.pid, &result);
    check(!protection_see_off(agent_path, target.pid, &result, 100),
          "nothing is freed under a thread of the agent");
    check(WaitForSingleObject(target.process, 5000) == WAIT_TIMEOUT, "so the target lives");
    check(!protection_has_agent(target.pid), "and the agent left by itself");
    end_target(&target);
}

static void test_hanging_agent(void)
{
    struct target target = start_target("hangs", "rpc");
    struct protection_result result;
    protection_add(agent_path, target.pid, &result);
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "no call is in flight",
                 "an agent that stays without calls in flight");
    check(protection_has_agent(target.pid), "is left alone");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "on its way out", "and not protected over it");
    end_target(&target);
}

typedef NTSTATUS(WINAPI *query_process)(HANDLE process, PROCESSINFOCLASS what, void *out,
                                        ULONG size, ULONG *needed);

/* Where a process keeps the list of its modules. */
static char *loader_pointer(HANDLE process)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_process query =
        (query_process)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationProcess");
    PROCESS_BASIC_INFORMATION basic = {0};
    query(process, ProcessBasicInformation, &basic, sizeof(basic), NULL);
    return (char *)basic.PebBaseAddress + offsetof(PEB, Ldr);
}

static void test_modules_that_cannot_be_listed(void)
{
    struct target target = start_target("", "rpc");
    struct protection_result result;
    char *at = loader_pointer(target.process);
    void *list = NULL;
    void *nowhere = (void *)16;
    SIZE_T done;
    protection_add(agent_path, target.pid, &result);
    check(ReadProcessMemory(target.process, at, &list, sizeof(list), &done) && list &&
              WriteProcessMemory(target.process, at, &nowhere, sizeof(nowhere), &done),
          "a process hides its modules");
    protection_inspect(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "cannot be listed", "that is not \"not protected\"");
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "cannot be listed", "nor \"unprotected\"");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "cannot be listed", "nor can it be protected");
    check(protection_has_agent(target.pid), "it may hold an agent");
    nowhere = NULL;
    WriteProcessMemory(target.process, at, &nowhere, sizeof(nowhere), &done);
    protection_inspect(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_ABSENT, NULL, "a process whose loader has not begun has none");
    WriteProcessMemory(target.process, at, &list, sizeof(list), &done);
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REMOVED, NULL, "once they can be seen, it can be unprotected");
    end_target(&target);
}

static void test_draining_agent(void)
{
    struct target target = start_target("drains", "rpc");
    struct protection_result result;
    protection_add(agent_path, target.pid, &result);
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_DRAINING, NULL, "an agent with calls in flight");
    check(result.status.in_flight == 2, "says how many");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "2 calls", "cannot be protected meanwhile");
    protection_remove(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_DRAINING, NULL, "is not stopped twice");
    check(protection_confirm_left(target.pid, &result, 3000), "leaves at last");
    end_target(&target);
}

static void test_processes_to_refuse(void)
{
    struct protection_result result;
    struct target target = start_target("", "");
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_NOT_SERVER, "rpcrt4.dll", "a process without RPC");
    check(!protection_has_agent(target.pid), "is not entered");
    /* A handle keeps the PID of an ended process from being used again. */
    DWORD pid = target.pid;
    TerminateProcess(target.process, 0);
    WaitForSingleObject(target.process, 10000);
    protection_add(agent_path, pid, &result);
    check_result(&result, PROTECTION_REFUSED, "it has ended", "a process that has ended");
    CloseHandle(target.process);
    protection_remove(agent_path, pid, &result);
    check_result(&result, PROTECTION_ABSENT, NULL, "and to unprotect it");
    protection_add(agent_path, 0, &result);
    check_result(&result, PROTECTION_REFUSED, "system", "PID 0");
    protection_add(agent_path, 4, &result);
    check_result(&result, PROTECTION_REFUSED, "system", "PID 4");
    protection_add(agent_path, GetCurrentProcessId(), &result);
    check_result(&result, PROTECTION_REFUSED, "manager", "the manager itself");
    target = start_target("", "rpc");
    protection_add(L"C:\\absent\\rpcFirewall.dll", target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "would not load", "a DLL that does not exist");
    end_target(&target);
}

/* What NtQuerySystemInformation(64) gives. Wine's GetProcessHandleCount() always says 0. */
struct handle_entry {
    void *object;
    ULONG_PTR pid;
    ULONG_PTR handle;
    ULONG access;
    USHORT trace;
    USHORT type;
    ULONG attributes;
    ULONG reserved;
};

struct handle_table {
    ULONG_PTR count;
    ULONG_PTR reserved;
    struct handle_entry entries[];
};

typedef LONG(WINAPI *query_system)(ULONG what, void *out, ULONG size, ULONG *needed);

/* 0: cannot be told. */
static size_t count_handles(DWORD pid)
{
    const ULONG size = 4u << 20;
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_system query =
        (query_system)(void (*)(void))GetProcAddress(ntdll, "NtQuerySystemInformation");
    struct handle_table *table = malloc(size);
    size_t count = 0;
    ULONG needed;
    if (table && query && query(64, table, size, &needed) == 0) {
        for (ULONG_PTR i = 0; i < table->count; i++) {
            count += table->entries[i].pid == pid;
        }
    }
    free(table);
    return count;
}

static void test_rounds(void)
{
    struct target target = start_target("", "rpc");
    struct protection_result result;
    size_t ours_before = 0;
    size_t ours_after = 0;
    size_t theirs_before = 0;
    size_t theirs_after = 0;
    int bad = 0;
    for (int i = 0; i <= ROUNDS; i++) {
        protection_add(agent_path, target.pid, &result);
        bad += result.outcome != PROTECTION_ADDED;
        protection_remove(agent_path, target.pid, &result);
        bad += result.outcome != PROTECTION_REMOVED;
        if (i == 0) {
            ours_before = count_handles(GetCurrentProcessId());
            theirs_before = count_handles(target.pid);
        }
    }
    ours_after = count_handles(GetCurrentProcessId());
    theirs_after = count_handles(target.pid);
    printf("handles: manager %u, then %u; target %u, then %u\n", (unsigned)ours_before,
           (unsigned)ours_after, (unsigned)theirs_before, (unsigned)theirs_after);
    check(ours_before && theirs_before, "handles can be counted");
    check(bad == 0, "200 rounds succeed");
    check(ours_after <= ours_before, "and leave no handle in the manager");
    check(theirs_after <= theirs_before, "nor in the target");
    end_target(&target);
}

static bool publish_policy(struct policy_publisher *publisher, uint64_t *generation)
{
    size_t size;
    void *image = test_image("", &size);
    bool good = policy_publisher_open(publisher) == POLICY_SECTION_OK &&
                policy_publish(publisher, image, size, generation) == POLICY_SECTION_OK;
    free(image);
    return good;
}

int main(void)
{
    char path[MAX_PATH];
    beside_test("fake-agent\\rpcFirewall.dll", path);
    MultiByteToWideChar(CP_ACP, 0, path, -1, agent_path, MAX_PATH);

    struct target target = start_target("", "rpc");
    struct protection_result result;
    protection_add(agent_path, target.pid, &result);
    check_result(&result, PROTECTION_REFUSED, "no policy in force", "no policy in force");
    end_target(&target);

    struct policy_publisher publisher;
    uint64_t generation = 0;
    check(publish_policy(&publisher, &generation), "a policy is in force");
    test_good_agent(generation);
    test_add();
    test_unwilling_agent();
    test_refresh_refusals();
    test_draining_agent();
    test_hanging_agent();
    test_loaded_twice();
    test_left_behind();
    test_modules_that_cannot_be_listed();
    test_processes_to_refuse();
    test_rounds();
    policy_publisher_close(&publisher);
    printf("%d failed\n", failures);
    return failures != 0;
}
