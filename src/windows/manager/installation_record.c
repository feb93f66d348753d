/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/installation_record.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "windows/agent_status.h"
#include "windows/manager/wide_text.h"

#define RELEASE_VALUE   L"Release"
#define EVENT_LOG_VALUE L"EventLogKeys"
#define SERVICE_VALUE   L"Service"
#define POLICY_VALUE    L"Policy"
#define INSTALLER_VALUE L"Installer"

#define FOLDER_NAME     L"RPC Firewall"
#define FOLDERS_KEY     L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion"

const wchar_t *const installed_file_names[INSTALLED_FILE_COUNT] = {
    [INSTALLED_AGENT] = AGENT_DLL_NAME,
    [INSTALLED_MESSAGES] = L"rpcMessages.dll",
    [INSTALLED_MANAGER] = L"rpcFwManager.exe",
};

/* The values of the files are named as the files; each holds the digests as little-endian bytes. */
static void read_file_value(HKEY key, enum installed_file file, struct recorded_file *recorded)
{
    DWORD size = sizeof(recorded->digest);
    LSTATUS error = RegGetValueW(key, NULL, installed_file_names[file], RRF_RT_REG_BINARY, NULL,
                                 recorded->digest, &size);
    recorded->count = error == ERROR_SUCCESS ? (unsigned)(size / sizeof(recorded->digest[0])) : 0;
}

static bool read_flag(HKEY key, const wchar_t *name)
{
    DWORD flag = 0;
    DWORD size = sizeof(flag);
    return RegGetValueW(key, NULL, name, RRF_RT_REG_DWORD, NULL, &flag, &size) == ERROR_SUCCESS &&
           flag == 1;
}

static LSTATUS write_flag(HKEY key, const wchar_t *name, bool flag)
{
    DWORD value = flag;
    return RegSetValueExW(key, name, 0, REG_DWORD, (const BYTE *)&value, sizeof(value));
}

static LSTATUS write_text(HKEY key, const wchar_t *name, const wchar_t *text)
{
    return RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text,
                          (DWORD)((wcslen(text) + 1) * sizeof(wchar_t)));
}

LSTATUS installation_record_read(struct installation_record *record)
{
    *record = (struct installation_record){0};
    HKEY key;
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0,
                                  KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key);
    if (error) {
        return error;
    }
    DWORD size = sizeof(record->release);
    error = RegGetValueW(key, NULL, RELEASE_VALUE, RRF_RT_REG_SZ, NULL, record->release, &size);
    if (!error) {
        record->event_log = read_flag(key, EVENT_LOG_VALUE);
        record->service = read_flag(key, SERVICE_VALUE);
        size = sizeof(record->policy);
        if (RegGetValueW(key, NULL, POLICY_VALUE, RRF_RT_REG_SZ, NULL, record->policy, &size)) {
            record->policy[0] = L'\0';
        }
        for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
            read_file_value(key, i, &record->file[i]);
        }
    }
    RegCloseKey(key);
    return error;
}

static LSTATUS write_values(HKEY key, const struct installation_record *record)
{
    LSTATUS error = write_flag(key, EVENT_LOG_VALUE, record->event_log);
    error = error ? error : write_flag(key, SERVICE_VALUE, record->service);
    error = error ? error : write_text(key, POLICY_VALUE, record->policy);
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT && !error; i++) {
        const struct recorded_file *file = &record->file[i];
        error =
            RegSetValueExW(key, installed_file_names[i], 0, REG_BINARY, (const BYTE *)file->digest,
                           (DWORD)(file->count * sizeof(file->digest[0])));
    }
    if (!error) {
        error = write_text(key, RELEASE_VALUE, record->release);
    }
    /* The system writes the registry lazily; a record that outlives a crash must not. */
    return error ? error : RegFlushKey(key);
}

LSTATUS installation_record_write(const struct installation_record *record)
{
    HKEY key;
    LSTATUS error =
        RegCreateKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0, NULL, REG_OPTION_NON_VOLATILE,
                        KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &key, NULL);
    if (error) {
        return error;
    }
    error = write_values(key, record);
    RegCloseKey(key);
    return error;
}

