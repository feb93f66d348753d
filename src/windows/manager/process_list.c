/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/process_list.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <tlhelp32.h>
#include <winternl.h>

#include "windows/manager/wide_text.h"

/* A process that loads or unloads modules while its list is read makes that fail. */
#define WALK_TRIES 20

/* More than any process has; a list that goes on behind that goes round. */
#define MODULES_MAX 8192

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

typedef NTSTATUS(WINAPI *query_process)(HANDLE process, PROCESSINFOCLASS what, void *out,
                                        ULONG size, ULONG *needed);

/* ---- Modules ---- */

static bool read_memory(HANDLE process, const void *address, void *out, size_t size)
{
    SIZE_T read = 0;
    return ReadProcessMemory(process, address, out, size, &read) && read == size;
}

/* The list of modules as the loader of the process keeps it; NULL: it has none yet. */
static bool find_loader(HANDLE process, const PEB_LDR_DATA **loader)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_process query =
        ntdll ? (query_process)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationProcess")
              : NULL;
    PROCESS_BASIC_INFORMATION basic = {0};
    *loader = NULL;
    if (!query || query(process, ProcessBasicInformation, &basic, sizeof(basic), NULL) != 0) {
        SetLastError(ERROR_GEN_FAILURE);
        return false;
    }
    return !basic.PebBaseAddress ||
           read_memory(process, (const char *)basic.PebBaseAddress + offsetof(PEB, Ldr), loader,
                       sizeof(*loader));
}

/* The module's full path; false when it cannot be read or is longer than a path may be. */
static bool read_path(HANDLE process, const UNICODE_STRING *name, wchar_t path[MAX_PATH])
{
    size_t length = name->Length / sizeof(wchar_t);
    if (!length || length >= MAX_PATH || !name->Buffer ||
        !read_memory(process, name->Buffer, path, length * sizeof(wchar_t))) {
        return false;
    }
    path[length] = L'\0';
    return true;
}

/* As its headers say. */
static size_t read_image_size(HANDLE process, uintptr_t base)
{
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS nt;
    if (!read_memory(process, (const void *)base, &dos, sizeof(dos)) || dos.e_lfanew < 0 ||
        !read_memory(process, (const void *)(base + (uintptr_t)dos.e_lfanew), &nt, sizeof(nt))) {
        return 0;
    }
    return nt.OptionalHeader.SizeOfImage;
}

static void note_module(HANDLE process, const LDR_DATA_TABLE_ENTRY *entry,
                        const wchar_t *const names[], struct process_module found[], size_t count)
{
    wchar_t path[MAX_PATH];
    if (!read_path(process, &entry->FullDllName, path)) {
        return;
    }
    const wchar_t *slash = wcsrchr(path, L'\\');
    const wchar_t *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < count; i++) {
        if (!found[i].base && wide_same_name(name, names[i])) {
            found[i].base = (uintptr_t)entry->DllBase;
            found[i].size = read_image_size(process, found[i].base);
            wcscpy(found[i].path, path);
        }
    }
}

/*
 * Walks the list once; false when it changed under the walk, or cannot be read. Toolhelp is not
 * asked to: under Wine such a walk was seen to go round for ever in a list that changed meanwhile.
 * This one ends after MODULES_MAX steps, and believes a link only when the next entry points back.
 */
static bool walk_modules(HANDLE process, const PEB_LDR_DATA *loader, const wchar_t *const names[],
                         struct process_module found[], size_t count)
{
    const char *head = (const char *)loader + offsetof(PEB_LDR_DATA, InMemoryOrderModuleList);
    const char *previous = head;
    LIST_ENTRY links;
    if (!read_memory(process, head, &links, sizeof(links))) {
        return false;
    }
    for (int i = 0; i < MODULES_MAX; i++) {
        const char *at = (const char *)links.Flink;
        LDR_DATA_TABLE_ENTRY entry;
        if (at == head) {
            return true;
        }
        if (!read_memory(process, at - offsetof(LDR_DATA_TABLE_ENTRY, InMemoryOrderLinks), &entry,
                         sizeof(entry)) ||
            (const char *)entry.InMemoryOrderLinks.Blink != previous) {
            break;
        }
        note_module(process, &entry, names, found, count);
        previous = at;
        links = entry.InMemoryOrderLinks;
    }
    SetLastError(ERROR_PARTIAL_COPY);
    return false;
}

static bool find_modules(HANDLE process, const wchar_t *const names[],
                         struct process_module found[], size_t count)
{
    const PEB_LDR_DATA *loader;
    for (int i = 0; i < WALK_TRIES; i++) {
        memset(found, 0, count * sizeof(*found));
        if (!find_loader(process, &loader)) {
            return false;
        }
        if (loader && walk_modules(process, loader, names, found, count)) {
            return true;
        }
        Sleep(1);
    }
    memset(found, 0, count * sizeof(*found));
    SetLastError(ERROR_PARTIAL_COPY);
    return false;
}

bool process_find_modules(DWORD pid, const wchar_t *const names[], struct process_module found[],
                          size_t count)
{
    memset(found, 0, count * sizeof(*found));
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid);
    if (!process) {
        return false;
    }
    bool complete = find_modules(process, names, found, count);
    DWORD error = GetLastError();
    CloseHandle(process);
    SetLastError(complete ? ERROR_SUCCESS : error);
    return complete;
}

/*
 * Whether its loader has not begun: it is being created, or it is one of those that never have a
 * loader (Memory Compression, vmmem and other processes without an image).
 */
static bool has_no_loader(HANDLE process)
{
    const PEB_LDR_DATA *loader;
    return find_loader(process, &loader) && !loader;
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
