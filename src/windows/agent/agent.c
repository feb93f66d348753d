/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/agent.h"

#include <stdio.h>
#include <string.h>

#include "windows/agent/hook/gate.h"
#include "windows/agent/hook/hook.h"
#include "windows/agent/hooked_functions.h"
#include "windows/agent/judge.h"
#include "windows/agent/process_origin.h"
#include "windows/agent/rpc/server_endpoints.h"
#include "windows/agent/rpc/server_report.h"

__declspec(dllexport) struct agent_status RpcFwStatus = {
    .magic = AGENT_STATUS_MAGIC,
    .version = AGENT_STATUS_VERSION,
    .size = sizeof(struct agent_status),
    .state = AGENT_STARTING,
    .release = RPCFW_VERSION,
};

__declspec(dllexport) struct agent_server RpcFwServer = {
    .magic = AGENT_SERVER_MAGIC,
    .version = AGENT_SERVER_VERSION,
    .size = sizeof(struct agent_server),
};

/* How long the writer may take to write what is queued when the agent leaves, in milliseconds. */
#define WRITER_STOP_MS 2000

static struct {
    HMODULE module;
    struct rpc_runtime runtime;
    struct policy_watch watch;
    struct event_origin origin;
    struct event_writer *writer;
    struct hook_set hooks;
    struct judge judge;
} agent;

void agent_set_module(HMODULE module)
{
    agent.module = module;
}

static void set_state(enum agent_state state)
{
    InterlockedExchange((volatile LONG *)&RpcFwStatus.state, (LONG)state);
}

/* Notes why the agent does not protect; returns false for the caller to pass on. */
static bool refuse(enum agent_reason reason, DWORD error, const char *detail)
{
    RpcFwStatus.win32_error = error;
    snprintf(RpcFwStatus.detail, sizeof(RpcFwStatus.detail), "%s", detail ? detail : "");
    RpcFwStatus.reason = (uint32_t)reason;
    return false;
}

static void write_event(enum event_kind kind)
{
    struct event event;
    event_of_agent(&event, kind, event_time_now(), RpcFwStatus.generation, NULL);
    event_writer_put(agent.writer, &event);
}

/* ---- Coming in ---- */

static bool find_server(void)
{
    if (!rpc_runtime_load(&agent.runtime)) {
        return refuse(AGENT_REASON_NO_RPC, 0, "the RPC runtime is not in use");
    }
    switch (server_endpoints_find(&agent.runtime)) {
    case SERVER_ENDPOINTS_REMOTE:
        server_report_take(&RpcFwServer, &agent.runtime);
        return true;
    case SERVER_ENDPOINTS_LOCAL:
        refuse(AGENT_REASON_LOCAL_ONLY, 0, "all endpoints are ncalrpc");
        break;
    case SERVER_ENDPOINTS_NONE:
        refuse(AGENT_REASON_NO_RPC, 0, "no endpoint is registered");
        break;
    }
    rpc_runtime_unload(&agent.runtime);
    return false;
}

static bool take_policy(void)
{
    static const enum agent_reason reasons[] = {
        [POLICY_SECTION_OK] = AGENT_REASON_NO_POLICY,
        [POLICY_SECTION_ABSENT] = AGENT_REASON_NO_POLICY,
        [POLICY_SECTION_DENIED] = AGENT_REASON_POLICY_DENIED,
        [POLICY_SECTION_UNTRUSTED] = AGENT_REASON_UNTRUSTED_POLICY,
        [POLICY_SECTION_BAD] = AGENT_REASON_BAD_POLICY,
        [POLICY_SECTION_SYSTEM] = AGENT_REASON_RESOURCES,
    };
    enum policy_section_error error = policy_watch_start(&agent.watch);
    if (error != POLICY_SECTION_OK) {
        DWORD code = GetLastError();
        return refuse(reasons[error], code, policy_section_error_text(error));
    }
    RpcFwStatus.generation = policy_slot_generation(&agent.watch.slot);
    return true;
}

static bool start_writer(void)
{
    process_origin_read(&agent.origin);
    agent.writer = event_writer_start(&agent.origin, &agent.watch.slot);
    if (!agent.writer) {
        return refuse(AGENT_REASON_RESOURCES, GetLastError(), "the event writer does not start");
    }
    return true;
}

