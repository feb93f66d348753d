/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_control.h"

#include <stdio.h>
#include <wchar.h>

#define DISPLAY_NAME  L"RPC Firewall"
#define POLL_INTERVAL 50 /* milliseconds */

/* A command line: the path in quotes, a blank, the verb. */
#define COMMAND_SIZE (MAX_PATH + 32)

const char *service_state_name(DWORD state)
{
    static const char *const names[] = {
        [SERVICE_STOPPED] = "stopped",
        [SERVICE_START_PENDING] = "starting",
        [SERVICE_STOP_PENDING] = "stopping",
        [SERVICE_RUNNING] = "running",
        [SERVICE_CONTINUE_PENDING] = "continuing",
        [SERVICE_PAUSE_PENDING] = "pausing",
        [SERVICE_PAUSED] = "paused",
    };
    return state && state < ARRAYSIZE(names) ? names[state] : "unknown";
}

/* Opens both; false: GetLastError(), and nothing is open. */
static bool open_service(DWORD access, SC_HANDLE *manager, SC_HANDLE *service)
{
    *service = NULL;
    *manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (!*manager) {
        return false;
    }
    *service = OpenServiceW(*manager, SERVICE_NAME, access);
    if (*service) {
        return true;
    }
    DWORD error = GetLastError();
    CloseServiceHandle(*manager);
    SetLastError(error);
    return false;
}

static void close_service(SC_HANDLE manager, SC_HANDLE service)
{
    DWORD error = GetLastError();
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
    SetLastError(error);
}

DWORD service_install(const wchar_t *path, unsigned *missing)
{
    wchar_t command[COMMAND_SIZE];
    *missing = 0;
    int length = swprintf(command, ARRAYSIZE(command), L"\"%ls\" " SERVICE_VERB, path);
    if (length < 0) {
        return ERROR_FILENAME_EXCED_RANGE;
    }
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (!manager) {
        return GetLastError();
    }
    DWORD error = ERROR_SUCCESS;
    SC_HANDLE service = CreateServiceW(manager, SERVICE_NAME, DISPLAY_NAME, SERVICE_ALL_ACCESS,
                                       SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                       SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, NULL, NULL);
    if (!service && GetLastError() == ERROR_SERVICE_EXISTS) {
        service = OpenServiceW(manager, SERVICE_NAME, SERVICE_ALL_ACCESS);
        if (service && !ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                             SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL,
                                             L"LocalSystem", NULL, DISPLAY_NAME)) {
            error = GetLastError();
        }
    } else if (!service) {
        error = GetLastError();
    }
    if (!service && !error) {
        error = GetLastError();
    }
    if (!error) {
        *missing = service_settings_apply(service_settings_system(), service);
    }
    if (service) {
        CloseServiceHandle(service);
    }
    CloseServiceHandle(manager);
    return error;
}

DWORD service_remove(void)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    if (!open_service(DELETE, &manager, &service)) {
        return GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST ? ERROR_SUCCESS : GetLastError();
    }
    DWORD error = DeleteService(service) ? ERROR_SUCCESS : GetLastError();
    close_service(manager, service);
    return error == ERROR_SERVICE_MARKED_FOR_DELETE ? ERROR_SUCCESS : error;
}

static bool query_status(SC_HANDLE service, SERVICE_STATUS_PROCESS *status)
{
    DWORD needed;
    return QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)status, sizeof(*status),
                                &needed);
}

/* The configuration comes with its texts behind it. */
union configuration {
    QUERY_SERVICE_CONFIGW config;
    BYTE bytes[8192]; /* the most that there can be, as documented */
};

static bool has_ended(DWORD pid)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, pid);
    if (!process) {
        return GetLastError() == ERROR_INVALID_PARAMETER;
    }
    bool ended = WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
    CloseHandle(process);
    return ended;
}

bool service_query(struct service_report *report)
{
    *report = (struct service_report){.state = SERVICE_STOPPED};
    SC_HANDLE manager;
    SC_HANDLE service;
    if (!open_service(SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, &manager, &service)) {
        return GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST;
    }
    SERVICE_STATUS_PROCESS status;
    union configuration configuration;
    DWORD needed;
    bool known =
        query_status(service, &status) &&
        QueryServiceConfigW(service, &configuration.config, sizeof(configuration), &needed);
    if (known) {
        report->exists = true;
        report->state = status.dwCurrentState;
        report->pid = status.dwProcessId;
        report->exit_code = status.dwWin32ExitCode;
        report->failure = status.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR
                              ? status.dwServiceSpecificExitCode
                              : 0;
        report->start_type = configuration.config.dwStartType;
        wcsncpy(report->image, configuration.config.lpBinaryPathName, ARRAYSIZE(report->image) - 1);
    }
    close_service(manager, service);
    report->dead = report->pid && has_ended(report->pid);
    return known;
}

/* Waits until the service is in `wanted` or, after `passing`, in another state. */
static DWORD wait_for_state(SC_HANDLE service, DWORD wanted, DWORD passing, DWORD timeout_ms)
{
    ULONGLONG end = GetTickCount64() + timeout_ms;
    for (;;) {
        SERVICE_STATUS_PROCESS status;
        if (!query_status(service, &status)) {
            return GetLastError();
        }
        if (status.dwCurrentState == wanted) {
            return ERROR_SUCCESS;
        }
        if (status.dwCurrentState != passing && status.dwCurrentState == SERVICE_STOPPED) {
            return status.dwWin32ExitCode ? status.dwWin32ExitCode : ERROR_PROCESS_ABORTED;
        }
        if (GetTickCount64() >= end) {
            return WAIT_TIMEOUT;
        }
        Sleep(POLL_INTERVAL);
    }
}

DWORD service_start(DWORD timeout_ms)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    if (!open_service(SERVICE_START | SERVICE_QUERY_STATUS, &manager, &service)) {
        return GetLastError();
    }
    DWORD error = StartServiceW(service, 0, NULL) ? ERROR_SUCCESS : GetLastError();
    if (!error) {
        error = wait_for_state(service, SERVICE_RUNNING, SERVICE_START_PENDING, timeout_ms);
    }
    close_service(manager, service);
    return error;
}

DWORD service_stop(DWORD timeout_ms)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    if (!open_service(SERVICE_STOP | SERVICE_QUERY_STATUS, &manager, &service)) {
        return GetLastError();
    }
    SERVICE_STATUS status;
    DWORD error =
        ControlService(service, SERVICE_CONTROL_STOP, &status) ? ERROR_SUCCESS : GetLastError();
    if (!error || error == ERROR_SERVICE_CANNOT_ACCEPT_CTRL) {
        error = wait_for_state(service, SERVICE_STOPPED, SERVICE_STOP_PENDING, timeout_ms);
    }
    close_service(manager, service);
    return error;
}
