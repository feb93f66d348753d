/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes run, as Toolhelp tells, and what is loaded in one of them, as its loader does
 * (PEB and LDR_DATA_TABLE_ENTRY as [winternl.h] has them). Names compare case-insensitively. Called
 * by the verbs and the protection code; a picture of one moment, so whatever is done with it must
 * cope with processes that have ended since.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROCESS_LIST_H
#define RPCFW_WINDOWS_MANAGER_PROCESS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

struct process_entry {
    DWORD pid;
    wchar_t name[MAX_PATH]; /* of the image, without folder */
};

struct process_list {
    struct process_entry *entries; /* ascending by PID */
    size_t count;
};

/* One snapshot of all processes. False: GetLastError(). Free with process_list_free(). */
bool process_list_take(struct process_list *list);
void process_list_free(struct process_list *list);

/* The process with that PID, or NULL. */
const struct process_entry *process_list_find(const struct process_list *list, DWORD pid);

struct process_module {
    uintptr_t base; /* 0: not loaded */
    size_t size;
    wchar_t path[MAX_PATH];
};

/*
 * Looks `count` modules up by file name in the process. False when its modules
 * cannot be listed: GetLastError(), ERROR_INVALID_PARAMETER when the process does not exist.
 */
bool process_find_modules(DWORD pid, const wchar_t *const names[], struct process_module found[],
                          size_t count);

/*
 * Whether a process whose modules cannot be listed is one that nobody can have loaded a DLL into:
 * it has ended, may not be opened at all, or its loader has not begun. False: it may hold any.
 */
bool process_without_modules(DWORD pid);

#endif
