/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scm_client.exe open | create NAME | delete NAME | query NAME
 *
 * Does one thing with the service manager, which is a call of the interface svcctl into
 * services.exe, and prints each function's name and Win32 error, 0 for success. Exit code: 0 when
 * all succeeded, 1 otherwise.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

static bool report(const char *function, bool succeeded)
{
    printf("%s %lu\n", function, succeeded ? 0ul : GetLastError());
    fflush(stdout);
    return succeeded;
}

static bool create(SC_HANDLE manager, const char *name)
{
    SC_HANDLE service = CreateServiceA(
        manager, name, name, SERVICE_QUERY_STATUS, SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START,
        SERVICE_ERROR_NORMAL, "C:\\windows\\system32\\none.exe", NULL, NULL, NULL, NULL, NULL);
    if (!report("CreateService", service != NULL))
        return false;
    CloseServiceHandle(service);
    return true;
}

static bool remove_service(SC_HANDLE manager, const char *name)
{
    SC_HANDLE service = OpenServiceA(manager, name, DELETE);
    if (!report("OpenService", service != NULL))
        return false;
    bool removed = report("DeleteService", DeleteService(service));
    CloseServiceHandle(service);
    return removed;
}

static bool query(SC_HANDLE manager, const char *name)
{
    SC_HANDLE service = OpenServiceA(manager, name, SERVICE_QUERY_STATUS);
    if (!report("OpenService", service != NULL))
        return false;
    SERVICE_STATUS status;
    bool answered = report("QueryServiceStatus", QueryServiceStatus(service, &status));
    CloseServiceHandle(service);
    return answered;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    bool create_it = argc == 3 && strcmp(verb, "create") == 0;
    bool remove_it = argc == 3 && strcmp(verb, "delete") == 0;
    bool query_it = argc == 3 && strcmp(verb, "query") == 0;
    if (!create_it && !remove_it && !query_it && !(argc == 2 && strcmp(verb, "open") == 0)) {
        fprintf(stderr, "usage: scm_client open | create NAME | delete NAME | query NAME\n");
        return 2;
    }
    SC_HANDLE manager = OpenSCManagerA(
        NULL, NULL, SC_MANAGER_CONNECT | (create_it ? SC_MANAGER_CREATE_SERVICE : 0));
    bool succeeded = report("OpenSCManager", manager != NULL);
    if (!succeeded)
        return 1;
    if (create_it)
        succeeded = create(manager, argv[2]);
    else if (remove_it)
        succeeded = remove_service(manager, argv[2]);
    else if (query_it)
        succeeded = query(manager, argv[2]);
    CloseServiceHandle(manager);
    return succeeded ? 0 : 1;
}
