/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DLL that talks to the manager as rpcFirewall.dll does, without hooking anything, and that can
 * be told to misbehave: the environment variable RPCFW_FAKE_AGENT of its process names how. So the
 * manager's side of the contract in agent_status.h can be tested alone, wrong agents included.
 */
#include <string.h>
#include <windows.h>

#include "windows/agent_status.h"
#include "windows/policy_section.h"

__declspec(dllexport) struct agent_status RpcFwStatus = {
    .magic = AGENT_STATUS_MAGIC,
    .version = AGENT_STATUS_VERSION,
    .size = sizeof(struct agent_status),
    .state = AGENT_STARTING,
    .release = RPCFW_VERSION,
};

__declspec(dllexport) DWORD WINAPI RpcFwStop(void *unused);
__declspec(dllexport) DWORD WINAPI RpcFwRefresh(void *unused);

static HMODULE self;
static char mode[32];

static bool mode_is(const char *name)
{
    return strcmp(mode, name) == 0;
}

static void leave(enum agent_reason reason, DWORD linger_ms)
{
    RpcFwStatus.reason = reason;
    RpcFwStatus.state = AGENT_LEAVING;
    Sleep(linger_ms);
    FreeLibraryAndExitThread(self, 0);
}

/* What keeps the policy in force, as long as the DLL is loaded. */
static struct policy_control_view control;
static struct policy_image_view image;

static bool take_policy(void)
{
    if (!control.control && policy_control_open(&control)) {
        return false;
    }
    struct policy_image_view newest;
    if (policy_image_open((uint64_t)control.control->generation, &newest)) {
        return false;
    }
    policy_image_close(&image);
    image = newest;
    RpcFwStatus.generation = newest.generation;
    return true;
}

static void drop_policy(void)
{
    policy_image_close(&image);
    policy_control_close(&control);
}

static DWORD WINAPI start(void *unused)
{
    (void)unused;
    if (mode_is("silent")) {
        return 0;
    }
    if (mode_is("hidden")) {
        FreeLibraryAndExitThread(self, 0);
    }
    if (mode_is("local")) {
        leave(AGENT_REASON_LOCAL_ONLY, 700);
    }
    if (mode_is("hook")) {
        strcpy(RpcFwStatus.detail, "NdrStubCall2\n+3");
        leave(AGENT_REASON_HOOK, 700);
    }
    if (mode_is("clings")) {
        leave(AGENT_REASON_NO_RPC, 4000);
    }
    if (mode_is("denied")) {
        leave(AGENT_REASON_POLICY_DENIED, 700);
    }
    if (mode_is("nothing")) {
        leave(AGENT_REASON_NO_POLICY, 700);
    }
    if (!take_policy()) {
        leave(AGENT_REASON_NO_POLICY, 700);
    }
    RpcFwStatus.hooks = 7;
    RpcFwStatus.in_flight = mode_is("drains") ? 2 : 0;
    RpcFwStatus.state = AGENT_PROTECTED;
    return 0;
}

static DWORD WINAPI drain(void *unused)
{
    (void)unused;
    Sleep(mode_is("hangs") ? 60000 : 1500);
    drop_policy();
    RpcFwStatus.state = AGENT_IDLE;
    FreeLibraryAndExitThread(self, 0);
}

static void start_thread(LPTHREAD_START_ROUTINE routine)
{
    HANDLE thread = CreateThread(NULL, 0, routine, NULL, 0, NULL);
    if (thread) {
        CloseHandle(thread);
    }
}

DWORD WINAPI RpcFwStop(void *unused)
{
    (void)unused;
    if (mode_is("sticks")) {
        return AGENT_STOP_UNHOOK_FAILED;
    }
    if (mode_is("drains") || mode_is("hangs")) {
        RpcFwStatus.state = AGENT_DRAINING;
        start_thread(drain);
        return AGENT_STOP_DRAINING;
    }
    RpcFwStatus.reason = AGENT_REASON_STOPPED;
    drop_policy();
    RpcFwStatus.state = AGENT_IDLE;
    FreeLibraryAndExitThread(self, AGENT_STOP_DONE);
}

DWORD WINAPI RpcFwRefresh(void *unused)
{
    static const struct {
        const char *mode;
        enum agent_refresh_result result;
    } refusals[] = {
        {"refresh-none", AGENT_REFRESH_NO_POLICY},  {"refresh-denied", AGENT_REFRESH_DENIED},
        {"refresh-busy", AGENT_REFRESH_BUSY},       {"refresh-failed", AGENT_REFRESH_FAILED},
        {"refresh-other", AGENT_REFRESH_UNTRUSTED},
    };
    (void)unused;
    if (mode_is("sticks")) {
        return AGENT_REFRESH_BAD_POLICY;
    }
    for (size_t i = 0; i < ARRAYSIZE(refusals); i++) {
        if (mode_is(refusals[i].mode)) {
            return refusals[i].result;
        }
    }
    return take_policy() ? AGENT_REFRESH_DONE : AGENT_REFRESH_NO_POLICY;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved);

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) {
        return TRUE;
    }
    self = instance;
    DisableThreadLibraryCalls(instance);
    GetEnvironmentVariableA("RPCFW_FAKE_AGENT", mode, sizeof(mode));
    if (mode_is("unloadable")) {
        return FALSE;
    }
    RpcFwStatus.magic += mode_is("magic");
    RpcFwStatus.version += mode_is("version");
    RpcFwStatus.size += mode_is("size");
    if (mode_is("old")) {
        strcpy(RpcFwStatus.release, "0.0.1");
    }
    start_thread(start);
    return TRUE;
}
