/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/protection.h"

#include <inttypes.h>
#include <string.h>

#include "windows/manager/agent_departure.h"
#include "windows/manager/injection.h"
#include "windows/manager/process_list.h"
#include "windows/manager/remote_agent.h"
#include "windows/manager/wide_text.h"
#include "windows/manager/win32_error.h"

/* Milliseconds. */
#define LOAD_TIMEOUT  10000 /* for LoadLibraryW: another thread may hold the loader lock */
#define START_TIMEOUT 5000  /* for the agent to say whether it protects */
#define LEAVE_TIMEOUT 1000  /* what agent_status.h promises for AGENT_LEAVING */
#define POLL_INTERVAL 5

#define SYSTEM_PID    4

enum { MODULE_AGENT, MODULE_RPC_RUNTIME, MODULE_COUNT };

static const wchar_t *const module_names[MODULE_COUNT] = {
    [MODULE_AGENT] = AGENT_DLL_NAME,
    [MODULE_RPC_RUNTIME] = L"rpcrt4.dll",
};

bool protection_has_agent(DWORD pid)
{
    struct process_module module;
    if (process_find_modules(pid, module_names, &module, 1)) {
        return module.base != 0;
    }
    return !process_without_modules(pid);
}

bool protection_confirm_left(DWORD pid, const struct protection_result *result, DWORD timeout_ms)
{
    if (result->base && agent_departure_wait(pid, result->base, timeout_ms)) {
        return true;
    }
    /* Another DLL may have come to the same place. */
    return !protection_has_agent(pid);
}

/* Frees what is still loaded of an agent that ended, if it is from our path; false: it stays. */
static bool free_ended_agent(const wchar_t *dll_path, DWORD pid)
{
    struct process_module module;
    if (!process_find_modules(pid, module_names, &module, 1)) {
        return process_without_modules(pid);
    }
    if (!module.base) {
        return true;
    }
    HANDLE process =
        wide_same_name(module.path, dll_path) ? OpenProcess(INJECTION_ACCESS, FALSE, pid) : NULL;
    if (!process) {
        return false;
    }
    bool gone = agent_departure_free(process, pid, &module);
    CloseHandle(process);
    return gone;
}

bool protection_see_off(const wchar_t *dll_path, DWORD pid, const struct protection_result *result,
                        DWORD timeout_ms)
{
    return protection_confirm_left(pid, result, timeout_ms) || free_ended_agent(dll_path, pid);
}

bool protection_may_be_leaving(const struct protection_result *result)
{
    return (result->outcome == PROTECTION_NOT_SERVER || result->outcome == PROTECTION_REFUSED) &&
           (result->status.state == AGENT_LEAVING || result->status.state == AGENT_IDLE);
}

/* What the agent's reason for leaving means for who asked. */
static void conclude_leaving(struct protection_result *result)
{
    const struct agent_status *status = &result->status;
    char error[WIN32_ERROR_TEXT_SIZE];
    switch (status->reason) {
    case AGENT_REASON_NO_RPC:
        protection_conclude(result, PROTECTION_NOT_SERVER, "it has no RPC endpoint");
        break;
    case AGENT_REASON_LOCAL_ONLY:
        protection_conclude(result, PROTECTION_NOT_SERVER, "it takes local calls only (ncalrpc)");
        break;
    case AGENT_REASON_NO_POLICY:
        protection_conclude(result, PROTECTION_REFUSED, "the agent found no policy in force");
        break;
    case AGENT_REASON_POLICY_DENIED:
        protection_conclude(result, PROTECTION_REFUSED,
                            "its account may not open the policy in force");
        break;
    case AGENT_REASON_BAD_POLICY:
        protection_conclude(result, PROTECTION_REFUSED, "the policy in force is not valid");
        break;
    case AGENT_REASON_UNTRUSTED_POLICY:
        protection_conclude(result, PROTECTION_REFUSED,
                            "the policy section was made by something else");
        break;
    case AGENT_REASON_HOOK:
        protection_conclude(result, PROTECTION_REFUSED, "the RPC runtime cannot be hooked: %s",
                            status->detail);
        break;
    case AGENT_REASON_RESOURCES:
        protection_conclude(result, PROTECTION_REFUSED, "the agent could not start: %s%s%s",
                            status->detail, status->detail[0] ? ": " : "",
                            win32_error_text(status->win32_error, error));
        break;
    case AGENT_REASON_STOPPED:
        protection_conclude(result, PROTECTION_REFUSED, "the agent is being unloaded");
        break;
    default:
        protection_conclude(result, PROTECTION_REFUSED,
                            "the agent left for a reason unknown here (%" PRIu32 ")",
                            status->reason);
        break;
    }
}