static unsigned make_requests(struct hook_request *requests)
{
    HMODULE rpcrt4 = GetModuleHandleW(L"rpcrt4.dll");
    unsigned count = 0;
    for (unsigned i = 0; rpcrt4 && i < hooked_function_count; i++) {
        void *target = (void *)(uintptr_t)GetProcAddress(rpcrt4, hooked_functions[i].name);
        if (target && !rpc_runtime_is_stub(target)) {
            requests[count++] = (struct hook_request){
                .name = hooked_functions[i].name,
                .target = target,
                .entry = gate_entry(i),
                .original = &gate_trampolines[i],
            };
        }
    }
    return count;
}

static bool refuse_hooks(void)
{
    char detail[sizeof(RpcFwStatus.detail)];
    const struct hook_set *set = &agent.hooks;
    for (unsigned i = 0; i < set->count; i++) {
        if (set->hooks[i].refusal) {
            snprintf(detail, sizeof(detail), "%s: %s", set->hooks[i].name, set->hooks[i].refusal);
            return refuse(AGENT_REASON_HOOK, set->hooks[i].error, detail);
        }
    }
    return refuse(AGENT_REASON_HOOK, set->error,
                  set->failure ? set->failure : "the runtime exports nothing to hook");
}

static bool hook_runtime(void)
{
    struct hook_request requests[GATE_COUNT];
    agent.judge = (struct judge){
        .runtime = &agent.runtime,
        .process = {agent.origin.process_name, strlen(agent.origin.process_name)},
        .watch = &agent.watch,
        .writer = agent.writer,
        .status = &RpcFwStatus,
        .server = &RpcFwServer,
    };
    if (!judge_set(&agent.judge)) {
        return refuse(AGENT_REASON_RESOURCES, GetLastError(), "no thread slot is free");
    }
    unsigned count = make_requests(requests);
    if (count && hook_set_prepare(&agent.hooks, requests, count)) {
        if (hook_set_install(&agent.hooks)) {
            RpcFwStatus.hooks = count;
            return true;
        }
        refuse_hooks();
        hook_set_free(&agent.hooks);
    } else {
        refuse_hooks();
    }
    judge_clear(&agent.judge);
    return false;
}

/* A sink that hangs keeps the writer's thread in this module, and so the module in memory. */
static void stop_writer(void)
{
    while (!event_writer_stop(agent.writer, WRITER_STOP_MS)) {
        Sleep(1000);
    }
}

/* Undoes what was done in reverse when a step fails, so that nothing is left behind. */
static bool protect(void)
{
    if (!find_server()) {
        return false;
    }
    if (!take_policy()) {
        goto no_policy;
    }
    if (!start_writer()) {
        goto no_writer;
    }
    if (!hook_runtime()) {
        goto no_hooks;
    }
    return true;

no_hooks:
    stop_writer();
no_writer:
    policy_watch_stop(&agent.watch);
no_policy:
    rpc_runtime_unload(&agent.runtime);
    return false;
}

DWORD WINAPI agent_run(void *unused)
{
    (void)unused;
    RpcFwStatus.started_us = event_time_now();
    if (protect()) {
        RpcFwStatus.started_us = event_time_now();
        write_event(EVENT_PROTECTION_ADDED);
        set_state(AGENT_PROTECTED);
        return 0;
    }
    set_state(AGENT_LEAVING);
    Sleep(AGENT_LINGER_MS);
    FreeLibraryAndExitThread(agent.module, 0);
    return 0;
}

/* ---- Going out ---- */

/* All of the agent's code and data in this process. */
static struct code_range own_module(void)
{
    const char *base = (const char *)agent.module;
    const IMAGE_DOS_HEADER *dos = (const IMAGE_DOS_HEADER *)base;
    const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(base + dos->e_lfanew);
    uintptr_t begin = (uintptr_t)base;
    return (struct code_range){begin, begin + headers->OptionalHeader.SizeOfImage};
}

/*
 * Waits until no call is in a gate and no thread stands in the agent's code; with `deserted`, until
 * no other thread that was started there is left either. Holding the threads of the host costs it,
 * so the count is asked first, and ever more rarely.
 */
