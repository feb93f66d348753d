/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service is given: access list, privileges, SID, recovery. First what is passed to the
 * system, seen through a table of functions (a fake); then a real service of another name under
 * Wine, where everything that it says it took is read back.
 */
#include "windows/manager/service/service_settings.h"
#include "wine_check.h"

#include <sddl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define TEST_SERVICE L"RpcFwSettingsTest"
#define ALL_ACCESS   0xf01ffu
#define LOOK         0x2018du

static unsigned levels_seen;
static bool security_seen;
static DWORD refused_level; /* that the fake does not take */

/* ---- What each setting must be ---- */

static void check_recovery(const SERVICE_FAILURE_ACTIONSW *actions)
{
    bool restarts = actions->cActions == 3;
    for (DWORD i = 0; restarts && i < actions->cActions; i++) {
        restarts = actions->lpsaActions[i].Type == SC_ACTION_RESTART &&
                   actions->lpsaActions[i].Delay >= 1000 && actions->lpsaActions[i].Delay <= 60000;
    }
    check(restarts, "it is started again after each of its deaths, within a minute");
    check(actions->dwResetPeriod == 86400, "and the deaths of a day count");
    check((!actions->lpCommand || !*actions->lpCommand) &&
              (!actions->lpRebootMsg || !*actions->lpRebootMsg),
          "nothing else is run then, and the machine goes on");
}

static void check_privileges(const wchar_t *list)
{
    static const wchar_t expected[] = L"SeDebugPrivilege\0SeSecurityPrivilege\0"
                                      L"SeCreateGlobalPrivilege\0SeChangeNotifyPrivilege\0";
    check(memcmp(list, expected, sizeof(expected)) == 0, "four privileges are kept, no other");
}

static void check_level(DWORD level, const void *info)
{
    switch (level) {
    case SERVICE_CONFIG_DESCRIPTION:
        check(wcsstr(((const SERVICE_DESCRIPTIONW *)info)->lpDescription, L"RpcFw.conf") != NULL,
              "the description says by which file it goes");
        break;
    case SERVICE_CONFIG_FAILURE_ACTIONS:
        check_recovery(info);
        break;
    case SERVICE_CONFIG_FAILURE_ACTIONS_FLAG:
        check(((const SERVICE_FAILURE_ACTIONS_FLAG *)info)->fFailureActionsOnNonCrashFailures,
              "an end with an error counts as a death");
        break;
    case SERVICE_CONFIG_SERVICE_SID_INFO:
        check(((const SERVICE_SID_INFO *)info)->dwServiceSidType == SERVICE_SID_TYPE_UNRESTRICTED,
              "its token has the SID of the service");
        break;
    case SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO:
        check_privileges(((const SERVICE_REQUIRED_PRIVILEGES_INFOW *)info)->pmszRequiredPrivileges);
        break;
    default:
        printf("FAILED: a setting that nobody knows: %lu\n", level);
        failures++;
        break;
    }
}

/* The mask that the list grants to a well-known SID; 0: none. Counts the entries. */
static DWORD granted(PACL list, WELL_KNOWN_SID_TYPE who)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof(sid);
    DWORD mask = 0;
    CreateWellKnownSid(who, NULL, sid, &size);
    for (DWORD i = 0; i < list->AceCount; i++) {
        ACCESS_ALLOWED_ACE *entry;
        if (GetAce(list, i, (void **)&entry) && entry->Header.AceType == ACCESS_ALLOWED_ACE_TYPE &&
            EqualSid(&entry->SidStart, sid)) {
            mask |= entry->Mask;
        }
    }
    return mask;
}

static void check_security(PSECURITY_DESCRIPTOR descriptor)
{
    PACL list = NULL;
    BOOL present = FALSE;
    BOOL defaulted;
    GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted);
    check(present && list && list->AceCount == 4, "the access list has four entries");
    if (!list) {
        return;
    }
    check(granted(list, WinLocalSystemSid) == ALL_ACCESS &&
              granted(list, WinBuiltinAdministratorsSid) == ALL_ACCESS,
          "the system and administrators may do everything");
    check(granted(list, WinInteractiveSid) == LOOK && granted(list, WinServiceSid) == LOOK,
          "users and services look, and neither start, stop nor change it");
}

