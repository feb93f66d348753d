/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/protection_result.h"

#include <stdarg.h>
#include <stdio.h>

#include "windows/manager/wide_text.h"
#include "windows/manager/win32_error.h"

void protection_conclude(struct protection_result *result, enum protection_outcome outcome,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    result->outcome = outcome;
    vsnprintf(result->reason, sizeof(result->reason), format, arguments);
    va_end(arguments);
}

void protection_refuse_error(struct protection_result *result, const char *what, DWORD error)
{
    char text[WIN32_ERROR_TEXT_SIZE];
    protection_conclude(result, PROTECTION_REFUSED, "%s: %s", what, win32_error_text(error, text));
}

/* The same for something that failed in an open process, which may have ended under our hands. */
void protection_refuse_in_process(struct protection_result *result, HANDLE process,
                                  const char *what, DWORD error)
{
    DWORD code = STILL_ACTIVE;
    if (GetExitCodeProcess(process, &code) && code != STILL_ACTIVE) {
        protection_conclude(result, PROTECTION_REFUSED, "it has ended");
    } else {
        protection_refuse_error(result, what, error);
    }
}

void protection_refuse_open(struct protection_result *result, DWORD error)
{
    if (error == ERROR_INVALID_PARAMETER) {
        protection_conclude(result, PROTECTION_REFUSED, "there is no such process");
    } else if (error == ERROR_ACCESS_DENIED) {
        protection_conclude(result, PROTECTION_REFUSED,
                            "access denied: a protected process, or missing rights");
    } else {
        protection_refuse_error(result, "it cannot be opened", error);
    }
}

void protection_refuse_agent(struct protection_result *result, enum remote_agent_error error)
{
    switch (error) {
    case REMOTE_AGENT_GONE:
        protection_conclude(result, PROTECTION_REFUSED, "the agent left without saying why");
        break;
    case REMOTE_AGENT_VERSION:
        protection_conclude(
            result, PROTECTION_REFUSED,
            "an agent of another release is loaded; restart the process to be rid of it");
        break;
    default:
        protection_conclude(result, PROTECTION_REFUSED, "a foreign %ls is loaded", AGENT_DLL_NAME);
        break;
    }
}

void protection_refuse_foreign(struct protection_result *result, const wchar_t *path)
{
    char text[UTF8_PATH_SIZE];
    utf8_from_wide(path, text, sizeof(text));
    result->foreign = true;
    protection_conclude(result, PROTECTION_REFUSED, "not ours: %.400s", text);
}
