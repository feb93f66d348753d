/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that no agent can enter are recognised before anything is done to them.
 *
 * Wine has neither protected processes nor mitigation policies nor 32-bit programs here, so a table
 * of functions answers as Windows does: a fake, case by case. The last cases ask the real ones.
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#include "user_token.h"
#include "windows/manager/admission.h"

#define NONE 0xfffffffeu /* the level of a process that is not protected */

/* What the fake answers about the process; a function that fails is FAILS, one that is missing
 * LACKS. */
#define FAILS 0xf0000001u
#define LACKS 0xf0000002u

struct answers {
    const char *what;
    DWORD exit_code;
    DWORD protection; /* [winnt.h] */
    DWORD signature;  /* flags of the signature policy */
    DWORD dynamic_code;
    DWORD machine; /* of IsWow64Process2 */
    DWORD wow64;   /* of IsWow64Process */
    enum admission expected;
    enum policy_access access;
};

static const struct answers *now;

static BOOL WINAPI exit_code(HANDLE process, DWORD *code)
{
    (void)process;
    *code = now->exit_code;
    return now->exit_code != FAILS;
}

static BOOL WINAPI information(HANDLE process, int class, void *out, DWORD size)
{
    (void)process;
    if (class != 7 || size != sizeof(DWORD) || now->protection == FAILS) {
        return FALSE;
    }
    memcpy(out, &now->protection, size);
    return TRUE;
}

static BOOL WINAPI policy(HANDLE process, int which, void *out, SIZE_T size)
{
    (void)process;
    DWORD value = which == 8 ? now->signature : which == 2 ? now->dynamic_code : FAILS;
    memcpy(out, &value, sizeof(value));
    return size == sizeof(value) && value != FAILS;
}

static BOOL WINAPI wow64(HANDLE process, BOOL *is)
{
    *is = process != GetCurrentProcess() && now->wow64 == TRUE;
    return now->wow64 != FAILS;
}

static BOOL WINAPI wow64_2(HANDLE process, USHORT *machine, USHORT *native)
{
    *machine = process == GetCurrentProcess() ? 0 : (USHORT)now->machine;
    *native = IMAGE_FILE_MACHINE_AMD64;
    return now->machine != FAILS;
}

static const struct answers cases[] = {
    {"an ordinary process", STILL_ACTIVE, NONE, 0, 0, 0, 0, ADMISSION_GRANTED,
     POLICY_ACCESS_ALLOWED},
    {"one that has ended", 0, NONE, 0, 0, 0, 0, ADMISSION_ENDING, POLICY_ACCESS_ALLOWED},
    {"one that has ended and was protected", 1, 0, 0, 0, 0, 0, ADMISSION_ENDING,
     POLICY_ACCESS_ALLOWED},
    {"lsass with RunAsPPL (LSA light)", STILL_ACTIVE, 4, 0, 0, 0, 0, ADMISSION_PROTECTED,
     POLICY_ACCESS_ALLOWED},
    {"services.exe (WinTcb light)", STILL_ACTIVE, 0, 0, 0, 0, 0, ADMISSION_PROTECTED,
     POLICY_ACCESS_ALLOWED},
    {"an antivirus (antimalware light)", STILL_ACTIVE, 3, 0, 0, 0, 0, ADMISSION_PROTECTED,
     POLICY_ACCESS_ALLOWED},
    {"only DLLs of Microsoft", STILL_ACTIVE, NONE, 1, 0, 0, 0, ADMISSION_SIGNATURE,
     POLICY_ACCESS_ALLOWED},
    {"only DLLs of the Store", STILL_ACTIVE, NONE, 2, 0, 0, 0, ADMISSION_SIGNATURE,
     POLICY_ACCESS_ALLOWED},
    {"opted in to signature checks, not bound to them", STILL_ACTIVE, NONE, 4, 0, 0, 0,
     ADMISSION_GRANTED, POLICY_ACCESS_ALLOWED},
    {"no dynamic code", STILL_ACTIVE, NONE, 0, 1, 0, 0, ADMISSION_DYNAMIC_CODE,
     POLICY_ACCESS_ALLOWED},
    {"no dynamic code, threads may opt out", STILL_ACTIVE, NONE, 0, 3, 0, 0, ADMISSION_DYNAMIC_CODE,
     POLICY_ACCESS_ALLOWED},
    {"dynamic code is audited only", STILL_ACTIVE, NONE, 0, 8, 0, 0, ADMISSION_GRANTED,
     POLICY_ACCESS_ALLOWED},
    {"32-bit", STILL_ACTIVE, NONE, 0, 0, IMAGE_FILE_MACHINE_I386, TRUE, ADMISSION_ARCHITECTURE,
     POLICY_ACCESS_ALLOWED},
    {"32-bit, on a Windows without IsWow64Process2", STILL_ACTIVE, NONE, 0, 0, LACKS, TRUE,
     ADMISSION_ARCHITECTURE, POLICY_ACCESS_ALLOWED},
    {"64-bit, on that Windows", STILL_ACTIVE, NONE, 0, 0, LACKS, FALSE, ADMISSION_GRANTED,
     POLICY_ACCESS_ALLOWED},
    {"32-bit, IsWow64Process2 fails", STILL_ACTIVE, NONE, 0, 0, FAILS, TRUE, ADMISSION_ARCHITECTURE,
     POLICY_ACCESS_ALLOWED},
    {"of an ordinary user", STILL_ACTIVE, NONE, 0, 0, 0, 0, ADMISSION_ACCOUNT,
     POLICY_ACCESS_DENIED},
    {"of an account that cannot be told", STILL_ACTIVE, NONE, 0, 0, 0, 0, ADMISSION_GRANTED,
     POLICY_ACCESS_UNKNOWN},
    {"32-bit, of an ordinary user", STILL_ACTIVE, NONE, 0, 0, IMAGE_FILE_MACHINE_I386, TRUE,
     ADMISSION_ARCHITECTURE, POLICY_ACCESS_DENIED},
    {"nothing can be told", STILL_ACTIVE, FAILS, FAILS, FAILS, FAILS, FAILS, ADMISSION_UNKNOWN,
     POLICY_ACCESS_ALLOWED},
    {"a Windows without any of it", STILL_ACTIVE, LACKS, LACKS, LACKS, LACKS, FALSE,
     ADMISSION_GRANTED, POLICY_ACCESS_ALLOWED},
};

