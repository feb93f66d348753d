/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All processes in one question to the system, with what tells whether one of them has changed: for
 * the service, which asks often. One owner, one thread; the memory is used again each time.
 *
 * NtQuerySystemInformation(SystemProcessInformation) is what Toolhelp asks too; asked directly it
 * also gives the time of creation, which with the PID names a process for good, and the numbers of
 * handles. Every length in the answer is checked.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROCESS_SNAPSHOT_H
#define RPCFW_WINDOWS_MANAGER_PROCESS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

#include "windows/manager/wide_text.h"

struct process_fact {
    DWORD pid;
    uint64_t created; /* FILETIME: 100 ns since 1601-01-01 UTC */
    DWORD handles;
    DWORD threads;
    bool suspended;      /* each of its threads is held */
    const wchar_t *name; /* of the image, not zero-terminated; lives as long as the snapshot */
    size_t name_length;  /* in wide characters */
};

struct process_snapshot {
    BYTE *buffer; /* of the process heap */
    size_t capacity;
    size_t size;                /* of the answer */
    struct process_fact *facts; /* ascending by PID */
    size_t count;
    size_t fact_capacity;
};

/* A snapshot that is all zero is empty. False: GetLastError(), and the snapshot is empty. */
bool process_snapshot_take(struct process_snapshot *snapshot);
void process_snapshot_free(struct process_snapshot *snapshot);

/* The process of that PID, or NULL. */
const struct process_fact *process_snapshot_find(const struct process_snapshot *snapshot,
                                                 DWORD pid);

/* Its name as zero-terminated UTF-8. */
void process_fact_name(const struct process_fact *fact, char name[UTF8_PATH_SIZE]);

#endif