/* The value is the SID as it lies in memory. */
void installation_record_installer(union file_access_sid *installer)
{
    DWORD size = sizeof(*installer);
    HKEY key;
    memset(installer, 0, sizeof(*installer));
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY,
                      &key)) {
        return;
    }
    LSTATUS error =
        RegGetValueW(key, NULL, INSTALLER_VALUE, RRF_RT_REG_BINARY, NULL, installer, &size);
    RegCloseKey(key);
    if (error || size < sizeof(SID) || !IsValidSid(&installer->sid) ||
        GetLengthSid(&installer->sid) > size) {
        memset(installer, 0, sizeof(*installer));
    }
}

LSTATUS installation_record_note_installer(void)
{
    union file_access_sid user;
    HKEY key;
    if (!file_access_user(&user)) {
        return (LSTATUS)GetLastError();
    }
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0,
                                  KEY_SET_VALUE | KEY_WOW64_64KEY, &key);
    if (!error) {
        error = RegSetValueExW(key, INSTALLER_VALUE, 0, REG_BINARY, user.bytes,
                               GetLengthSid(&user.sid));
        RegCloseKey(key);
    }
    return error;
}

LSTATUS installation_record_remove(void)
{
    HKEY key;
    LSTATUS error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0,
                                  KEY_SET_VALUE | KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key);
    if (error) {
        return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
    }
    RegDeleteValueW(key, RELEASE_VALUE);
    RegDeleteValueW(key, EVENT_LOG_VALUE);
    RegDeleteValueW(key, SERVICE_VALUE);
    RegDeleteValueW(key, POLICY_VALUE);
    RegDeleteValueW(key, INSTALLER_VALUE);
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        RegDeleteValueW(key, installed_file_names[i]);
    }
    DWORD keys = 0;
    DWORD values = 0;
    error =
        RegQueryInfoKeyW(key, NULL, NULL, NULL, &keys, NULL, NULL, &values, NULL, NULL, NULL, NULL);
    RegCloseKey(key);
    if (!error && !keys && !values) {
        error = RegDeleteKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, KEY_WOW64_64KEY, 0);
    }
    return error;
}

bool installation_record_owns(const struct installation_record *record, enum installed_file file,
                              uint64_t digest)
{
    const struct recorded_file *recorded = &record->file[file];
    for (unsigned i = 0; i < recorded->count; i++) {
        if (recorded->digest[i] == digest) {
            return true;
        }
    }
    return false;
}

bool installed_folder_path(wchar_t path[MAX_PATH])
{
    wchar_t programs[MAX_PATH];
    HKEY key;
    LSTATUS error =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, FOLDERS_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key);
    if (!error) {
        DWORD size = sizeof(programs);
        error = RegGetValueW(key, NULL, L"ProgramFilesDir", RRF_RT_REG_SZ, NULL, programs, &size);
        RegCloseKey(key);
    }
    if (error) {
        SetLastError((DWORD)error);
        return false;
    }
    if (swprintf(path, MAX_PATH, L"%ls\\" FOLDER_NAME, programs) < 0) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    return true;
}

/* The folder that the file goes to. */
static bool folder_of(enum installed_file file, wchar_t path[MAX_PATH])
{
    if (file == INSTALLED_MANAGER) {
        return installed_folder_path(path);
    }
    UINT length = GetSystemDirectoryW(path, MAX_PATH);
    if (length >= MAX_PATH) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
    }
    return length && length < MAX_PATH;
}

bool installed_file_path(enum installed_file file, wchar_t path[MAX_PATH])
{
    wchar_t folder[MAX_PATH];
    if (!folder_of(file, folder)) {
        return false;
    }
    if (swprintf(path, MAX_PATH, L"%ls\\%ls", folder, installed_file_names[file]) < 0) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    return true;
}

bool running_program_path(wchar_t path[MAX_PATH])
{
    DWORD length = GetModuleFileNameW(NULL, path, MAX_PATH);
    if (length >= MAX_PATH) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
    }
    return length && length < MAX_PATH;
}

bool running_program_is_installed(void)
{
    wchar_t running[MAX_PATH];
    wchar_t installed[MAX_PATH];
    return running_program_path(running) && installed_file_path(INSTALLED_MANAGER, installed) &&
           wide_same_name(running, installed);
}
