/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/injection.h"

#include <string.h>

#include "windows/manager/process_list.h"

/*
 * Where the process has a function of kernel32.dll: the same offset in the same system DLL as here.
 * System DLLs have one base for all processes until the next start of the machine, but nothing
 * promises it.
 */
static LPTHREAD_START_ROUTINE remote_function(DWORD pid, const char *function)
{
    HMODULE kernel32 = GetModuleHandleW(L"kernel32.dll");
    uintptr_t local = kernel32 ? (uintptr_t)GetProcAddress(kernel32, function) : 0;
    HMODULE holder;
    wchar_t path[MAX_PATH];
    if (!local ||
        !GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            (const wchar_t *)local, &holder) ||
        !GetModuleFileNameW(holder, path, ARRAYSIZE(path))) {
        return NULL;
    }
    const wchar_t *slash = wcsrchr(path, L'\\');
    const wchar_t *name = slash ? slash + 1 : path;
    struct process_module module;
    if (!process_find_modules(pid, &name, &module, 1)) {
        return NULL;
    }
    if (!module.base) {
        SetLastError(ERROR_MOD_NOT_FOUND);
        return NULL;
    }
    return (LPTHREAD_START_ROUTINE)(module.base + (local - (uintptr_t)holder));
}

static enum injection_result wait_for_load(HANDLE thread, DWORD timeout_ms)
{
    DWORD wait = WaitForSingleObject(thread, timeout_ms);
    if (wait == WAIT_TIMEOUT) {
        return INJECTION_TIMED_OUT;
    }
    DWORD code = 0;
    if (wait != WAIT_OBJECT_0 || !GetExitCodeThread(thread, &code)) {
        return INJECTION_FAILED;
    }
    /* The low half of the module's base, which 64 KiB alignment and a 4 GiB boundary can make zero:
     * rare, and then the caller, who looks for the module, still says what is true. */
    return code ? INJECTION_DONE : INJECTION_NOT_LOADED;
}

enum injection_result injection_load(HANDLE process, DWORD pid, const wchar_t *path,
                                     DWORD timeout_ms)
{
    LPTHREAD_START_ROUTINE load_library = remote_function(pid, "LoadLibraryW");
    if (!load_library) {
        return INJECTION_FAILED;
    }
    SIZE_T size = (wcslen(path) + 1) * sizeof(wchar_t);
    void *remote = VirtualAllocEx(process, NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (!remote) {
        return INJECTION_FAILED;
    }
    enum injection_result result = INJECTION_FAILED;
    HANDLE thread = NULL;
    SIZE_T written = 0;
    if (WriteProcessMemory(process, remote, path, size, &written) && written == size) {
        thread = CreateRemoteThread(process, NULL, 0, load_library, remote, 0, NULL);
    }
    if (thread) {
        result = wait_for_load(thread, timeout_ms);
        CloseHandle(thread);
    }
    /* A thread that still runs may still read the path. */
    if (result != INJECTION_TIMED_OUT) {
        DWORD error = GetLastError();
        VirtualFreeEx(process, remote, 0, MEM_RELEASE);
        SetLastError(error);
    }
    return result;
}

bool injection_free(HANDLE process, DWORD pid, uintptr_t base, DWORD timeout_ms)
{
    LPTHREAD_START_ROUTINE free_library = remote_function(pid, "FreeLibrary");
    if (!free_library) {
        return false;
    }
    HANDLE thread = CreateRemoteThread(process, NULL, 0, free_library, (void *)base, 0, NULL);
    if (!thread) {
        return false;
    }
    DWORD freed = FALSE;
    bool ended = WaitForSingleObject(thread, timeout_ms) == WAIT_OBJECT_0 &&
                 GetExitCodeThread(thread, &freed);
    CloseHandle(thread);
    return ended && freed;
}
