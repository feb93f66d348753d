/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/filters/audit_policy.h"

#define KEY        L"SOFTWARE\\RPC Firewall"
#define VALUE      L"FilterAudit"

#define AUDIT_NONE 0x4u /* POLICY_AUDIT_EVENT_NONE: 0 would leave the setting as it is */

/* Audit_DetailedTracking_RpcCall and its category Audit_DetailedTracking. */
static const GUID subcategory = {
    0x0cce922e, 0x69ae, 0x11d9, {0xbe, 0xd3, 0x50, 0x50, 0x54, 0x50, 0x30, 0x30}};
static const GUID category = {
    0x6997984c, 0x797a, 0x11d9, {0xbe, 0xd3, 0x50, 0x50, 0x54, 0x50, 0x30, 0x30}};

/* The audit policy is open to holders of that privilege alone. */
static DWORD enable_security_privilege(void)
{
    HANDLE token;
    TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1,
                               .Privileges = {{.Attributes = SE_PRIVILEGE_ENABLED}}};
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token)) {
        return GetLastError();
    }
    /* AdjustTokenPrivileges succeeds, with an error code, when the token lacks the privilege. */
    DWORD error = LookupPrivilegeValueW(NULL, SE_SECURITY_NAME, &wanted.Privileges[0].Luid) &&
                          AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL) &&
                          GetLastError() == ERROR_SUCCESS
                      ? 0
                      : GetLastError();
    CloseHandle(token);
    return error;
}

static DWORD begin(const struct fwpm_functions *functions)
{
    return functions->audit_query ? enable_security_privilege() : ERROR_CALL_NOT_IMPLEMENTED;
}

DWORD audit_policy_read(const struct fwpm_functions *functions, uint32_t *bits)
{
    AUDIT_POLICY_INFORMATION *found = NULL;
    DWORD error = begin(functions);
    if (error) {
        return error;
    }
    if (!functions->audit_query(&subcategory, 1, &found)) {
        return GetLastError();
    }
    *bits = found->AuditingInformation & (FILTER_AUDIT_SUCCESS | FILTER_AUDIT_FAILURE);
    functions->audit_free(found);
    return 0;
}

DWORD audit_policy_write(const struct fwpm_functions *functions, uint32_t bits)
{
    AUDIT_POLICY_INFORMATION wanted = {.AuditSubCategoryGuid = subcategory,
                                       .AuditingInformation = bits ? bits : AUDIT_NONE,
                                       .AuditCategoryGuid = category};
    DWORD error = begin(functions);
    if (error) {
        return error;
    }
    return functions->audit_set(&wanted, 1) ? 0 : GetLastError();
}

DWORD audit_record_read(bool *present, struct audit_record *record)
{
    struct audit_record found;
    DWORD size = sizeof(found);
    LSTATUS status =
        RegGetValueW(HKEY_LOCAL_MACHINE, KEY, VALUE, RRF_RT_REG_BINARY, NULL, &found, &size);
    *present = status == ERROR_SUCCESS && size == sizeof(found);
    if (*present) {
        *record = found;
    }
    /* A value of another kind is not ours, and counts as none. */
    return status == ERROR_SUCCESS || status == ERROR_FILE_NOT_FOUND ||
                   status == ERROR_UNSUPPORTED_TYPE || status == ERROR_MORE_DATA
               ? 0
               : (DWORD)status;
}

DWORD audit_record_write(const struct audit_record *record)
{
    return (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, KEY, VALUE, REG_BINARY, record,
                                  sizeof(*record));
}

DWORD audit_record_remove(void)
{
    LSTATUS status = RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, KEY, VALUE);
    return status == ERROR_FILE_NOT_FOUND ? 0 : (DWORD)status;
}
