/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_rounds.exe ROUNDS PROCESSES PROGRAM PORT
 *
 * Starts and stops the service again and again from one process, so that Wine's start-up does not
 * dominate, with one process starting in each round and ending in the next; then leaves the service
 * running while so many processes start and end: servers on PORT and the next seven, each there for
 * long enough that the service enters many of them. Prints a line for each round that did not go as
 * it should, what the running service held before and after those processes, and "rounds=N bad=N".
 */
#include <windows.h>
#include <psapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <winternl.h>

#include "windows/manager/process_snapshot.h"
#include "windows/manager/service/service_control.h"
#include "windows/manager/service/service_summary.h"

#define SERVICE_MS 30000
#define AT_ONCE    8
#define SETTLE_MS  3000
#define PAUSE_MS   150

/* What the servers read: nothing comes, and it does not end, for at its end they do. */
static HANDLE input;
static HANDLE input_end;

static bool make_input(void)
{
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof(inherited), .bInheritHandle = TRUE};
    return CreatePipe(&input, &input_end, &inherited, 0) &&
           SetHandleInformation(input_end, HANDLE_FLAG_INHERIT, 0);
}

static bool start_process(const wchar_t *program, unsigned port, PROCESS_INFORMATION *process)
{
    wchar_t command[MAX_PATH + 32];
    STARTUPINFOW startup = {.cb = sizeof(startup),
                            .dwFlags = STARTF_USESTDHANDLES,
                            .hStdInput = input,
                            .hStdOutput = INVALID_HANDLE_VALUE,
                            .hStdError = INVALID_HANDLE_VALUE};
    swprintf(command, ARRAYSIZE(command), L"\"%ls\" --tcp %u", program, port);
    return CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, process);
}

static void end_process(PROCESS_INFORMATION *process)
{
    if (process->hProcess) {
        TerminateProcess(process->hProcess, 0);
        WaitForSingleObject(process->hProcess, 5000);
        CloseHandle(process->hThread);
        CloseHandle(process->hProcess);
    }
    *process = (PROCESS_INFORMATION){0};
}

#define SYSTEM_EXTENDED_HANDLE_INFORMATION ((SYSTEM_INFORMATION_CLASS)64)
#define HANDLE_TABLE_SIZE                  (1u << 20)

/* [SYSTEM_HANDLE_INFORMATION_EX]; not every header has it. */
struct handle_table {
    ULONG_PTR count;
    ULONG_PTR reserved;
    struct {
        void *object;
        ULONG_PTR process_id;
        ULONG_PTR handle;
        ULONG access;
        USHORT trace;
        USHORT type;
        ULONG attributes;
        ULONG unused;
    } entry[];
};

/* GetProcessHandleCount() is a stub under Wine. */
static unsigned handle_count(DWORD pid)
{
    unsigned count = 0;
    ULONG length = 0;
    struct handle_table *table = malloc(HANDLE_TABLE_SIZE);
    if (table && NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, table,
                                          HANDLE_TABLE_SIZE, &length) == 0) {
        for (ULONG_PTR i = 0; i < table->count; i++) {
            count += table->entry[i].process_id == pid;
        }
    }
    free(table);
    return count;
}

/* What the service holds now; false: it does not run. */
static bool print_usage(const char *when)
{
    struct service_summary summary;
    struct process_snapshot snapshot = {0};
    service_summary_take(&summary);
    HANDLE process =
        OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, summary.report.pid);
    if (!process) {
        return false;
    }
    PROCESS_MEMORY_COUNTERS memory = {.cb = sizeof(memory)};
    K32GetProcessMemoryInfo(process, &memory, sizeof(memory));
    CloseHandle(process);
    process_snapshot_take(&snapshot);
    const struct process_fact *fact = process_snapshot_find(&snapshot, summary.report.pid);
    printf("USAGE %s handles=%u threads=%lu private=%llu protected=%lu added=%llu\n", when,
           handle_count(summary.report.pid), fact ? fact->threads : 0,
           (unsigned long long)memory.PagefileUsage, (unsigned long)summary.status.is_protected,
           (unsigned long long)summary.status.added);
    fflush(stdout);
    process_snapshot_free(&snapshot);
    return true;
}

static unsigned long run_rounds(unsigned long rounds, const wchar_t *program, unsigned port)
{
    unsigned long bad = 0;
    PROCESS_INFORMATION process = {0};
    for (unsigned long round = 1; round <= rounds; round++) {
        end_process(&process);
        start_process(program, port, &process);
        DWORD started = service_start(SERVICE_MS);
        DWORD stopped = service_stop(SERVICE_MS);
        if (started || stopped) {
            printf("round %lu: start %lu stop %lu\n", round, started, stopped);
            bad++;
        }
    }
    end_process(&process);
    return bad;
}

static void churn(unsigned long count, const wchar_t *program, unsigned port)
{
    PROCESS_INFORMATION processes[AT_ONCE] = {0};
    for (unsigned long i = 0; i < count; i++) {
        end_process(&processes[i % AT_ONCE]);
        start_process(program, port + i % AT_ONCE, &processes[i % AT_ONCE]);
        Sleep(PAUSE_MS);
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        end_process(&processes[i]);
    }
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    if (argc != 5 || wcslen(argv[3]) >= MAX_PATH || !make_input()) {
        fprintf(stderr, "usage: service_rounds ROUNDS PROCESSES PROGRAM PORT\n");
        return 2;
    }
    unsigned long rounds = wcstoul(argv[1], NULL, 10);
    unsigned long processes = wcstoul(argv[2], NULL, 10);
    const wchar_t *program = argv[3];
    unsigned port = wcstoul(argv[4], NULL, 10);
    ULONGLONG start = GetTickCount64();
    unsigned long bad = run_rounds(rounds, program, port);
    printf("rounds=%lu bad=%lu ms=%llu\n", rounds, bad, GetTickCount64() - start);
    fflush(stdout);
    if (service_start(SERVICE_MS)) {
        printf("FAILED: it does not start\n");
        return 1;
    }
    churn(AT_ONCE, program, port); /* what is reserved once */
    Sleep(SETTLE_MS);
    bool told = print_usage("before");
    churn(processes, program, port);
    Sleep(SETTLE_MS);
    told = print_usage("after") && told;
    return bad || !told;
}
