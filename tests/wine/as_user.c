/* SPDX-License-Identifier: Apache-2.0 */
/*
 * as_user PROGRAM [ARGUMENT …]: runs a program as a user would who is no administrator; its output
 * and exit code are the program's. It ends with this one.
 */
#include <windows.h>
#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

#include "user_token.h"

/* What stands behind this program's own name on the command line. */
static wchar_t *rest_of_command_line(void)
{
    wchar_t *at = GetCommandLineW();
    bool quoted = *at == L'"';
    at += quoted;
    while (*at && *at != (quoted ? L'"' : L' '))
        at++;
    at += quoted && *at;
    while (*at == L' ')
        at++;
    return at;
}

/* Whatever becomes of this program, the other one goes with it. */
static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits));
    return job;
}

int wmain(void);
int wmain(void)
{
    STARTUPINFOW startup = {.cb = sizeof(startup), .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION child;
    DWORD code = 1;
    HANDLE token = user_token();
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!token || !CreateProcessAsUserW(token, NULL, rest_of_command_line(), NULL, NULL, TRUE,
                                        CREATE_SUSPENDED, NULL, NULL, &startup, &child)) {
        fprintf(stderr, "as_user: %lu\n", GetLastError());
        return 1;
    }
    AssignProcessToJobObject(make_job(), child.hProcess);
    ResumeThread(child.hThread);
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &code);
    return (int)code;
}
