/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes that cannot be looked into the service tells as gaps.
 *
 * Wine has no protected ones: one that is held before its first instruction, so that its modules
 * cannot be listed, stands for all. Whose a port is Wine does not tell: a table of listening ports
 * answers as Windows does (a fake).
 */
#include "windows/manager/service/process_watch.h"
#include "wine_check.h"

#include <winsock2.h>
#include <iphlpapi.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE 8000 /* milliseconds */

static struct {
    DWORD pid; /* 0: nobody listens */
    DWORD address;
} listener;

static DWORD WINAPI tcp_table(void *table, DWORD *size, BOOL sorted, ULONG family,
                              TCP_TABLE_CLASS class, ULONG reserved)
{
    (void)sorted;
    (void)class;
    (void)reserved;
    if (family != AF_INET) {
        return ERROR_NOT_SUPPORTED;
    }
    if (!table || *size < sizeof(MIB_TCPTABLE_OWNER_PID)) {
        *size = sizeof(MIB_TCPTABLE_OWNER_PID);
        return ERROR_INSUFFICIENT_BUFFER;
    }
    MIB_TCPTABLE_OWNER_PID *answer = table;
    answer->dwNumEntries = listener.pid != 0;
    answer->table[0] = (MIB_TCPROW_OWNER_PID){
        .dwOwningPid = listener.pid, .dwLocalPort = 0x8700, .dwLocalAddr = listener.address};
    return ERROR_SUCCESS;
}

static PROCESS_INFORMATION start_suspended(void)
{
    char path[MAX_PATH];
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process = {0};
    GetModuleFileNameA(NULL, path, MAX_PATH);
    strcpy(strrchr(path, '\\') + 1, "manager_target.exe");
    check(CreateProcessA(path, NULL, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup,
                         &process),
          "a suspended process");
    return process;
}

static const struct watched_process *find(const struct process_watch *watch, DWORD pid)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->list[i].pid == pid) {
            return &watch->list[i];
        }
    }
    return NULL;
}

/* Rounds until the process has been in the state, or told as a gap if `told`; false: it never was.
 */
static bool reaches(struct process_watch *watch, DWORD pid, enum watched_state state, bool told,
                    DWORD patience)
{
    ULONGLONG end = GetTickCount64() + patience;
    while (GetTickCount64() < end) {
        process_watch_round(watch);
        const struct watched_process *process = find(watch, pid);
        if (process && process->state == state && (process->told_gap != 0 || !told)) {
            return true;
        }
        Sleep(50);
    }
    const struct watched_process *process = find(watch, pid);
    printf("  it is %d: %s\n", process ? (int)process->state : -1, process ? process->reason : "");
    return false;
}

static void test(struct process_watch *watch)
{
    while (!process_watch_round(watch)) {
    }
    PROCESS_INFORMATION process = start_suspended();
    DWORD pid = process.dwProcessId;
    check(reaches(watch, pid, WATCHED_CLOSED, false, PATIENCE),
          "one that nothing enters and nobody reaches is no gap");
    listener.pid = pid;
    listener.address = 0x0100007f; /* 127.0.0.1 */
    watch->ports_ms = 0;
    check(!reaches(watch, pid, WATCHED_REFUSED, false, 4500), "nor when it listens on loopback");
    check(find(watch, pid) && find(watch, pid)->told_gap == 0, "no event tells of it");
    listener.address = 0;
    watch->ports_ms = 0;
    check(reaches(watch, pid, WATCHED_REFUSED, true, PATIENCE),
          "it is one, and told, when it listens for all");
    TerminateProcess(process.hProcess, 0);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
}

int main(void)
{
    static struct service_events events;
    static struct service_status status;
    static struct process_watch watch;
    service_events_open(&events);
    watch = (struct process_watch){
        .agent_path = L"C:\\absent\\rpcFirewall.dll",
        .stop = CreateEventW(NULL, TRUE, FALSE, NULL),
        .events = &events,
        .status = &status,
        .ports = {.query = (void *)(uintptr_t)tcp_table},
    };
    test(&watch);
    process_watch_free(&watch);
    CloseHandle(watch.stop);
    service_events_close(&events);
    printf("%d failed\n", failures);
    return failures != 0;
}