static bool drain(bool deserted, DWORD timeout_ms)
{
    const struct code_range self = own_module();
    ULONGLONG end = GetTickCount64() + timeout_ms;
    DWORD pause = 1;
    for (;;) {
        if (gate_in_flight == 0 &&
            (deserted ? hook_set_deserted(&agent.hooks, &self, 1, &gate_in_flight)
                      : hook_set_quiescent(&agent.hooks, &self, 1, &gate_in_flight))) {
            return true;
        }
        if (timeout_ms != INFINITE && GetTickCount64() >= end) {
            return false;
        }
        Sleep(pause);
        pause = pause < 100 ? pause * 2 : pause;
    }
}

/*
 * Gives everything back; after drain(). The writer goes before the last look round, for its thread
 * was started in this module like those that the manager sends.
 */
static void leave(void)
{
    const struct code_range self = own_module();
    stop_writer();
    while (!drain(true, AGENT_ORPHAN_MS)) {
        /* A manager that died may have left a thread behind that has never begun. */
        hook_set_release_starts(&agent.hooks, &self, 1);
    }
    judge_clear(&agent.judge);
    policy_watch_stop(&agent.watch);
    hook_set_free(&agent.hooks);
    rpc_runtime_unload(&agent.runtime);
    set_state(AGENT_IDLE);
}

/* Ends what RpcFwStop() did not wait for. */
static DWORD WINAPI drain_thread(void *unused)
{
    (void)unused;
    drain(false, INFINITE);
    leave();
    FreeLibraryAndExitThread(agent.module, 0);
    return 0;
}

/* Leaves the rest to a thread of the agent's own. False: none is to be had. */
static bool start_drain_thread(void)
{
    HANDLE thread = CreateThread(NULL, 0, drain_thread, NULL, 0, NULL);
    if (!thread) {
        return false;
    }
    CloseHandle(thread);
    return true;
}

static DWORD stop(void)
{
    if (InterlockedCompareExchange((volatile LONG *)&RpcFwStatus.state, AGENT_DRAINING,
                                   AGENT_PROTECTED) != AGENT_PROTECTED) {
        return AGENT_STOP_NOT_PROTECTED;
    }
    if (!hook_set_remove(&agent.hooks)) {
        refuse_hooks();
        set_state(AGENT_PROTECTED);
        return AGENT_STOP_UNHOOK_FAILED;
    }
    RpcFwStatus.hooks = 0;
    refuse(AGENT_REASON_STOPPED, 0, NULL);
    write_event(EVENT_PROTECTION_REMOVED);
    if (!drain(false, AGENT_DRAIN_MS)) {
        if (start_drain_thread()) {
            return AGENT_STOP_DRAINING;
        }
        /* No thread to leave it to: then this one waits as long as it takes. */
        drain(false, INFINITE);
    }
    leave();
    return AGENT_STOP_DONE;
}

__declspec(dllexport) DWORD WINAPI RpcFwStop(void *unused)
{
    (void)unused;
    DWORD result = stop();
    if (result == AGENT_STOP_DONE) {
        FreeLibraryAndExitThread(agent.module, result);
    }
    return result;
}

static DWORD refresh(void)
{
    static const enum agent_refresh_result results[] = {
        [POLICY_SECTION_OK] = AGENT_REFRESH_BAD_POLICY,
        [POLICY_SECTION_ABSENT] = AGENT_REFRESH_NO_POLICY,
        [POLICY_SECTION_DENIED] = AGENT_REFRESH_DENIED,
        [POLICY_SECTION_UNTRUSTED] = AGENT_REFRESH_UNTRUSTED,
        [POLICY_SECTION_BAD] = AGENT_REFRESH_BAD_POLICY,
        [POLICY_SECTION_SYSTEM] = AGENT_REFRESH_FAILED,
    };
    enum policy_section_error error;
    if (RpcFwStatus.state != AGENT_PROTECTED) {
        return AGENT_REFRESH_NOT_PROTECTED;
    }
    server_report_take(&RpcFwServer, &agent.runtime);
    /* A call that is taking the same generation, or calls that hold the older ones, need a moment.
     */
    for (int tries = 0; tries < 100; tries++) {
        enum policy_watch_result result = judge_refresh(&agent.judge, &error);
        if (result == POLICY_WATCH_REFUSED) {
            return results[error];
        }
        if (result == POLICY_WATCH_TAKEN || policy_watch_is_current(&agent.watch)) {
            return AGENT_REFRESH_DONE;
        }
        Sleep(10);
    }
    return AGENT_REFRESH_BUSY;
}

__declspec(dllexport) DWORD WINAPI RpcFwRefresh(void *unused)
{
    (void)unused;
    return refresh();
}