static void conclude_draining(struct protection_result *result)
{
    if (result->status.in_flight) {
        protection_conclude(result, PROTECTION_REFUSED,
                            "its former agent still waits for %" PRIu32 " calls in flight to end",
                            result->status.in_flight);
    } else {
        protection_conclude(result, PROTECTION_REFUSED, "its former agent is still on its way out");
    }
}

/* Reads the status until the agent has made up its mind; concludes unless it protects. */
static bool wait_until_protected(const struct remote_agent *agent, struct protection_result *result)
{
    ULONGLONG end = GetTickCount64() + START_TIMEOUT;
    for (;;) {
        enum remote_agent_error error = remote_agent_read(agent, &result->status);
        if (error) {
            protection_refuse_agent(result, error);
            return false;
        }
        switch (result->status.state) {
        case AGENT_PROTECTED:
            return true;
        case AGENT_LEAVING:
        case AGENT_IDLE:
            conclude_leaving(result);
            return false;
        case AGENT_DRAINING:
            conclude_draining(result);
            return false;
        default:
            break;
        }
        if (GetTickCount64() >= end) {
            protection_conclude(result, PROTECTION_REFUSED, "the agent has not started after %d s",
                                START_TIMEOUT / 1000);
            return false;
        }
        Sleep(POLL_INTERVAL);
    }
}

/* An agent is loaded: from our path, of our release, and it protects or says why not. */
static void judge_agent(HANDLE process, const wchar_t *dll_path,
                        const struct process_module *module, enum protection_outcome when_protected,
                        struct protection_result *result)
{
    result->base = module->base;
    result->image_size = module->size;
    if (!wide_same_name(module->path, dll_path)) {
        protection_refuse_foreign(result, module->path);
        return;
    }
    struct remote_agent agent;
    enum remote_agent_error error =
        remote_agent_attach(process, module->base, module->size, &agent);
    if (error) {
        protection_refuse_agent(result, error);
        return;
    }
    if (!wait_until_protected(&agent, result)) {
        return;
    }
    if (strcmp(result->status.release, RPCFW_VERSION) != 0) {
        protection_conclude(result, PROTECTION_REFUSED,
                            "the agent of release %s protects it; unprotect it first",
                            result->status.release);
        return;
    }
    result->outcome = when_protected;
}

/* Looks again after the load, because only now the base is known. */
static void judge_loaded(HANDLE process, DWORD pid, const wchar_t *dll_path,
                         struct protection_result *result)
{
    struct process_module module;
    if (!process_find_modules(pid, module_names, &module, 1)) {
        protection_refuse_in_process(result, process, "its modules cannot be listed",
                                     GetLastError());
    } else if (!module.base) {
        protection_refuse_agent(result, REMOTE_AGENT_GONE);
    } else {
        judge_agent(process, dll_path, &module, PROTECTION_ADDED, result);
    }
}

static void inject(HANDLE process, DWORD pid, const wchar_t *dll_path,
                   struct protection_result *result)
{
    switch (injection_load(process, pid, dll_path, LOAD_TIMEOUT)) {
    case INJECTION_DONE:
        judge_loaded(process, pid, dll_path, result);
        break;
    case INJECTION_NOT_LOADED:
        protection_conclude(result, PROTECTION_REFUSED,
                            "it would not load the agent (its code-integrity rules may forbid it)");
        break;
    case INJECTION_TIMED_OUT:
        protection_conclude(result, PROTECTION_REFUSED,
                            "loading the agent has not ended after %d s; it may still happen",
                            LOAD_TIMEOUT / 1000);
        break;
    default:
        protection_refuse_in_process(result, process, "the agent cannot be brought in",
                                     GetLastError());
        break;
    }
}