/* ---- The fake ---- */

static BOOL WINAPI change_config(SC_HANDLE service, DWORD level, void *info)
{
    check(service == (SC_HANDLE)0x1234, "the service that was asked for");
    check_level(level, info);
    levels_seen |= 1u << level;
    return level != refused_level;
}

static BOOL WINAPI set_security(SC_HANDLE service, SECURITY_INFORMATION what,
                                PSECURITY_DESCRIPTOR descriptor)
{
    check(service == (SC_HANDLE)0x1234 && what == DACL_SECURITY_INFORMATION,
          "the access list, and not the owner");
    check_security(descriptor);
    security_seen = true;
    return TRUE;
}

static void test_what_is_passed(void)
{
    static const struct service_setting_functions fake = {change_config, set_security};
    unsigned all = 1u << SERVICE_CONFIG_DESCRIPTION | 1u << SERVICE_CONFIG_FAILURE_ACTIONS |
                   1u << SERVICE_CONFIG_FAILURE_ACTIONS_FLAG |
                   1u << SERVICE_CONFIG_SERVICE_SID_INFO |
                   1u << SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO;
    check(service_settings_apply(&fake, (SC_HANDLE)0x1234) == 0, "all taken");
    check(levels_seen == all && security_seen, "each setting was passed");
    refused_level = SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO;
    check(service_settings_apply(&fake, (SC_HANDLE)0x1234) == 1u << SERVICE_SETTING_PRIVILEGES,
          "one that was not taken is named");
}

/* ---- The real thing ---- */

/* Wine takes some settings and does not answer for them: "not kept". */
static void read_back(SC_HANDLE service, DWORD level, enum service_setting setting,
                      unsigned missing)
{
    static union {
        BYTE bytes[8192];
        void *aligned;
    } answer;
    DWORD needed;
    const char *name = service_setting_name(setting);
    if (missing & 1u << setting) {
        printf("not taken here: %s\n", name);
    } else if (!QueryServiceConfig2W(service, level, answer.bytes, sizeof(answer), &needed)) {
        printf("not kept here: %s (error %lu)\n", name, GetLastError());
    } else {
        printf("read back: %s\n", name);
        check_level(level, answer.bytes);
    }
}

static void read_back_all(SC_HANDLE service, unsigned missing)
{
    static BYTE descriptor[4096];
    DWORD needed;
    read_back(service, SERVICE_CONFIG_DESCRIPTION, SERVICE_SETTING_DESCRIPTION, missing);
    check(!(missing & 1u << SERVICE_SETTING_DESCRIPTION), "the description is taken everywhere");
    read_back(service, SERVICE_CONFIG_FAILURE_ACTIONS, SERVICE_SETTING_RECOVERY, missing);
    read_back(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, SERVICE_SETTING_RECOVERY_FLAG, missing);
    read_back(service, SERVICE_CONFIG_SERVICE_SID_INFO, SERVICE_SETTING_SID, missing);
    read_back(service, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, SERVICE_SETTING_PRIVILEGES,
              missing);
    if (QueryServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, descriptor,
                                   sizeof(descriptor), &needed)) {
        wchar_t *text = NULL;
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL);
        printf("the access list, as it is told here: %ls\n", text ? text : L"none");
        LocalFree(text);
    }
}

static void test_real_service(void)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    SC_HANDLE service = manager ? CreateServiceW(manager, TEST_SERVICE, NULL, SERVICE_ALL_ACCESS,
                                                 SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START,
                                                 SERVICE_ERROR_NORMAL, L"C:\\none.exe", NULL, NULL,
                                                 NULL, NULL, NULL)
                                : NULL;
    check(service != NULL, "a service is made");
    if (service) {
        read_back_all(service, service_settings_apply(service_settings_system(), service));
        DeleteService(service);
        CloseServiceHandle(service);
    }
    if (manager) {
        CloseServiceHandle(manager);
    }
}

int main(void)
{
    test_what_is_passed();
    test_real_service();
    printf("%d failed\n", failures);
    return failures != 0;
}
