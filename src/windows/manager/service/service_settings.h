/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service is given beside its path and its start: who may reach it, which privileges it
 * keeps, what happens when it dies.
 *
 * The two functions of the system that take these are one table, so that a test sees what is passed
 * where a system does not keep it. Called by service_install(), on the main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_SETTINGS_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_SETTINGS_H

#include <windows.h>

/* Who may do what with the service: the system and administrators everything, others look. */
extern const wchar_t service_sddl[];

/* Privileges that the service keeps of those of its account; a list of names that ends with an
 * empty one, as the service control manager takes it. */
extern const wchar_t service_privileges[];

/* Settings beside those that a service cannot be without; a system may lack some of them. */
enum service_setting {
    SERVICE_SETTING_DESCRIPTION,
    SERVICE_SETTING_RECOVERY,      /* start it again when it dies */
    SERVICE_SETTING_RECOVERY_FLAG, /* also when it ends with an error */
    SERVICE_SETTING_SID,           /* an own identity in the token of the service */
    SERVICE_SETTING_PRIVILEGES,    /* none but service_privileges */
    SERVICE_SETTING_SECURITY,      /* service_sddl */
    SERVICE_SETTING_COUNT,
};

/* One or two words for messages. */
const char *service_setting_name(enum service_setting setting);

struct service_setting_functions {
    BOOL(WINAPI *ChangeServiceConfig2W)(SC_HANDLE, DWORD, void *);
    BOOL(WINAPI *SetServiceObjectSecurity)(SC_HANDLE, SECURITY_INFORMATION, PSECURITY_DESCRIPTOR);
};

/* Those of this system. */
const struct service_setting_functions *service_settings_system(void);

/* Gives the open service all of them; a bit for each enum service_setting that was not taken. The
 * service needs SERVICE_ALL_ACCESS. */
unsigned service_settings_apply(const struct service_setting_functions *functions,
                                SC_HANDLE service);

#endif
