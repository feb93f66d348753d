/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/protection_present.h"

#include "windows/manager/injection.h"
#include "windows/manager/process_list.h"
#include "windows/manager/remote_agent.h"
#include "windows/manager/wide_text.h"

/* Milliseconds. */
#define START_TIMEOUT   5000  /* for the agent to say whether it protects */
#define ROUTINE_TIMEOUT 10000 /* for the agent's stop and refresh routines */
#define LEAVE_TIMEOUT   1000  /* what agent_status.h promises for AGENT_LEAVING */
#define DRAIN_TIMEOUT   4000  /* for an agent without calls to leave: its writer may take 2 s */
#define POLL_INTERVAL   5

static const wchar_t *const agent_name[] = {AGENT_DLL_NAME};

/* Finds the agent's DLL; ABSENT or REFUSED is concluded when there is none, none can be seen, or it
 * is not the installed one. */
static bool find_agent(const wchar_t *dll_path, DWORD pid, struct process_module *module,
                       struct protection_result *result)
{
    *result = (struct protection_result){.outcome = PROTECTION_ABSENT};
    if (process_find_modules(pid, agent_name, module, 1)) {
        result->base = module->base;
        result->image_size = module->size;
        if (module->base && !wide_same_name(module->path, dll_path)) {
            protection_refuse_foreign(result, module->path);
            return false;
        }
        return module->base != 0;
    }
    DWORD error = GetLastError();
    if (!process_without_modules(pid)) {
        protection_refuse_error(result, "its modules cannot be listed", error);
    }
    return false;
}

/*
 * Opens a process with an agent in it and reads the status. ABSENT or REFUSED is concluded when
 * there is none to talk to; otherwise *process is to be closed.
 */
static bool open_agent(const wchar_t *dll_path, DWORD pid, DWORD access, HANDLE *process,
                       struct remote_agent *agent, struct protection_result *result)
{
    struct process_module module;
    if (!find_agent(dll_path, pid, &module, result)) {
        return false;
    }
    *process = OpenProcess(access, FALSE, pid);
    if (!*process) {
        protection_refuse_open(result, GetLastError());
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
        protection_refuse_agent(result, error);
    }
    CloseHandle(*process);
    return false;
}

void protection_inspect_server(const wchar_t *dll_path, DWORD pid, struct protection_result *result,
                               struct agent_server *server, bool *known)
{
    HANDLE process;
    struct remote_agent agent;
    *known = false;
    if (open_agent(dll_path, pid, REMOTE_AGENT_READ_ACCESS, &process, &agent, result)) {
        result->outcome = PROTECTION_PRESENT;
        *known = server && remote_agent_read_server(&agent, server);
        CloseHandle(process);
    }
}

void protection_inspect(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    bool known;
    protection_inspect_server(dll_path, pid, result, NULL, &known);
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
        protection_conclude(result, PROTECTION_REFUSED, "the agent has not answered after %d s",
                            ROUTINE_TIMEOUT / 1000);
    } else {
        protection_refuse_in_process(result, agent->process, "the agent cannot be reached", error);
    }
    return false;
}

static void conclude_left(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    if (protection_see_off(dll_path, pid, result, LEAVE_TIMEOUT)) {
        result->outcome = PROTECTION_REMOVED;
    } else {
        protection_conclude(result, PROTECTION_REFUSED,
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
    protection_conclude(
        result, PROTECTION_REFUSED,
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
        protection_conclude(result, PROTECTION_REFUSED,
                            "the RPC runtime could not be unhooked; still protected");
        break;
    default:
        protection_conclude(result, PROTECTION_REFUSED,
                            "the process ended or the agent failed (0x%08lx)", code);
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
    if (!open_agent(dll_path, pid, INJECTION_ACCESS, &process, &agent, result)) {
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
        protection_conclude(result, PROTECTION_REFUSED, "the agent is still starting");
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
        protection_conclude(result, PROTECTION_REFUSED,
                            "the former policy stays in force there: %s", failure);
    } else {
        protection_conclude(result, PROTECTION_REFUSED,
                            "the process ended or the agent failed (0x%08lx)", code);
    }
}

void protection_refresh(const wchar_t *dll_path, DWORD pid, struct protection_result *result)
{
    HANDLE process;
    struct remote_agent agent;
    if (!open_agent(dll_path, pid, INJECTION_ACCESS, &process, &agent, result)) {
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
