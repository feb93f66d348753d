/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that no agent can enter are recognised before anything is done to them.
 *
 * Wine has neither protected processes nor mitigation policies nor 32-bit programs here, so a table
 * of functions answers as Windows does: a fake, case by case. The last case asks the real one.
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

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
    {"an ordinary process", STILL_ACTIVE, NONE, 0, 0, 0, 0, ADMISSION_GRANTED},
    {"one that has ended", 0, NONE, 0, 0, 0, 0, ADMISSION_ENDING},
    {"one that has ended and was protected", 1, 0, 0, 0, 0, 0, ADMISSION_ENDING},
    {"lsass with RunAsPPL (LSA light)", STILL_ACTIVE, 4, 0, 0, 0, 0, ADMISSION_PROTECTED},
    {"services.exe (WinTcb light)", STILL_ACTIVE, 0, 0, 0, 0, 0, ADMISSION_PROTECTED},
    {"an antivirus (antimalware light)", STILL_ACTIVE, 3, 0, 0, 0, 0, ADMISSION_PROTECTED},
    {"only DLLs of Microsoft", STILL_ACTIVE, NONE, 1, 0, 0, 0, ADMISSION_SIGNATURE},
    {"only DLLs of the Store", STILL_ACTIVE, NONE, 2, 0, 0, 0, ADMISSION_SIGNATURE},
    {"opted in to signature checks, not bound to them", STILL_ACTIVE, NONE, 4, 0, 0, 0,
     ADMISSION_GRANTED},
    {"no dynamic code", STILL_ACTIVE, NONE, 0, 1, 0, 0, ADMISSION_DYNAMIC_CODE},
    {"no dynamic code, threads may opt out", STILL_ACTIVE, NONE, 0, 3, 0, 0,
     ADMISSION_DYNAMIC_CODE},
    {"dynamic code is audited only", STILL_ACTIVE, NONE, 0, 8, 0, 0, ADMISSION_GRANTED},
    {"32-bit", STILL_ACTIVE, NONE, 0, 0, IMAGE_FILE_MACHINE_I386, TRUE, ADMISSION_ARCHITECTURE},
    {"32-bit, on a Windows without IsWow64Process2", STILL_ACTIVE, NONE, 0, 0, LACKS, TRUE,
     ADMISSION_ARCHITECTURE},
    {"64-bit, on that Windows", STILL_ACTIVE, NONE, 0, 0, LACKS, FALSE, ADMISSION_GRANTED},
    {"32-bit, IsWow64Process2 fails", STILL_ACTIVE, NONE, 0, 0, FAILS, TRUE,
     ADMISSION_ARCHITECTURE},
    {"nothing can be told", STILL_ACTIVE, FAILS, FAILS, FAILS, FAILS, FAILS, ADMISSION_UNKNOWN},
    {"a Windows without any of it", STILL_ACTIVE, LACKS, LACKS, LACKS, LACKS, FALSE,
     ADMISSION_GRANTED},
};

static enum admission ask(const struct answers *answers)
{
    const struct admission_functions functions = {
        .GetExitCodeProcess = exit_code,
        .GetProcessInformation = answers->protection == LACKS ? NULL : information,
        .GetProcessMitigationPolicy = answers->signature == LACKS ? NULL : policy,
        .IsWow64Process = wow64,
        .IsWow64Process2 = answers->machine == LACKS ? NULL : wow64_2,
    };
    now = answers;
    return admission_check(&functions, (HANDLE)(ULONG_PTR)0x1234);
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
    printf("%d failed\n", failures);
    return failures != 0;
}
