/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/protection.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/agent_departure.h"
#include "windows/manager/injection.h"
#include "windows/manager/process_list.h"
#include "windows/manager/remote_agent.h"
#include "windows/manager/wide_text.h"
#include "windows/manager/win32_error.h"

/* Milliseconds. */
#define LOAD_TIMEOUT    10000 /* for LoadLibraryW: another thread may hold the loader lock */
#define START_TIMEOUT   5000  /* for the agent to say whether it protects */
#define ROUTINE_TIMEOUT 10000 /* for the agent's stop and refresh routines */
#define LEAVE_TIMEOUT   1000  /* what agent_status.h promises for AGENT_LEAVING */
#define DRAIN_TIMEOUT   4000  /* for an agent without calls to leave: its writer may take 2 s */
#define POLL_INTERVAL   5

#define SYSTEM_PID      4

enum { MODULE_AGENT, MODULE_RPC_RUNTIME, MODULE_COUNT };

static const wchar_t *const module_names[MODULE_COUNT] = {
    [MODULE_AGENT] = AGENT_DLL_NAME,
    [MODULE_RPC_RUNTIME] = L"rpcrt4.dll",
};

static void __attribute__((format(printf, 3, 4)))
conclude(struct protection_result *result, enum protection_outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    result->outcome = outcome;
    vsnprintf(result->reason, sizeof(result->reason), format, arguments);
    va_end(arguments);
}

static void refuse_with_error(struct protection_result *result, const char *what, DWORD error)
{
    char text[WIN32_ERROR_TEXT_SIZE];
    conclude(result, PROTECTION_REFUSED, "%s: %s", what, win32_error_text(error, text));
}

/* The same for something that failed in an open process, which may have ended under our hands. */
static void refuse_in_process(struct protection_result *result, HANDLE process, const char *what,
                              DWORD error)
{
    DWORD code = STILL_ACTIVE;
    if (GetExitCodeProcess(process, &code) && code != STILL_ACTIVE) {
        conclude(result, PROTECTION_REFUSED, "it has ended");
    } else {
        refuse_with_error(result, what, error);
    }
}

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

static void conclude_remote_error(struct protection_result *result, enum remote_agent_error error)
{
    switch (error) {
    case REMOTE_AGENT_GONE:
        conclude(result, PROTECTION_REFUSED, "the agent left without saying why");
        break;
    case REMOTE_AGENT_VERSION:
        conclude(result, PROTECTION_REFUSED,
                 "an agent of another release is loaded; restart the process to be rid of it");
        break;
    default:
        conclude(result, PROTECTION_REFUSED, "a foreign %ls is loaded", AGENT_DLL_NAME);
        break;
    }
}

/* What the agent's reason for leaving means for who asked. */
static void conclude_leaving(struct protection_result *result)
{
    const struct agent_status *status = &result->status;
    char error[WIN32_ERROR_TEXT_SIZE];
    switch (status->reason) {
    case AGENT_REASON_NO_RPC:
        conclude(result, PROTECTION_NOT_SERVER, "it has no RPC endpoint");
        break;
    case AGENT_REASON_LOCAL_ONLY:
        conclude(result, PROTECTION_NOT_SERVER, "it takes local calls only (ncalrpc)");
        break;
    case AGENT_REASON_NO_POLICY:
        conclude(result, PROTECTION_REFUSED, "the agent found no policy in force");
        break;
    case AGENT_REASON_POLICY_DENIED:
        conclude(result, PROTECTION_REFUSED, "its account may not open the policy in force");
        break;
    case AGENT_REASON_BAD_POLICY:
        conclude(result, PROTECTION_REFUSED, "the policy in force is not valid");
        break;
    case AGENT_REASON_UNTRUSTED_POLICY:
        conclude(result, PROTECTION_REFUSED, "the policy section was made by something else");
        break;
    case AGENT_REASON_HOOK:
        conclude(result, PROTECTION_REFUSED, "the RPC runtime cannot be hooked: %s",
                 status->detail);
        break;
    case AGENT_REASON_RESOURCES:
        conclude(result, PROTECTION_REFUSED, "the agent could not start: %s%s%s", status->detail,
                 status->detail[0] ? ": " : "", win32_error_text(status->win32_error, error));
        break;
    case AGENT_REASON_STOPPED:
        conclude(result, PROTECTION_REFUSED, "the agent is being unloaded");
        break;
    default:
        conclude(result, PROTECTION_REFUSED,
                 "the agent left for a reason unknown here (%" PRIu32 ")", status->reason);
        break;
    }
}

