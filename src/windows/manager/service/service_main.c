/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_main.h"

#include <windows.h>

#include "windows/manager/service/service_control.h"
#include "windows/manager/service/supervisor.h"
#include "windows/manager/verbs.h"

/* Milliseconds that starting and stopping may take: a process may hold its loader lock for long. */
#define START_HINT 60000
#define STOP_HINT  20000

static struct {
    SERVICE_STATUS_HANDLE handle;
    HANDLE stop;
    volatile LONG state;
} service;

/* `failure`: enum service_failure. */
static void report(DWORD state, DWORD failure, DWORD wait_hint)
{
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted =
            state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = failure ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR,
        .dwServiceSpecificExitCode = failure,
        .dwWaitHint = wait_hint,
    };
    InterlockedExchange(&service.state, (LONG)state);
    SetServiceStatus(service.handle, &status);
}

/* On the dispatcher's thread. */
static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        report(SERVICE_STOP_PENDING, NO_ERROR, STOP_HINT);
        SetEvent(service.stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void ready(void)
{
    /* Not when it was asked to stop meanwhile. */
    if (service.state == SERVICE_START_PENDING) {
        report(SERVICE_RUNNING, NO_ERROR, 0);
    }
}

/* On a thread of the service control manager's, which is the service's own until it returns. */
static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    (void)argc;
    (void)argv;
    service.handle = RegisterServiceCtrlHandlerExW(SERVICE_NAME, control, NULL);
    if (!service.handle) {
        return;
    }
    report(SERVICE_START_PENDING, NO_ERROR, START_HINT);
    report(SERVICE_STOPPED, supervisor_run(service.stop, ready), 0);
}

int verb_service(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int code = verb_read_arguments(verb, 0, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    static wchar_t name[] = SERVICE_NAME;
    const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
    service.stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!service.stop) {
        return verb_system_error(verb, "no event", GetLastError());
    }
    code = CLI_DONE;
    if (!StartServiceCtrlDispatcherW(table)) {
        DWORD error = GetLastError();
        code = error == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT
                   ? verb_error(verb, "only the service control manager starts this; run "
                                      "\"" MANAGER_NAME " start\"")
                   : verb_system_error(verb, "the service cannot run", error);
    }
    CloseHandle(service.stop);
    return code;
}
