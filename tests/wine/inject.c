/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.exe load PID DLL
 *     Has the process load the DLL (its full path), whatever is loaded there already, and prints
 *     "LOADED state=N reason=N" once the agent in it has made up its mind: agent_status.h.
 * inject.exe library PID DLL
 *     Has the process load any DLL, and prints LOADED.
 * inject.exe pending PID stop|refresh
 *     Creates a thread in the process that is to run that routine of its agent, suspended before
 *     its first instruction, and prints PENDING. A line on stdin lets it go; then "resume
 *     exit=0xN", what the routine returned, or "resume process=0xN" when the process ended.
 *
 * What the manager never does, and other programs and unlucky moments may.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "windows/agent_status.h"
#include "windows/manager/injection.h"
#include "windows/manager/process_list.h"
#include "windows/manager/remote_agent.h"

#define LOAD_MS      10000
#define DECIDE_MS    5000
#define ROUTINE_MS   10000
#define POLL_MS      5
#define REQUEST_SIZE 64

static int fail(const char *what)
{
    printf("FAILED %s: %lu\n", what, GetLastError());
    return 1;
}

static bool attach(HANDLE process, DWORD pid, struct remote_agent *agent)
{
    static const wchar_t *const name = AGENT_DLL_NAME;
    struct process_module module;

    return process_find_modules(pid, &name, &module, 1) && module.base &&
           remote_agent_attach(process, module.base, module.size, agent) == REMOTE_AGENT_OK;
}

static bool wait_for_decision(const struct remote_agent *agent, struct agent_status *status)
{
    ULONGLONG end = GetTickCount64() + DECIDE_MS;

    do {
        if (remote_agent_read(agent, status) != REMOTE_AGENT_OK)
            return false;
        if (status->state != AGENT_STARTING)
            return true;
        Sleep(POLL_MS);
    } while (GetTickCount64() < end);
    return false;
}

static bool load_library(HANDLE process, DWORD pid, const char *dll)
{
    wchar_t path[MAX_PATH];

    if (!MultiByteToWideChar(CP_UTF8, 0, dll, -1, path, MAX_PATH))
        return false;
    return injection_load(process, pid, path, LOAD_MS) == INJECTION_DONE;
}

static int load(HANDLE process, DWORD pid, const char *dll, bool is_agent)
{
    struct remote_agent agent;
    struct agent_status status;

    if (!load_library(process, pid, dll))
        return fail("LoadLibraryW");
    if (!is_agent) {
        puts("LOADED");
        return 0;
    }
    if (!attach(process, pid, &agent))
        return fail("no agent in the process");
    if (!wait_for_decision(&agent, &status))
        return fail("the agent says nothing");
    printf("LOADED state=%lu reason=%lu\n", (unsigned long)status.state,
           (unsigned long)status.reason);
    return 0;
}

static int resume(HANDLE process, HANDLE thread)
{
    const HANDLE ends[] = {thread, process};
    DWORD code = 0;

    if (ResumeThread(thread) == (DWORD)-1)
        return fail("ResumeThread");
    DWORD wait = WaitForMultipleObjects(2, ends, FALSE, ROUTINE_MS);
    if (wait == WAIT_TIMEOUT || wait == WAIT_FAILED)
        return fail("the routine does not end");
    /* A process that crashes ends its threads with itself. */
    if (WaitForSingleObject(process, 500) == WAIT_OBJECT_0) {
        GetExitCodeProcess(process, &code);
        printf("resume process=0x%lx\n", code);
        return 1;
    }
    GetExitCodeThread(thread, &code);
    printf("resume exit=0x%lx\n", code);
    return 0;
}

static int pending(HANDLE process, DWORD pid, const char *routine)
{
    struct remote_agent agent;
    char request[REQUEST_SIZE];

    if (!attach(process, pid, &agent))
        return fail("no agent in the process");
    uintptr_t start = strcmp(routine, "stop") == 0 ? agent.stop : agent.refresh;
    HANDLE thread = CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)start, NULL,
                                       CREATE_SUSPENDED, NULL);
    if (!thread)
        return fail("CreateRemoteThread");
    puts("PENDING");
    fflush(stdout);
    /* At end of file too: a thread that stays suspended would keep the process. */
    if (!fgets(request, sizeof request, stdin))
        request[0] = '\0';
    int code = resume(process, thread);
    CloseHandle(thread);
    return code;
}

static bool is_one_of(const char *word, const char *one, const char *other)
{
    return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

int main(int argc, char **argv)
{
    bool loads = argc == 4 && is_one_of(argv[1], "load", "library");
    bool waits =
        argc == 4 && strcmp(argv[1], "pending") == 0 && is_one_of(argv[3], "stop", "refresh");
    if (!loads && !waits) {
        fprintf(stderr, "usage: inject load|library PID DLL | inject pending PID stop|refresh\n");
        return 2;
    }
    DWORD pid = (DWORD)strtoul(argv[2], NULL, 10);
    HANDLE process = OpenProcess(INJECTION_ACCESS | SYNCHRONIZE, FALSE, pid);
    if (!process)
        return fail("OpenProcess");
    int code = loads ? load(process, pid, argv[3], strcmp(argv[1], "load") == 0)
                     : pending(process, pid, argv[3]);
    CloseHandle(process);
    return code;
}
