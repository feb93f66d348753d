/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/process_snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <winternl.h>

#define FIRST_SIZE ((size_t)256 << 10)
#define LAST_SIZE  ((size_t)64 << 20) /* more than any host's processes need */

/* KTHREAD_STATE and KWAIT_REASON, as the documentation of Win32_Thread numbers them. */
#define STATE_WAITING          5
#define WAIT_REASON_SUSPENDED  5

#define STATUS_LENGTH_MISMATCH ((NTSTATUS)0xc0000004)

typedef NTSTATUS(WINAPI *query_system)(SYSTEM_INFORMATION_CLASS what, void *out, ULONG size,
                                       ULONG *needed);

static query_system find_query(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll ? (query_system)(void (*)(void))GetProcAddress(ntdll, "NtQuerySystemInformation")
                 : NULL;
}

static bool reserve(struct process_snapshot *snapshot, size_t size)
{
    BYTE *larger = size <= LAST_SIZE ? realloc(snapshot->buffer, size) : NULL;
    if (!larger) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return false;
    }
    snapshot->buffer = larger;
    snapshot->capacity = size;
    return true;
}

/* The answer grows while it is asked for. */
static bool ask(struct process_snapshot *snapshot)
{
    query_system query = find_query();
    if (!query) {
        SetLastError(ERROR_PROC_NOT_FOUND);
        return false;
    }
    if (!snapshot->capacity && !reserve(snapshot, FIRST_SIZE)) {
        return false;
    }
    for (;;) {
        ULONG needed = 0;
        NTSTATUS status =
            query(SystemProcessInformation, snapshot->buffer, (ULONG)snapshot->capacity, &needed);
        if (status == 0) {
            snapshot->size = needed && needed <= snapshot->capacity ? needed : snapshot->capacity;
            return true;
        }
        if (status != STATUS_LENGTH_MISMATCH) {
            SetLastError(ERROR_GEN_FAILURE);
            return false;
        }
        size_t larger = snapshot->capacity * 2;
        if (!reserve(snapshot, needed > larger ? needed + needed / 8 : larger)) {
            return false;
        }
    }
}

/* Whether all threads are held; `size` bytes are left behind the process's own part. */
static bool is_suspended(const SYSTEM_PROCESS_INFORMATION *process, size_t size)
{
    const SYSTEM_THREAD_INFORMATION *threads = (const SYSTEM_THREAD_INFORMATION *)(process + 1);
    size_t count = process->NumberOfThreads;
    if (!count || count > size / sizeof(*threads)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (threads[i].ThreadState != STATE_WAITING ||
            threads[i].WaitReason != WAIT_REASON_SUSPENDED) {
            return false;
        }
    }
    return true;
}

static void read_name(const struct process_snapshot *snapshot,
                      const SYSTEM_PROCESS_INFORMATION *process, struct process_fact *fact)
{
    uintptr_t begin = (uintptr_t)snapshot->buffer;
    uintptr_t text = (uintptr_t)process->ImageName.Buffer;
    size_t bytes = process->ImageName.Length;
    bool inside =
        text >= begin && bytes <= snapshot->size && text - begin <= snapshot->size - bytes;
    fact->name = inside ? process->ImageName.Buffer : L"";
    fact->name_length = inside ? bytes / sizeof(wchar_t) : 0;
}

static bool append(struct process_snapshot *snapshot, const struct process_fact *fact)
{
    if (snapshot->count == snapshot->fact_capacity) {
        size_t larger = snapshot->fact_capacity ? snapshot->fact_capacity * 2 : 256;
        struct process_fact *facts = realloc(snapshot->facts, larger * sizeof(*facts));
        if (!facts) {
            SetLastError(ERROR_NOT_ENOUGH_MEMORY);
            return false;
        }
        snapshot->facts = facts;
        snapshot->fact_capacity = larger;
    }
    snapshot->facts[snapshot->count++] = *fact;
    return true;
}

static bool read_processes(struct process_snapshot *snapshot)
{
    size_t at = 0;
    while (snapshot->size - at >= sizeof(SYSTEM_PROCESS_INFORMATION)) {
        const SYSTEM_PROCESS_INFORMATION *process =
            (const SYSTEM_PROCESS_INFORMATION *)(snapshot->buffer + at);
        struct process_fact fact = {
            .pid = (DWORD)(ULONG_PTR)process->UniqueProcessId,
            .created = (uint64_t)process->CreateTime.QuadPart,
            .handles = process->HandleCount,
            .threads = process->NumberOfThreads,
            .suspended = is_suspended(process, snapshot->size - at - sizeof(*process)),
        };
        read_name(snapshot, process, &fact);
        if (!append(snapshot, &fact)) {
            return false;
        }
        size_t next = process->NextEntryOffset;
        if (!next || next > snapshot->size - at) {
            return true;
        }
        at += next;
    }
    return true;
}

static int by_pid(const void *left, const void *right)
{
    DWORD a = ((const struct process_fact *)left)->pid;
    DWORD b = ((const struct process_fact *)right)->pid;
    return (a > b) - (a < b);
}

bool process_snapshot_take(struct process_snapshot *snapshot)
{
    snapshot->count = 0;
    if (!ask(snapshot) || !read_processes(snapshot)) {
        snapshot->count = 0;
        return false;
    }
    qsort(snapshot->facts, snapshot->count, sizeof(*snapshot->facts), by_pid);
    return true;
}

void process_snapshot_free(struct process_snapshot *snapshot)
{
    free(snapshot->buffer);
    free(snapshot->facts);
    *snapshot = (struct process_snapshot){0};
}

const struct process_fact *process_snapshot_find(const struct process_snapshot *snapshot, DWORD pid)
{
    struct process_fact key = {.pid = pid};
    return snapshot->count ? bsearch(&key, snapshot->facts, snapshot->count, sizeof(key), by_pid)
                           : NULL;
}

void process_fact_name(const struct process_fact *fact, char name[UTF8_PATH_SIZE])
{
    wchar_t wide[MAX_PATH];
    size_t length = fact->name_length < MAX_PATH ? fact->name_length : MAX_PATH - 1;
    memcpy(wide, fact->name, length * sizeof(wchar_t));
    wide[length] = L'\0';
    utf8_from_wide(wide, name, UTF8_PATH_SIZE);
}