static enum policy_access access(HANDLE process)
{
    (void)process;
    return now->access;
}

static enum admission ask(const struct answers *answers)
{
    const struct admission_functions functions = {
        .GetExitCodeProcess = exit_code,
        .GetProcessInformation = answers->protection == LACKS ? NULL : information,
        .GetProcessMitigationPolicy = answers->signature == LACKS ? NULL : policy,
        .IsWow64Process = wow64,
        .IsWow64Process2 = answers->machine == LACKS ? NULL : wow64_2,
        .policy_access = access,
    };
    now = answers;
    return admission_check(&functions, (HANDLE)(ULONG_PTR)0x1234);
}

/* This program once more, as its user would run it who is no administrator; suspended. */
static bool start_as_user(PROCESS_INFORMATION *child)
{
    wchar_t path[MAX_PATH];
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    HANDLE token = user_token();
    bool started = token && GetModuleFileNameW(NULL, path, MAX_PATH) &&
                   CreateProcessAsUserW(token, path, NULL, NULL, NULL, FALSE, CREATE_SUSPENDED,
                                        NULL, NULL, &startup, child);
    if (token) {
        CloseHandle(token);
    }
    return started;
}

static int check_accounts(void)
{
    PROCESS_INFORMATION child;
    enum policy_access ours = policy_access_of(GetCurrentProcess());
    enum policy_access none = policy_access_of(NULL);
    if (!start_as_user(&child)) {
        printf("FAILED: a process of an ordinary user: error %lu\n", GetLastError());
        return 1;
    }
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, child.dwProcessId);
    enum policy_access theirs = policy_access_of(process);
    enum admission admission = admission_check(admission_system(), process);
    bool right = ours == POLICY_ACCESS_ALLOWED && theirs == POLICY_ACCESS_DENIED &&
                 none == POLICY_ACCESS_UNKNOWN && admission == ADMISSION_ACCOUNT;
    printf(
        "%s: this account may read the policy (%d), an ordinary user may not (%d, %d), no process "
        "cannot be told (%d)\n",
        right ? "ok" : "FAILED", ours, theirs, admission, none);
    TerminateProcess(child.hProcess, 0);
    CloseHandle(process);
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
    return !right;
}

int main(void)
{
    int failures = 0;
    for (size_t i = 0; i < ARRAYSIZE(cases); i++) {
        enum admission admission = ask(&cases[i]);
        bool right = admission == cases[i].expected;
        printf("%s: %s: %d %s\n", right ? "ok" : "FAILED", cases[i].what, admission,
               admission_reason(admission));
        failures += !right;
    }
    for (int i = ADMISSION_GRANTED + 1; i < ADMISSION_COUNT; i++) {
        if (!*admission_reason(i) || !*admission_remedy(i)) {
            printf("FAILED: reason %d has no words\n", i);
            failures++;
        }
    }
    if (admission_check(admission_system(), GetCurrentProcess()) != ADMISSION_GRANTED) {
        printf("FAILED: this process itself\n");
        failures++;
    }
    failures += check_accounts();
    printf("%d failed\n", failures);
    return failures != 0;
}
