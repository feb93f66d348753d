/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/installation_record.h"

#include <string.h>

#include "windows/agent_status.h"

#define RELEASE_VALUE   L"Release"
#define EVENT_LOG_VALUE L"EventLogKeys"

const wchar_t *const installed_file_names[INSTALLED_FILE_COUNT] = {
    [INSTALLED_AGENT] = AGENT_DLL_NAME,
    [INSTALLED_MESSAGES] = L"rpcMessages.dll",
};

/* The values of the files are named as the files; each holds the digests as little-endian bytes. */
static void read_file_value(HKEY key, enum installed_file file, struct recorded_file *recorded)
{
    DWORD size = sizeof(recorded->digest);
    LSTATUS error = RegGetValueW(key, NULL, installed_file_names[file], RRF_RT_REG_BINARY, NULL,
                                 recorded->digest, &size);
    recorded->count = error == ERROR_SUCCESS ? (unsigned)(size / sizeof(recorded->digest[0])) : 0;
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
        DWORD keys = 0;
        size = sizeof(keys);
        record->event_log = RegGetValueW(key, NULL, EVENT_LOG_VALUE, RRF_RT_REG_DWORD, NULL, &keys,
                                         &size) == ERROR_SUCCESS &&
                            keys == 1;
        for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
            read_file_value(key, i, &record->file[i]);
        }
    }
    RegCloseKey(key);
    return error;
}

static LSTATUS write_values(HKEY key, const struct installation_record *record)
{
    DWORD keys = record->event_log;
    LSTATUS error =
        RegSetValueExW(key, EVENT_LOG_VALUE, 0, REG_DWORD, (const BYTE *)&keys, sizeof(keys));
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT && !error; i++) {
        const struct recorded_file *file = &record->file[i];
        error =
            RegSetValueExW(key, installed_file_names[i], 0, REG_BINARY, (const BYTE *)file->digest,
                           (DWORD)(file->count * sizeof(file->digest[0])));
    }
    if (!error) {
        error = RegSetValueExW(key, RELEASE_VALUE, 0, REG_SZ, (const BYTE *)record->release,
                               (DWORD)((wcslen(record->release) + 1) * sizeof(wchar_t)));
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

bool installed_file_path(enum installed_file file, wchar_t path[MAX_PATH])
{
    UINT length = GetSystemDirectoryW(path, MAX_PATH);
    const wchar_t *name = installed_file_names[file];
    if (!length) {
        return false;
    }
    if (length + 1 + wcslen(name) >= MAX_PATH) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    path[length] = L'\\';
    wcscpy(path + length + 1, name);
    return true;
}