static void conclude_draining(struct protection_result *result)
{
    if (result->status.in_flight) {
        conclude(result, PROTECTION_REFUSED,
                 "its former agent still waits for %" PRIu32 " calls in flight to end",
                 result->status.in_flight);
    } else {
        conclude(result, PROTECTION_REFUSED, "its former agent is still on its way out");
    }
}

/* Reads the status until the agent has made up its mind; concludes unless it protects. */
static bool wait_until_protected(const struct remote_agent *agent, struct protection_result *result)
{
    ULONGLONG end = GetTickCount64() + START_TIMEOUT;
    for (;;) {
        enum remote_agent_error error = remote_agent_read(agent, &result->status);
        if (error) {
            conclude_remote_error(result, error);
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
            conclude(result, PROTECTION_REFUSED, "the agent has not started after %d s",
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
        char path[UTF8_PATH_SIZE];
        utf8_from_wide(module->path, path, sizeof(path));
        conclude(result, PROTECTION_REFUSED, "a foreign DLL of our name is loaded: %.300s", path);
        return;
    }
    struct remote_agent agent;
    enum remote_agent_error error =
        remote_agent_attach(process, module->base, module->size, &agent);
    if (error) {
        conclude_remote_error(result, error);
        return;
    }
    if (!wait_until_protected(&agent, result)) {
        return;
    }
    if (strcmp(result->status.release, RPCFW_VERSION) != 0) {
        conclude(result, PROTECTION_REFUSED,
                 "the agent of release %s protects it; unprotect it first", result->status.release);
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
        refuse_in_process(result, process, "its modules cannot be listed", GetLastError());
    } else if (!module.base) {
        conclude_remote_error(result, REMOTE_AGENT_GONE);
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
        conclude(result, PROTECTION_REFUSED,
                 "it would not load the agent (its code-integrity rules may forbid it)");
        break;
    case INJECTION_TIMED_OUT:
        conclude(result, PROTECTION_REFUSED,
                 "loading the agent has not ended after %d s; it may still happen",
                 LOAD_TIMEOUT / 1000);
        break;
    default:
        refuse_in_process(result, process, "the agent cannot be brought in", GetLastError());
        break;
    }
}

void protection_refuse(struct protection_result *result, enum admission admission)
{
    result->admission = admission;
    conclude(result, PROTECTION_REFUSED, "%s", admission_reason(admission));
}

/* Concludes for processes that no agent can enter. */
static bool can_enter(HANDLE process, struct protection_result *result)
{
    enum admission admission = admission_check(admission_system(), process);
    if (admission != ADMISSION_GRANTED) {
        protection_refuse(result, admission);
    }
    return admission == ADMISSION_GRANTED;
}

/* The same before the process is opened for more: a protected process refuses that with no more
 * than "access denied". */
static bool may_open(DWORD pid, struct protection_result *result)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (!process) {
        return true; /* the other attempt says why */
    }
    bool may = can_enter(process, result);
    CloseHandle(process);
    return may;
}

static void refuse_open(struct protection_result *result, DWORD error)
{
    if (error == ERROR_INVALID_PARAMETER) {
        conclude(result, PROTECTION_REFUSED, "there is no such process");
    } else if (error == ERROR_ACCESS_DENIED) {
        conclude(result, PROTECTION_REFUSED,
                 "access denied: a protected process, or missing rights");
    } else {
        refuse_with_error(result, "it cannot be opened", error);
    }
}

static void add_to_open_process(HANDLE process, DWORD pid, const wchar_t *dll_path, bool wait,
                                struct protection_result *result)
{
    struct process_module modules[MODULE_COUNT];
    if (!can_enter(process, result)) {
        return;
    }
    if (!process_find_modules(pid, module_names, modules, MODULE_COUNT)) {
        refuse_in_process(result, process, "its modules cannot be listed", GetLastError());
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
        conclude(result, PROTECTION_NOT_SERVER, "it has not loaded the RPC runtime (rpcrt4.dll)");
        return;
    }
    inject(process, pid, dll_path, result);
}

static void add(const wchar_t *dll_path, DWORD pid, bool wait, struct protection_result *result)
{
    *result = (struct protection_result){0};
    if (pid == 0 || pid == SYSTEM_PID) {
        conclude(result, PROTECTION_REFUSED, "it is the system itself");
        return;
    }
    if (pid == GetCurrentProcessId()) {
        conclude(result, PROTECTION_REFUSED, "it is this manager");
        return;
    }
    if (!may_open(pid, result)) {
        return;
    }
    HANDLE process = OpenProcess(INJECTION_ACCESS, FALSE, pid);
    if (!process) {
        refuse_open(result, GetLastError());
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

/* Finds the agent's DLL; ABSENT or REFUSED is concluded when there is none, or none can be seen. */
static bool find_agent(DWORD pid, struct process_module *module, struct protection_result *result)
{
    *result = (struct protection_result){.outcome = PROTECTION_ABSENT};
    if (process_find_modules(pid, module_names, module, 1)) {
        result->base = module->base;
        result->image_size = module->size;
        return module->base != 0;
    }
    DWORD error = GetLastError();
    if (!process_without_modules(pid)) {
        refuse_with_error(result, "its modules cannot be listed", error);
    }
    return false;
}

/*
 * Opens a process with an agent in it and reads the status. ABSENT or REFUSED is concluded when
 * there is none to talk to; otherwise *process is to be closed.
 */
static bool open_agent(DWORD pid, DWORD access, HANDLE *process, struct remote_agent *agent,
                       struct protection_result *result)
{
    struct process_module module;
    if (!find_agent(pid, &module, result)) {
        return false;
    }
    *process = OpenProcess(access, FALSE, pid);
    if (!*process) {
        refuse_open(result, GetLastError());
        return false;
    }
    enum remote_agent_error error = remote_agent_attach(*process, module.base, module.size, agent);
    if (!error) {
        error = remote_agent_read(agent, &result->status);
    }
    if (!error) {
        return true;
    }
    if (error == REMOTE_AGENT_GONE && protection_confirm_left(pid, result, LEAVE_TIMEOUT)) {
        result->outcome = PROTECTION_ABSENT;
    } else {
        conclude_remote_error(result, error);
    }
    CloseHandle(*process);
    return false;
}

void protection_inspect_server(DWORD pid, struct protection_result *result,
                               struct agent_server *server, bool *known)
{
    HANDLE process;
    struct remote_agent agent;
    *known = false;
    if (open_agent(pid, REMOTE_AGENT_READ_ACCESS, &process, &agent, result)) {
        result->outcome = PROTECTION_PRESENT;
        *known = server && remote_agent_read_server(&agent, server);
        CloseHandle(process);
    }
}

void protection_inspect(DWORD pid, struct protection_result *result)
{
    bool known;
    protection_inspect_server(pid, result, NULL, &known);
}

/* Runs a routine of an agent that protects, and so stays while a thread is started in it. */
static bool run_routine(const struct remote_agent *agent, uintptr_t routine, DWORD *exit_code,
                        struct protection_result *result)
{
    if (remote_agent_run(agent, routine, ROUTINE_TIMEOUT, exit_code)) {
        return true;
    }
    DWORD error = GetLastError();
    if (error == WAIT_TIMEOUT) {
        conclude(result, PROTECTION_REFUSED, "the agent has not answered after %d s",
                 ROUTINE_TIMEOUT / 1000);
    } else {
        refuse_in_process(result, agent->process, "the agent cannot be reached", error);
    }
    return false;
}

static void conclude_left(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    if (protection_see_off(dll_path, pid, result, LEAVE_TIMEOUT)) {
        result->outcome = PROTECTION_REMOVED;
    } else {
        conclude(result, PROTECTION_REFUSED,
                 "it is not protected any more, but the DLL has not left after %d s",
                 LEAVE_TIMEOUT / 1000);
    }
}

/*
 * An agent that is unhooked and waits for calls in flight may take as long as they do. Without such
 * calls it leaves at once, unless a thread of the process hangs in it or a sink does not answer.
 */
static void follow_draining(const struct remote_agent *agent, const wchar_t *dll_path, DWORD pid,
                            struct protection_result *result)
{
    ULONGLONG end = GetTickCount64() + DRAIN_TIMEOUT;
    do {
        if (remote_agent_read(agent, &result->status) || result->status.state != AGENT_DRAINING) {
            conclude_left(dll_path, pid, result);
            return;
        }
        if (result->status.in_flight) {
            result->outcome = PROTECTION_DRAINING;
            return;
        }
        Sleep(POLL_INTERVAL);
    } while (GetTickCount64() < end);
    conclude(result, PROTECTION_REFUSED,
             "unhooked and no call is in flight, but the agent has not left after %d s: a thread "
             "hangs in it, or where it writes its events does not answer",
             DRAIN_TIMEOUT / 1000);
}

static void stop_agent(const struct remote_agent *agent, const wchar_t *dll_path, DWORD pid,
                       struct protection_result *result)
{
    DWORD code;
    if (!run_routine(agent, agent->stop, &code, result)) {
        return;
    }
    switch (code) {
    case AGENT_STOP_DONE:
    case AGENT_STOP_NOT_PROTECTED:
        conclude_left(dll_path, pid, result);
        break;
    case AGENT_STOP_DRAINING:
        follow_draining(agent, dll_path, pid, result);
        break;
    case AGENT_STOP_UNHOOK_FAILED:
        conclude(result, PROTECTION_REFUSED,
                 "the RPC runtime could not be unhooked; still protected");
        break;
    default:
        conclude(result, PROTECTION_REFUSED, "the process ended or the agent failed (0x%08lx)",
                 code);
        break;
    }
}

/* An agent that is just starting is given the time to make up its mind. */
static void settle(const struct remote_agent *agent, struct protection_result *result)
{
    ULONGLONG end = GetTickCount64() + START_TIMEOUT;
    while (result->status.state == AGENT_STARTING && GetTickCount64() < end) {
        Sleep(POLL_INTERVAL);
        if (remote_agent_read(agent, &result->status)) {
            result->status.state = AGENT_LEAVING;
        }
    }
}

void protection_remove(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    HANDLE process;
    struct remote_agent agent;
    if (!open_agent(pid, INJECTION_ACCESS, &process, &agent, result)) {
        return;
    }
    settle(&agent, result);
    switch (result->status.state) {
    case AGENT_PROTECTED:
        stop_agent(&agent, dll_path, pid, result);
        break;
    case AGENT_LEAVING:
    case AGENT_IDLE:
        conclude_left(dll_path, pid, result);
        break;
    case AGENT_DRAINING:
        follow_draining(&agent, dll_path, pid, result);
        break;
    default:
        conclude(result, PROTECTION_REFUSED, "the agent is still starting");
        break;
    }
    CloseHandle(process);
}

static void refresh_agent(const struct remote_agent *agent, struct protection_result *result)
{
    DWORD code;
    if (!run_routine(agent, agent->refresh, &code, result)) {
        return;
    }
    const char *failure = remote_agent_refresh_failure(code);
    if (code == AGENT_REFRESH_DONE) {
        remote_agent_read(agent, &result->status);
        result->outcome = PROTECTION_REFRESHED;
    } else if (code == AGENT_REFRESH_NOT_PROTECTED) {
        result->outcome = PROTECTION_ABSENT;
    } else if (failure) {
        conclude(result, PROTECTION_REFUSED, "the former policy stays in force there: %s", failure);
    } else {
        conclude(result, PROTECTION_REFUSED, "the process ended or the agent failed (0x%08lx)",
                 code);
    }
}

void protection_refresh(DWORD pid, struct protection_result *result)
{
    HANDLE process;
    struct remote_agent agent;
    if (!open_agent(pid, INJECTION_ACCESS, &process, &agent, result)) {
        return;
    }
    settle(&agent, result);
    if (result->status.state == AGENT_PROTECTED) {
        refresh_agent(&agent, result);
    } else {
        result->outcome = PROTECTION_ABSENT;
    }
    CloseHandle(process);
}
