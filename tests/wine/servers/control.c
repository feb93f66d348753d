/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <psapi.h>
#include <tlhelp32.h>
#include <winternl.h>

void control_print(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if ((size_t)length > sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length] = '\n';
    /* One write a line, so that lines of several threads do not mix. */
    DWORD written;
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), line, (DWORD)length + 1, &written, NULL);
}

static unsigned thread_count(void)
{
    unsigned count = 0;
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    if (snapshot == INVALID_HANDLE_VALUE)
        return 0;
    THREADENTRY32 thread = {.dwSize = sizeof thread};
    for (BOOL more = Thread32First(snapshot, &thread); more;
         more = Thread32Next(snapshot, &thread)) {
        if (thread.th32OwnerProcessID == GetCurrentProcessId())
            count++;
    }
    CloseHandle(snapshot);
    return count;
}

/* One entry of the answer to SystemExtendedHandleInformation, which the headers lack. */
struct handle_entry {
    void *object;
    ULONG_PTR process_id;
    ULONG_PTR handle;
    ULONG access;
    USHORT creator;
    USHORT type;
    ULONG attributes;
    ULONG reserved;
};

struct handle_table {
    ULONG_PTR count;
    ULONG_PTR reserved;
    struct handle_entry entry[];
};

#define SYSTEM_EXTENDED_HANDLE_INFORMATION ((SYSTEM_INFORMATION_CLASS)64)
#define HANDLE_TABLE_SIZE                  (4u * 1024 * 1024)

/* Handles of this process, counted one by one: GetProcessHandleCount tells the size of the table
 * under Wine. */
static unsigned handle_count(void)
{
    unsigned count = 0;
    struct handle_table *table =
        VirtualAlloc(NULL, HANDLE_TABLE_SIZE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (!table)
        return 0;
    ULONG length = 0;
    if (NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, table, HANDLE_TABLE_SIZE,
                                 &length) == 0) {
        for (ULONG_PTR i = 0; i < table->count; i++)
            count += table->entry[i].process_id == GetCurrentProcessId();
    }
    VirtualFree(table, 0, MEM_RELEASE);
    return count;
}

/* Bytes in use on the process heap: small leaks do not show in private bytes for a long time. */
static unsigned long long heap_bytes(void)
{
    unsigned long long total = 0;
    PROCESS_HEAP_ENTRY entry = {0};
    HeapLock(GetProcessHeap());
    while (HeapWalk(GetProcessHeap(), &entry)) {
        if (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY)
            total += entry.cbData;
    }
    HeapUnlock(GetProcessHeap());
    return total;
}

static void print_usage(void)
{
    PROCESS_MEMORY_COUNTERS memory = {.cb = sizeof memory};
    /* The kernel32 form: psapi.dll would be one more module in a process that is to have none. */
    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory)) {
        control_print("usage failed %lu", GetLastError());
        return;
    }
    /* Wine leaves PrivateUsage empty; its PagefileUsage is what the process does not share. */
    control_print("usage private=%llu heap=%llu handles=%u threads=%u",
                  (unsigned long long)memory.PagefileUsage, heap_bytes(), handle_count(),
                  thread_count());
}

/* All in one line; one that is too long is an error, not a shorter list. */
static void print_modules(void)
{
    char names[480] = "";
    size_t used = 0;
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, 0);
    MODULEENTRY32W module = {.dwSize = sizeof module};
    for (BOOL more = snapshot != INVALID_HANDLE_VALUE && Module32FirstW(snapshot, &module);
         more && used < sizeof names; more = Module32NextW(snapshot, &module))
        used += (size_t)snprintf(names + used, sizeof names - used, " %ls", module.szModule);
    if (snapshot != INVALID_HANDLE_VALUE)
        CloseHandle(snapshot);
    if (used == 0 || used >= sizeof names)
        control_print("modules failed %lu", GetLastError());
    else
        control_print("modules%s", names);
}

static DWORD WINAPI serve(void *unused)
{
    (void)unused;
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, "module ", 7) == 0)
            control_print("module %s %s", line + 7,
                          GetModuleHandleA(line + 7) ? "loaded" : "absent");
        else if (strcmp(line, "modules") == 0)
            print_modules();
        else if (strcmp(line, "usage") == 0)
            print_usage();
        else if (strcmp(line, "quit") == 0)
            break;
        else
            control_print("unknown request %s", line);
    }
    control_print("bye");
    ExitProcess(0);
}

bool control_start(void)
{
    HANDLE thread = CreateThread(NULL, 0, serve, NULL, 0, NULL);
    if (!thread)
        return false;
    CloseHandle(thread);
    return true;
}
