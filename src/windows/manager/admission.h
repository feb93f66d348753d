/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the agent can be brought into a process at all, asked before anything is done to it.
 *
 * What newer systems offer is looked up at run time; what a system lacks cannot be in the way
 * there. The functions are one table, so that tests can answer as any Windows does. Called by the
 * protection code and by doctor, on one thread; no state but the table.
 */
#ifndef RPCFW_WINDOWS_MANAGER_ADMISSION_H
#define RPCFW_WINDOWS_MANAGER_ADMISSION_H

#include <stdbool.h>
#include <windows.h>

#include "windows/manager/policy_access.h"

enum admission {
    ADMISSION_GRANTED,
    ADMISSION_ENDING,       /* it has ended or is about to */
    ADMISSION_PROTECTED,    /* a protected process (PPL): the system keeps all others out */
    ADMISSION_SIGNATURE,    /* it loads only DLLs signed by Microsoft or the Store */
    ADMISSION_DYNAMIC_CODE, /* it may not make or change code: calls cannot be hooked */
    ADMISSION_ARCHITECTURE, /* 32-bit, or for another processor */
    ADMISSION_ACCOUNT,      /* an agent in it may not read the policy (policy_access.h) */
    ADMISSION_SUSPENDED,    /* each of its threads is held (process_snapshot.h tells) */
    ADMISSION_UNKNOWN,      /* that cannot be told: GetLastError() */
    ADMISSION_COUNT,
};

/* What is asked of the system. NULL: it has no such function, and is not asked. */
struct admission_functions {
    BOOL(WINAPI *GetExitCodeProcess)(HANDLE, DWORD *);
    BOOL(WINAPI *GetProcessInformation)(HANDLE, int, void *, DWORD);       /* Windows 8 */
    BOOL(WINAPI *GetProcessMitigationPolicy)(HANDLE, int, void *, SIZE_T); /* Windows 8 */
    BOOL(WINAPI *IsWow64Process)(HANDLE, BOOL *);
    BOOL(WINAPI *IsWow64Process2)(HANDLE, USHORT *, USHORT *); /* Windows 10 1709 */
    enum policy_access (*policy_access)(HANDLE);
};

/* Those of this system; filled at the first call, never changed then. */
const struct admission_functions *admission_system(void);

/* The process needs PROCESS_QUERY_LIMITED_INFORMATION; with PROCESS_QUERY_INFORMATION everything
 * can be told. The order of the reasons is that of the enumeration. */
enum admission admission_check(const struct admission_functions *functions, HANDLE process);

/* Whether it is known to run code of this program's architecture. */
bool admission_same_architecture(const struct admission_functions *functions, HANDLE process);

/* The reason in words, for a message; "" for GRANTED. */
const char *admission_reason(enum admission admission);

/* What protects such a process instead, or how to mend it. */
const char *admission_remedy(enum admission admission);

#endif
