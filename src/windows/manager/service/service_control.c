/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_control.h"

#include <sddl.h>
#include <stdio.h>
#include <wchar.h>

#define DISPLAY_NAME  L"RPC Firewall"
#define POLL_INTERVAL 50 /* milliseconds */

#define SECOND        1000u
#define DAY           86400u /* seconds */

/*
 * 0xf01ff is SERVICE_ALL_ACCESS, 0x2018d to query, enumerate, interrogate and read: what the system
 * grants by itself, written down so that nothing that is inherited or changed elsewhere adds to it.
 */
const wchar_t service_sddl[] = L"D:(A;;0xf01ff;;;SY)(A;;0xf01ff;;;BA)(A;;0x2018d;;;IU)"
                               L"(A;;0x2018d;;;SU)";

/*
 * Debug opens the processes of other accounts, Security is what switching the audit of RPC filters
 * on asks for, CreateGlobal makes the names of the policy's sections, ChangeNotify is that every
 * process may pass folders. The others of the system's account are dropped: to load drivers, to act
 * as part of the operating system, to take ownership, to make tokens.
 */
const wchar_t service_privileges[] = L"SeDebugPrivilege\0SeSecurityPrivilege\0"
                                     L"SeCreateGlobalPrivilege\0SeChangeNotifyPrivilege\0";

/* A command line: the path in quotes, a blank, the verb. */
#define COMMAND_SIZE (MAX_PATH + 32)

static wchar_t description[] =
    L"Protects the RPC servers of this computer by the rules of RpcFw.conf. While it does not run, "
    L"processes that are protected stay so, and new ones are not protected.";

const char *service_setting_name(enum service_setting setting)
{
    static const char *const names[SERVICE_SETTING_COUNT] = {
        [SERVICE_SETTING_DESCRIPTION] = "description",
        [SERVICE_SETTING_RECOVERY] = "recovery actions",
        [SERVICE_SETTING_RECOVERY_FLAG] = "recovery after errors",
        [SERVICE_SETTING_SID] = "service SID",
        [SERVICE_SETTING_PRIVILEGES] = "required privileges",
        [SERVICE_SETTING_SECURITY] = "access list",
    };
    return names[setting];
}

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

static bool set_security(SC_HANDLE service)
{
    PSECURITY_DESCRIPTOR descriptor;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(service_sddl, SDDL_REVISION_1,
                                                              &descriptor, NULL)) {
        return false;
    }
    BOOL set = SetServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, descriptor);
    LocalFree(descriptor);
    return set;
}

/*
 * The first two deaths are taken for accidents. A service that goes on dying is started again all
 * the same, but not so often that it is a burden.
 */
static unsigned configure(SC_HANDLE service)
{
    SC_ACTION actions[] = {
        {SC_ACTION_RESTART, 1 * SECOND},
        {SC_ACTION_RESTART, 5 * SECOND},
        {SC_ACTION_RESTART, 60 * SECOND},
    };
    SERVICE_FAILURE_ACTIONSW recovery = {
        .dwResetPeriod = DAY, .cActions = ARRAYSIZE(actions), .lpsaActions = actions};
    SERVICE_FAILURE_ACTIONS_FLAG recovery_flag = {.fFailureActionsOnNonCrashFailures = TRUE};
    SERVICE_DESCRIPTIONW words = {.lpDescription = description};
    SERVICE_SID_INFO sid = {.dwServiceSidType = SERVICE_SID_TYPE_UNRESTRICTED};
    SERVICE_REQUIRED_PRIVILEGES_INFOW privileges = {.pmszRequiredPrivileges =
                                                        (wchar_t *)(uintptr_t)service_privileges};
    const struct {
        DWORD level;
        void *info;
    } settings[SERVICE_SETTING_COUNT] = {
        [SERVICE_SETTING_DESCRIPTION] = {SERVICE_CONFIG_DESCRIPTION, &words},
        [SERVICE_SETTING_RECOVERY] = {SERVICE_CONFIG_FAILURE_ACTIONS, &recovery},
        [SERVICE_SETTING_RECOVERY_FLAG] = {SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &recovery_flag},
        [SERVICE_SETTING_SID] = {SERVICE_CONFIG_SERVICE_SID_INFO, &sid},
        [SERVICE_SETTING_PRIVILEGES] = {SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &privileges},
    };
    unsigned missing = 0;
    for (unsigned i = 0; i < SERVICE_SETTING_COUNT; i++) {
        bool set = settings[i].info
                       ? ChangeServiceConfig2W(service, settings[i].level, settings[i].info)
                       : set_security(service);
        missing |= set ? 0 : 1u << i;
    }
    return missing;
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
        *missing = configure(service);
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
