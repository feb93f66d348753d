/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_settings.h"

#include <sddl.h>
#include <stdbool.h>
#include <stdint.h>

#define SECOND 1000u
#define DAY    86400u /* seconds */

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

const struct service_setting_functions *service_settings_system(void)
{
    static const struct service_setting_functions functions = {
        .ChangeServiceConfig2W = ChangeServiceConfig2W,
        .SetServiceObjectSecurity = SetServiceObjectSecurity,
    };
    return &functions;
}

static bool set_security(const struct service_setting_functions *functions, SC_HANDLE service)
{
    PSECURITY_DESCRIPTOR descriptor;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(service_sddl, SDDL_REVISION_1,
                                                              &descriptor, NULL)) {
        return false;
    }
    BOOL set = functions->SetServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, descriptor);
    LocalFree(descriptor);
    return set;
}

/*
 * The first two deaths are taken for accidents. A service that goes on dying is started again all
 * the same, but not so often that it is a burden.
 */
unsigned service_settings_apply(const struct service_setting_functions *functions,
                                SC_HANDLE service)
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
        bool set = settings[i].info ? functions->ChangeServiceConfig2W(service, settings[i].level,
                                                                       settings[i].info)
                                    : set_security(functions, service);
        missing |= set ? 0 : 1u << i;
    }
    return missing;
}
