/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/event_log_key.h"

#include <wchar.h>

const wchar_t event_log_sddl[] = L"O:BAG:SYD:(A;;0x7;;;SY)(A;;0x7;;;BA)"
                                 L"(A;;0x2;;;LS)(A;;0x2;;;NS)(A;;0x2;;;SU)(A;;0x1;;;S-1-5-32-573)";

/* A multiple of 64 KiB, as the event log wants it: a day or so of a busy server's audited calls. */
#define LOG_MAX_SIZE (64u << 20)

#define ALL_TYPES                                                                                  \
    (EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE |                     \
     EVENTLOG_AUDIT_SUCCESS | EVENTLOG_AUDIT_FAILURE)

static LSTATUS set_text(HKEY key, const wchar_t *name, DWORD type, const wchar_t *text)
{
    return RegSetValueExW(key, name, 0, type, (const BYTE *)text,
                          (DWORD)((wcslen(text) + 1) * sizeof(wchar_t)));
}

static LSTATUS set_number(HKEY key, const wchar_t *name, DWORD number)
{
    return RegSetValueExW(key, name, 0, REG_DWORD, (const BYTE *)&number, sizeof(number));
}

static LSTATUS create_key(const wchar_t *path, HKEY *key)
{
    return RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, REG_OPTION_NON_VOLATILE,
                           KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, key, NULL);
}

static LSTATUS describe_log(HKEY key)
{
    LSTATUS error = set_text(key, L"CustomSD", REG_SZ, event_log_sddl);
    if (!error) {
        error = set_text(key, L"File", REG_EXPAND_SZ,
                         L"%SystemRoot%\\System32\\winevt\\Logs\\RPCFW.evtx");
    }
    if (!error) {
        error = set_number(key, L"MaxSize", LOG_MAX_SIZE);
    }
    if (!error) {
        error = set_number(key, L"Retention", 0); /* the oldest give way */
    }
    return error;
}

static LSTATUS describe_source(HKEY key)
{
    LSTATUS error = set_text(key, L"EventMessageFile", REG_EXPAND_SZ,
                             L"%SystemRoot%\\System32\\rpcMessages.dll");
    return error ? error : set_number(key, L"TypesSupported", ALL_TYPES);
}

bool event_log_key_exists(void)
{
    HKEY key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, EVENT_LOG_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY,
                      &key)) {
        return false;
    }
    RegCloseKey(key);
    return true;
}

LSTATUS event_log_key_create(void)
{
    HKEY key;
    LSTATUS error = create_key(EVENT_LOG_KEY, &key);
    if (error) {
        return error;
    }
    error = describe_log(key);
    RegCloseKey(key);
    if (error) {
        return error;
    }
    error = create_key(EVENT_SOURCE_KEY, &key);
    if (error) {
        return error;
    }
    error = describe_source(key);
    RegCloseKey(key);
    return error;
}

LSTATUS event_log_key_remove(void)
{
    LSTATUS error = RegDeleteTreeW(HKEY_LOCAL_MACHINE, EVENT_LOG_KEY);
    return error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error;
}