void protection_refuse(struct protection_result *result, enum admission admission)
{
    result->admission = admission;
    result->unasked = true;
    protection_conclude(result, PROTECTION_REFUSED, "%s", admission_reason(admission));
}

/* Whether a process of our architecture has no RPC runtime loaded; false also when that cannot be
 * told. Of a 32-bit one the list tells nothing. */
static bool lacks_rpc_runtime(HANDLE process, DWORD pid)
{
    struct process_module module;
    return admission_same_architecture(admission_system(), process) &&
           process_find_modules(pid, &module_names[MODULE_RPC_RUNTIME], &module, 1) && !module.base;
}

static void conclude_no_runtime(struct protection_result *result)
{
    protection_conclude(result, PROTECTION_NOT_SERVER,
                        "it has not loaded the RPC runtime (rpcrt4.dll)");
}

/* Concludes for processes that no agent can enter; what serves nothing needs none. */
static bool can_enter(HANDLE process, DWORD pid, struct protection_result *result)
{
    enum admission admission = admission_check(admission_system(), process);
    if (admission == ADMISSION_GRANTED) {
        return true;
    }
    if (admission != ADMISSION_ENDING && lacks_rpc_runtime(process, pid)) {
        conclude_no_runtime(result);
    } else {
        protection_refuse(result, admission);
    }
    return false;
}

/* The same before the process is opened for more: a protected process refuses that with no more
 * than "access denied". */
static bool may_open(DWORD pid, struct protection_result *result)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (!process) {
        return true; /* the other attempt says why */
    }
    bool may = can_enter(process, pid, result);
    CloseHandle(process);
    return may;
}

static void add_to_open_process(HANDLE process, DWORD pid, const wchar_t *dll_path, bool wait,
                                struct protection_result *result)
{
    struct process_module modules[MODULE_COUNT];
    if (!can_enter(process, pid, result)) {
        return;
    }
    if (!process_find_modules(pid, module_names, modules, MODULE_COUNT)) {
        protection_refuse_in_process(result, process, "its modules cannot be listed",
                                     GetLastError());
        result->unasked = true;
        return;
    }
    if (modules[MODULE_AGENT].base) {
        judge_agent(process, dll_path, &modules[MODULE_AGENT], PROTECTION_PRESENT, result);
        result->former = protection_may_be_leaving(result);
        bool patient = wait || result->status.state != AGENT_LEAVING;
        if (!result->former || !patient ||
            !protection_see_off(dll_path, pid, result, LEAVE_TIMEOUT)) {
            return;
        }
        /* It was on its way out, for a reason that may no longer hold. */
        *result = (struct protection_result){0};
    }
    if (!modules[MODULE_RPC_RUNTIME].base) {
        conclude_no_runtime(result);
        return;
    }
    inject(process, pid, dll_path, result);
}

static void add(const wchar_t *dll_path, DWORD pid, bool wait, struct protection_result *result)
{
    *result = (struct protection_result){0};
    if (pid == 0 || pid == SYSTEM_PID) {
        protection_conclude(result, PROTECTION_REFUSED, "it is the system itself");
        return;
    }
    if (pid == GetCurrentProcessId()) {
        protection_conclude(result, PROTECTION_REFUSED, "it is this manager");
        return;
    }
    if (!may_open(pid, result)) {
        return;
    }
    HANDLE process = OpenProcess(INJECTION_ACCESS, FALSE, pid);
    if (!process) {
        protection_refuse_open(result, GetLastError());
        result->unasked = true;
        return;
    }
    add_to_open_process(process, pid, dll_path, wait, result);
    CloseHandle(process);
}

void protection_add(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    add(dll_path, pid, true, result);
}

void protection_try(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    add(dll_path, pid, false, result);
}
