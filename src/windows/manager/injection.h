/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes another process load a DLL: a thread in it that runs LoadLibraryW on a path written into
 * its memory; and give back a reference to one. Called by the protection code, which has checked
 * that the process is of our architecture.
 */
#ifndef RPCFW_WINDOWS_MANAGER_INJECTION_H
#define RPCFW_WINDOWS_MANAGER_INJECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

/* The rights on the process that CreateRemoteThread() and writing the path need, and no others. */
#define INJECTION_ACCESS                                                                           \
    (PROCESS_CREATE_THREAD | PROCESS_QUERY_INFORMATION | PROCESS_VM_OPERATION | PROCESS_VM_WRITE | \
     PROCESS_VM_READ)

enum injection_result {
    INJECTION_DONE,       /* LoadLibraryW returned a module */
    INJECTION_FAILED,     /* GetLastError(); nothing was changed in the process */
    INJECTION_NOT_LOADED, /* LoadLibraryW failed in the process; Windows does not tell us why */
    INJECTION_TIMED_OUT,  /* the thread still runs; the memory with the path is left to it */
};

/* `path` is the DLL's full path. Waits at most `timeout_ms` for the load. */
enum injection_result injection_load(HANDLE process, DWORD pid, const wchar_t *path,
                                     DWORD timeout_ms);

/*
 * Runs FreeLibrary once on the DLL that is loaded at `base`, from a thread of the process. Waits at
 * most `timeout_ms`; false: it did not run, has not ended or freed nothing. The caller knows that
 * nothing runs in the DLL.
 */
bool injection_free(HANDLE process, DWORD pid, uintptr_t base, DWORD timeout_ms);

#endif
