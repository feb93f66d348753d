/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/agent_departure.h"

#include <string.h>
#include <tlhelp32.h>
#include <winternl.h>

#include "windows/manager/injection.h"
#include "windows/manager/remote_agent.h"

/* Milliseconds. */
#define FREE_TIMEOUT 10000 /* for FreeLibrary: another thread may hold the loader lock */
#define POLL_PAUSE   20

/* References that are given back at most; each is a manager that did not see its load end. */
#define MAX_REFERENCES 16

/* THREADINFOCLASS: the address that the thread began at. */
#define THREAD_START_ADDRESS 9

typedef NTSTATUS(WINAPI *query_thread)(HANDLE thread, THREADINFOCLASS what, void *out, ULONG size,
                                       ULONG *needed);

static bool image_is_mapped(HANDLE process, uintptr_t base)
{
    MEMORY_BASIC_INFORMATION memory;
    return VirtualQueryEx(process, (const void *)base, &memory, sizeof(memory)) &&
           memory.State == MEM_COMMIT && (uintptr_t)memory.AllocationBase == base;
}

/*
 * Looks at the memory and not at the list of modules: Wine walks that list in the other process
 * without its loader lock, and such a walk while the DLL unloads was seen to spin for minutes.
 */
bool agent_departure_wait(DWORD pid, uintptr_t base, DWORD timeout_ms)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
    if (!process) {
        return GetLastError() == ERROR_INVALID_PARAMETER; /* the process has ended */
    }
    ULONGLONG end = GetTickCount64() + timeout_ms;
    bool mapped;
    while ((mapped = image_is_mapped(process, base)) && GetTickCount64() < end) {
        Sleep(POLL_PAUSE);
    }
    CloseHandle(process);
    return !mapped;
}

/* True also when that cannot be told. */
static bool thread_began_in(query_thread query, DWORD tid, const struct process_module *module)
{
    HANDLE thread = OpenThread(THREAD_QUERY_INFORMATION | SYNCHRONIZE, FALSE, tid);
    if (!thread) {
        return GetLastError() != ERROR_INVALID_PARAMETER; /* else it has ended */
    }
    uintptr_t start = 0;
    NTSTATUS status =
        query(thread, (THREADINFOCLASS)THREAD_START_ADDRESS, &start, sizeof(start), NULL);
    bool ended = WaitForSingleObject(thread, 0) == WAIT_OBJECT_0;
    CloseHandle(thread);
    return !ended && (status != 0 || start - module->base < module->size);
}

/*
 * Whether a thread of the agent lives: one that began in its code. A thread that only waits has its
 * instruction pointer in the system, so that would not tell. True also when it cannot be told.
 */
static bool has_own_thread(DWORD pid, const struct process_module *module)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_thread query =
        ntdll ? (query_thread)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationThread")
              : NULL;
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    if (!query || snapshot == INVALID_HANDLE_VALUE) {
        return true;
    }
    THREADENTRY32 thread = {.dwSize = sizeof(thread)};
    bool found = false;
    bool seen = false;
    for (BOOL more = Thread32First(snapshot, &thread); more && !found;
         more = Thread32Next(snapshot, &thread)) {
        if (thread.th32OwnerProcessID == pid) {
            seen = true;
            found = thread_began_in(query, thread.th32ThreadID, module);
        }
    }
    CloseHandle(snapshot);
    return found || !seen;
}

static bool has_ended(HANDLE process, DWORD pid, const struct process_module *module)
{
    struct remote_agent agent;
    struct agent_status status;
    return remote_agent_attach(process, module->base, module->size, &agent) == REMOTE_AGENT_OK &&
           remote_agent_read(&agent, &status) == REMOTE_AGENT_OK &&
           (status.state == AGENT_IDLE || status.state == AGENT_LEAVING) &&
           strcmp(status.release, RPCFW_VERSION) == 0 && !has_own_thread(pid, module);
}

bool agent_departure_free(HANDLE process, DWORD pid, const struct process_module *module)
{
    for (int i = 0; i < MAX_REFERENCES && image_is_mapped(process, module->base); i++) {
        /* Each time: a load that was still under way may have brought a new agent to this place. */
        if (!has_ended(process, pid, module) ||
            !injection_free(process, pid, module->base, FREE_TIMEOUT)) {
            break;
        }
    }
    return !image_is_mapped(process, module->base);
}
