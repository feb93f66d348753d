/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/policy_file.h"

#include <sddl.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/installation_record.h"

const wchar_t policy_file_sddl[] = L"O:BAG:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)";

static const char default_policy[] =
    "# The policy of the RPC firewall on this host.\r\n"
    "#\r\n"
    "# Each line is a rule. A remote call is held against the rules from top to bottom; the first "
    "whose\r\n"
    "# conditions all hold decides. A call that no rule matches is allowed and not recorded. So "
    "this\r\n"
    "# file, which holds comments only, changes nothing.\r\n"
    "#\r\n"
    "#   rpcFwManager check RpcFw.conf      tells whether the file is good\r\n"
    "#   rpcFwManager update                puts it in force in every protected process\r\n"
    "#\r\n"
    "# Record every remote call and block none. Begin with this one, and look at the event log "
    "RPCFW:\r\n"
    "#\r\n"
    "#   fw:action:allow audit:true\r\n"
    "#\r\n"
    "# Directory replication (DRSGetNCChanges) for two domain controllers only, recorded when "
    "anybody\r\n"
    "# else tries. Put your own addresses in:\r\n"
    "#\r\n"
    "#   fw:uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 addr:192.0.2.10,192.0.2.11 action:allow\r\n"
    "#   fw:uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 opnum:3 action:block audit:true\r\n"
    "#\r\n"
    "# No services created from elsewhere, but from the administrators' subnet:\r\n"
    "#\r\n"
    "#   fw:uuid:367abb81-9844-35f1-ad32-98f038001003 addr:192.0.2.64/26 action:allow "
    "audit:true\r\n"
    "#   fw:uuid:367abb81-9844-35f1-ad32-98f038001003 opnum:12,44,45 action:block audit:true\r\n";

bool beside_manager(const wchar_t *name, wchar_t path[MAX_PATH])
{
    DWORD length = GetModuleFileNameW(NULL, path, MAX_PATH);
    if (!length || length >= MAX_PATH) {
        return false;
    }
    wchar_t *slash = wcsrchr(path, L'\\');
    size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
    size_t size = wcslen(name) + 1;
    if (folder + size > MAX_PATH) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    memcpy(path + folder, name, size * sizeof(wchar_t));
    return true;
}

/* The file of this host, for the program that install put in place; else the one beside it. */
static bool default_path(wchar_t path[MAX_PATH])
{
    struct installation_record record;
    if (running_program_is_installed() && installation_record_read(&record) == ERROR_SUCCESS &&
        record.policy[0]) {
        wcscpy(path, record.policy);
        return true;
    }
    return beside_manager(POLICY_FILE_NAME, path);
}

bool policy_file_path(const char *option, char path[UTF8_PATH_SIZE])
{
    wchar_t wide[MAX_PATH];
    if (!option) {
        return default_path(wide) && utf8_from_wide(wide, path, UTF8_PATH_SIZE);
    }
    if (strlen(option) >= UTF8_PATH_SIZE) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    strcpy(path, option);
    return true;
}

HANDLE policy_file_create(const wchar_t *path, DWORD disposition)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            policy_file_sddl, SDDL_REVISION_1, &security.lpSecurityDescriptor, NULL)) {
        return INVALID_HANDLE_VALUE;
    }
    HANDLE file =
        CreateFileW(path, GENERIC_WRITE, 0, &security, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD error = GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    SetLastError(error);
    return file;
}

bool policy_file_create_default(bool *created)
{
    *created = false;
    wchar_t path[MAX_PATH];
    if (!beside_manager(POLICY_FILE_NAME, path)) {
        return false;
    }
    HANDLE file = policy_file_create(path, CREATE_NEW);
    if (file == INVALID_HANDLE_VALUE) {
        return GetLastError() == ERROR_FILE_EXISTS;
    }
    const DWORD size = sizeof(default_policy) - 1;
    DWORD written = 0;
    bool complete = WriteFile(file, default_policy, size, &written, NULL) && written == size;
    DWORD error = GetLastError();
    CloseHandle(file);
    if (!complete) {
        DeleteFileW(path);
        SetLastError(error);
        return false;
    }
    *created = true;
    return true;
}

void policy_file_remove_default(void)
{
    wchar_t path[MAX_PATH];
    if (beside_manager(POLICY_FILE_NAME, path)) {
        DeleteFileW(path);
    }
}
