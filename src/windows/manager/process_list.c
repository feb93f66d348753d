/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/process_list.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <tlhelp32.h>
#include <winternl.h>

#include "windows/manager/wide_text.h"

/* A process that loads or unloads modules while the snapshot is taken makes it fail. */
#define SNAPSHOT_TRIES 20

static bool append(struct process_list *list, size_t *capacity, const PROCESSENTRY32W *process)
{
    if (list->count == *capacity) {
        size_t larger = *capacity ? *capacity * 2 : 128;
        struct process_entry *entries = realloc(list->entries, larger * sizeof(*entries));
        if (!entries) {
            SetLastError(ERROR_NOT_ENOUGH_MEMORY);
            return false;
        }
        list->entries = entries;
        *capacity = larger;
    }
    struct process_entry *entry = &list->entries[list->count++];
    entry->pid = process->th32ProcessID;
    wcsncpy(entry->name, process->szExeFile, ARRAYSIZE(entry->name) - 1);
    entry->name[ARRAYSIZE(entry->name) - 1] = L'\0';
    return true;
}

static int by_pid(const void *left, const void *right)
{
    DWORD a = ((const struct process_entry *)left)->pid;
    DWORD b = ((const struct process_entry *)right)->pid;
    return (a > b) - (a < b);
}

bool process_list_take(struct process_list *list)
{
    *list = (struct process_list){0};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (snapshot == INVALID_HANDLE_VALUE) {
        return false;
    }
    size_t capacity = 0;
    PROCESSENTRY32W process = {.dwSize = sizeof(process)};
    bool complete = true;
    for (BOOL more = Process32FirstW(snapshot, &process); more && complete;
         more = Process32NextW(snapshot, &process)) {
        complete = append(list, &capacity, &process);
    }
    CloseHandle(snapshot);
    if (!complete) {
        process_list_free(list);
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return false;
    }
    qsort(list->entries, list->count, sizeof(*list->entries), by_pid);
    return true;
}

void process_list_free(struct process_list *list)
{
    free(list->entries);
    *list = (struct process_list){0};
}

const struct process_entry *process_list_find(const struct process_list *list, DWORD pid)
{
    struct process_entry key = {.pid = pid};
    return list->count ? bsearch(&key, list->entries, list->count, sizeof(key), by_pid) : NULL;
}

static HANDLE module_snapshot(DWORD pid)
{
    for (int i = 0; i < SNAPSHOT_TRIES; i++) {
        HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, pid);
        if (snapshot != INVALID_HANDLE_VALUE ||
            (GetLastError() != ERROR_BAD_LENGTH && GetLastError() != ERROR_PARTIAL_COPY)) {
            return snapshot;
        }
        DWORD error = GetLastError();
        Sleep(1);
        SetLastError(error);
    }
    return INVALID_HANDLE_VALUE;
}

static void note_module(const MODULEENTRY32W *module, const wchar_t *const names[],
                        struct process_module found[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!found[i].base && wide_same_name(module->szModule, names[i])) {
            found[i].base = (uintptr_t)module->modBaseAddr;
            found[i].size = module->modBaseSize;
            wcsncpy(found[i].path, module->szExePath, ARRAYSIZE(found[i].path) - 1);
        }
    }
}

bool process_find_modules(DWORD pid, const wchar_t *const names[], struct process_module found[],
                          size_t count)
{
    memset(found, 0, count * sizeof(*found));
    /* Toolhelp takes 0 for the calling process. */
    if (!pid) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return false;
    }
    HANDLE snapshot = module_snapshot(pid);
    if (snapshot == INVALID_HANDLE_VALUE) {
        return false;
    }
    MODULEENTRY32W module = {.dwSize = sizeof(module)};
    BOOL more = Module32FirstW(snapshot, &module);
    DWORD error = more ? ERROR_SUCCESS : GetLastError();
    while (more) {
        note_module(&module, names, found, count);
        more = Module32NextW(snapshot, &module);
    }
    CloseHandle(snapshot);
    SetLastError(error);
    return error == ERROR_SUCCESS;
}

typedef NTSTATUS(WINAPI *query_process)(HANDLE process, PROCESSINFOCLASS what, void *out,
                                        ULONG size, ULONG *needed);

/*
 * Whether its loader has not begun: it is being created, or it is one of those that never have a
 * loader (Memory Compression, vmmem and other processes without an image).
 */
static bool has_no_loader(HANDLE process)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_process query =
        ntdll ? (query_process)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationProcess")
              : NULL;
    PROCESS_BASIC_INFORMATION basic = {0};
    if (!query || query(process, ProcessBasicInformation, &basic, sizeof(basic), NULL) != 0) {
        return false;
    }
    if (!basic.PebBaseAddress) {
        return true;
    }
    const void *loader = NULL;
    SIZE_T read = 0;
    return ReadProcessMemory(process, (const char *)basic.PebBaseAddress + offsetof(PEB, Ldr),
                             &loader, sizeof(loader), &read) &&
           read == sizeof(loader) && !loader;
}

bool process_without_modules(DWORD pid)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid);
    if (!process) {
        DWORD error = GetLastError();
        return error == ERROR_INVALID_PARAMETER || error == ERROR_ACCESS_DENIED;
    }
    DWORD code = STILL_ACTIVE;
    bool ended = GetExitCodeProcess(process, &code) && code != STILL_ACTIVE;
    bool without = ended || has_no_loader(process);
    CloseHandle(process);
    return without;
}
