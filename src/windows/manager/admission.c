/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/admission.h"

/* Values of PROCESS_INFORMATION_CLASS and PROCESS_MITIGATION_POLICY, and the answer for a process
 * that is not protected ([processthreadsapi.h], [winnt.h]); not every header has them. */
#define LEVEL_CLASS         7
#define LEVEL_UNPROTECTED   0xfffffffeu
#define POLICY_DYNAMIC_CODE 2
#define POLICY_SIGNATURE    8

/* ProhibitDynamicCode; a thread of the process that may opt out does not help us. */
#define DYNAMIC_CODE_PROHIBITED 0x1u
/* MicrosoftSignedOnly, StoreSignedOnly */
#define SIGNATURE_RESTRICTED 0x3u

static const struct {
    const char *reason;
    const char *remedy;
} texts[ADMISSION_COUNT] = {
    [ADMISSION_GRANTED] = {"", ""},
    [ADMISSION_ENDING] = {"it has ended", "nothing: it is gone"},
    [ADMISSION_PROTECTED] = {"it is a protected process (PPL), which no DLL of ours can enter",
                             "native RPC filters: give the rules that are for it the prefix all:"},
    [ADMISSION_SIGNATURE] = {"it loads only DLLs that Microsoft has signed",
                             "native RPC filters: give the rules that are for it the prefix all:"},
    [ADMISSION_DYNAMIC_CODE] = {"it may not change code (arbitrary code guard), so calls cannot be "
                                "hooked",
                                "native RPC filters: give the rules that are for it the prefix "
                                "all:"},
    [ADMISSION_ARCHITECTURE] = {"it is a 32-bit process",
                                "native RPC filters, or a 64-bit edition of that server"},
    [ADMISSION_ACCOUNT] = {"it runs under an account that may not read the policy (neither the "
                           "system, nor an administrator, nor a service)",
                           "native RPC filters: give the rules that are for it the prefix all:; or "
                           "run it as a service"},
    [ADMISSION_SUSPENDED] = {"it is suspended", "it is tried again when it runs; it answers no "
                                                "calls now"},
    [ADMISSION_UNKNOWN] = {"what it lets in cannot be told", "nothing"},
};

static void *find(const wchar_t *module, const char *name)
{
    HMODULE handle = GetModuleHandleW(module);
    return handle ? (void *)(uintptr_t)GetProcAddress(handle, name) : NULL;
}

const struct admission_functions *admission_system(void)
{
    static struct admission_functions functions;
    static const wchar_t kernel32[] = L"kernel32.dll";
    if (!functions.GetExitCodeProcess) {
        functions.GetProcessInformation = find(kernel32, "GetProcessInformation");
        functions.GetProcessMitigationPolicy = find(kernel32, "GetProcessMitigationPolicy");
        functions.IsWow64Process = IsWow64Process;
        functions.IsWow64Process2 = find(kernel32, "IsWow64Process2");
        functions.policy_access = policy_access_of;
        functions.GetExitCodeProcess = GetExitCodeProcess;
    }
    return &functions;
}

static bool has_ended(const struct admission_functions *functions, HANDLE process)
{
    DWORD code = STILL_ACTIVE;
    return functions->GetExitCodeProcess(process, &code) && code != STILL_ACTIVE;
}

static bool is_protected(const struct admission_functions *functions, HANDLE process)
{
    DWORD level = LEVEL_UNPROTECTED;
    return functions->GetProcessInformation &&
           functions->GetProcessInformation(process, LEVEL_CLASS, &level, sizeof(level)) &&
           level != LEVEL_UNPROTECTED;
}

/* A policy is one word of flags. */
static bool has_policy(const struct admission_functions *functions, HANDLE process, int policy,
                       DWORD flags)
{
    DWORD value = 0;
    return functions->GetProcessMitigationPolicy &&
           functions->GetProcessMitigationPolicy(process, policy, &value, sizeof(value)) &&
           (value & flags) != 0;
}

/* Whether it runs code of another architecture than this program's. */
static enum admission compare_architecture(const struct admission_functions *functions,
                                           HANDLE process)
{
    USHORT theirs = IMAGE_FILE_MACHINE_UNKNOWN;
    USHORT ours = IMAGE_FILE_MACHINE_UNKNOWN;
    USHORT native;
    if (functions->IsWow64Process2 && functions->IsWow64Process2(process, &theirs, &native) &&
        functions->IsWow64Process2(GetCurrentProcess(), &ours, &native)) {
        return theirs == ours ? ADMISSION_GRANTED : ADMISSION_ARCHITECTURE;
    }
    BOOL their_wow64 = FALSE;
    BOOL our_wow64 = FALSE;
    if (!functions->IsWow64Process(process, &their_wow64) ||
        !functions->IsWow64Process(GetCurrentProcess(), &our_wow64)) {
        return ADMISSION_UNKNOWN;
    }
    return their_wow64 == our_wow64 ? ADMISSION_GRANTED : ADMISSION_ARCHITECTURE;
}

bool admission_same_architecture(const struct admission_functions *functions, HANDLE process)
{
    return compare_architecture(functions, process) == ADMISSION_GRANTED;
}

enum admission admission_check(const struct admission_functions *functions, HANDLE process)
{
    if (has_ended(functions, process)) {
        return ADMISSION_ENDING;
    }
    if (is_protected(functions, process)) {
        return ADMISSION_PROTECTED;
    }
    if (has_policy(functions, process, POLICY_SIGNATURE, SIGNATURE_RESTRICTED)) {
        return ADMISSION_SIGNATURE;
    }
    if (has_policy(functions, process, POLICY_DYNAMIC_CODE, DYNAMIC_CODE_PROHIBITED)) {
        return ADMISSION_DYNAMIC_CODE;
    }
    enum admission admission = compare_architecture(functions, process);
    /* Where the account cannot be told, the agent finds out, and says so. */
    if (admission == ADMISSION_GRANTED && functions->policy_access &&
        functions->policy_access(process) == POLICY_ACCESS_DENIED) {
        admission = ADMISSION_ACCOUNT;
    }
    return admission;
}

const char *admission_reason(enum admission admission)
{
    return texts[admission].reason;
}

const char *admission_remedy(enum admission admission)
{
    return texts[admission].remedy;
}
