/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of an attempt at one process, and the words for it. Filled in by protection.c and
 * protection_present.c, on the caller's thread; prints nothing, owns nothing.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROTECTION_RESULT_H
#define RPCFW_WINDOWS_MANAGER_PROTECTION_RESULT_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "windows/agent_status.h"
#include "windows/manager/admission.h"
#include "windows/manager/remote_agent.h"

enum protection_outcome {
    PROTECTION_ADDED,
    PROTECTION_PRESENT,    /* protected before; protection_inspect(): protected */
    PROTECTION_NOT_SERVER, /* the process hosts no RPC server with a remote endpoint: `reason` */
    PROTECTION_REMOVED,
    PROTECTION_DRAINING,  /* unhooked; the agent leaves when its calls in flight end */
    PROTECTION_REFRESHED, /* uses the newest policy now */
    PROTECTION_ABSENT,    /* no agent in the process, or no such process any more */
    PROTECTION_REFUSED,   /* `reason` */
};

#define PROTECTION_REASON_SIZE 512

struct protection_result {
    enum protection_outcome outcome;
    uintptr_t base;             /* where the agent's DLL is or was; 0: none was seen */
    size_t image_size;          /* of that DLL */
    bool former;                /* protection_try(): of an agent that is leaving */
    bool foreign;               /* REFUSED: that DLL is not the installed one */
    bool unasked;               /* REFUSED before it could be seen whether it serves anything */
    enum admission admission;   /* REFUSED: why, where that was known before the attempt */
    struct agent_status status; /* ADDED, PRESENT, DRAINING, REFRESHED: as last read */
    char reason[PROTECTION_REASON_SIZE]; /* NOT_SERVER, REFUSED: UTF-8, no line feed */
};

/* The outcome and its reason. */
void protection_conclude(struct protection_result *result, enum protection_outcome outcome,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));

/* REFUSED for a Win32 error of `what`. */
void protection_refuse_error(struct protection_result *result, const char *what, DWORD error);

/* The same for something that failed in an open process, which may have ended under our hands. */
void protection_refuse_in_process(struct protection_result *result, HANDLE process,
                                  const char *what, DWORD error);

/* REFUSED because OpenProcess failed. */
void protection_refuse_open(struct protection_result *result, DWORD error);

/* REFUSED because of what the DLL of our name is, although it is the installed one. */
void protection_refuse_agent(struct protection_result *result, enum remote_agent_error error);

/* REFUSED because the DLL of our name came from that path, and not from the installed one. */
void protection_refuse_foreign(struct protection_result *result, const wchar_t *path);

#endif
