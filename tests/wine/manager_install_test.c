/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install and uninstall: what they put where, that uninstall undoes exactly that, that foreign
 * files and keys are left alone, that an install that fails half way leaves everything as it was.
 * Uses System32 and the registry of the Wine prefix that it runs in; the DLLs to install are made
 * beside the test program.
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/event_log_key.h"
#include "windows/manager/installation.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/verbs.h"
#include "wine_check.h"

/* Where the two files come from and go to, and the policy. */
static wchar_t source[INSTALLED_FILE_COUNT][MAX_PATH];
static wchar_t target[INSTALLED_FILE_COUNT][MAX_PATH];
static wchar_t policy[MAX_PATH];

static void write_file(const wchar_t *path, const char *text)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    DWORD written = 0;
    if (!WriteFile(file, text, (DWORD)strlen(text), &written, NULL)) {
        printf("FAILED: cannot write %ls: error %lu\n", path, GetLastError());
        ExitProcess(1);
    }
    CloseHandle(file);
}

static bool file_holds(const wchar_t *path, const char *text)
{
    char bytes[256] = "";
    DWORD count = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return false;
    }
    bool equal = ReadFile(file, bytes, sizeof(bytes), &count, NULL) && count == strlen(text) &&
                 memcmp(bytes, text, count) == 0;
    CloseHandle(file);
    return equal;
}

static bool exists(const wchar_t *path)
{
    return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

static bool has_leftovers(void)
{
    for (int i = 0; i < INSTALLED_FILE_COUNT; i++) {
        wchar_t path[MAX_PATH + 16];
        static const wchar_t *const suffixes[] = {L".rpcfw-new", L".rpcfw-old"};
        for (size_t k = 0; k < ARRAYSIZE(suffixes); k++) {
            wcscpy(path, target[i]);
            wcscat(path, suffixes[k]);
            if (exists(path)) {
                printf("  %ls is there\n", path);
                return true;
            }
        }
    }
    return false;
}

static bool record_exists(void)
{
    struct installation_record record;
    return installation_record_read(&record) == ERROR_SUCCESS;
}

static int install(void)
{
    static const struct cli_verb verb = {.name = "install", .arguments = ""};
    char name[] = "install";
    char *argv[] = {name, NULL};
    return verb_install(&verb, 1, argv);
}

static int uninstall(void)
{
    static const struct cli_verb verb = {.name = "uninstall", .arguments = ""};
    char name[] = "uninstall";
    char *argv[] = {name, NULL};
    return verb_uninstall(&verb, 1, argv);
}

static bool nothing_installed(void)
{
    return !exists(target[0]) && !exists(target[1]) && !event_log_key_exists() &&
           !record_exists() && !has_leftovers();
}

static bool value_is(const wchar_t *key, const wchar_t *name, const wchar_t *text)
{
    wchar_t value[512];
    DWORD size = sizeof(value);
    return RegGetValueW(HKEY_LOCAL_MACHINE, key, name,
                        RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, value,
                        &size) == ERROR_SUCCESS &&
           wcscmp(value, text) == 0;
}

static void test_install_and_uninstall(void)
{
    check(installation_check() == INSTALLATION_ABSENT, "not installed at first");
    check(install() == CLI_DONE, "install");
    check(installation_check() == INSTALLATION_GOOD, "is installed");
    check(file_holds(target[0], "agent one") && file_holds(target[1], "messages one"),
          "the DLLs are in System32");
    check(exists(policy), "RpcFw.conf was made");
    check(value_is(EVENT_LOG_KEY, L"CustomSD", event_log_sddl), "the log's access list");
    check(
        value_is(EVENT_SOURCE_KEY, L"EventMessageFile", L"%SystemRoot%\\System32\\rpcMessages.dll"),
        "the source's messages");
    write_file(policy, "# mine\n");
    check(install() == CLI_DONE && file_holds(policy, "# mine\n"),
          "installing twice changes nothing");
    check(!has_leftovers(), "no other files in System32");
    check(uninstall() == CLI_DONE, "uninstall");
    check(nothing_installed(), "nothing is left");
    check(file_holds(policy, "# mine\n"), "but RpcFw.conf");
    check(uninstall() == CLI_DONE, "uninstalling twice is no error");
}

static void test_other_release(void)
{
    install();
    write_file(source[0], "agent two");
    check(installation_check() == INSTALLATION_GOOD, "a newer DLL beside the manager waits");
    check(install() == CLI_DONE && file_holds(target[0], "agent two"), "install brings it in");
    check(!has_leftovers(), "and leaves nothing of the older");
    write_file(target[1], "somebody else's");
    check(installation_check() == INSTALLATION_DAMAGED, "a replaced file is seen");
    check(install() == CLI_ERROR && file_holds(target[1], "somebody else's"),
          "and not overwritten by install");
    check(uninstall() == CLI_DONE && !exists(target[0]) && file_holds(target[1], "somebody else's"),
          "nor removed by uninstall");
    DeleteFileW(target[1]);
    write_file(source[0], "agent one");
}

static void test_foreign(void)
{
    write_file(target[0], "foreign");
    check(install() == CLI_ERROR, "a foreign file is refused");
    check(file_holds(target[0], "foreign") && !exists(target[1]) && !event_log_key_exists() &&
              !record_exists(),
          "before anything changes");
    DeleteFileW(target[0]);

    HKEY key;
    RegCreateKeyW(HKEY_LOCAL_MACHINE, EVENT_LOG_KEY, &key);
    RegCloseKey(key);
    check(install() == CLI_ERROR && !exists(target[0]) && !record_exists(),
          "a foreign event log is refused");
    check(event_log_key_exists(), "and kept");
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, EVENT_LOG_KEY);

    DeleteFileW(source[1]);
    check(install() == CLI_ERROR && nothing_installed(), "a file missing beside the manager");
    write_file(source[1], "messages one");
}

/* A folder in the place of the second file's copy makes install fail after the first file is in. */
static void test_failure_half_way(void)
{
    wchar_t obstacle[MAX_PATH + 16];
    wcscpy(obstacle, target[1]);
    wcscat(obstacle, L".rpcfw-new");
    CreateDirectoryW(obstacle, NULL);
    check(install() == CLI_ERROR, "install fails half way");
    RemoveDirectoryW(obstacle);
    check(nothing_installed(), "and takes back what it did");

    install();
    struct installation_record before;
    struct installation_record after;
    installation_record_read(&before);
    write_file(source[0], "agent two");
    write_file(source[1], "messages two");
    CreateDirectoryW(obstacle, NULL);
    check(install() == CLI_ERROR, "an upgrade fails half way");
    RemoveDirectoryW(obstacle);
    installation_record_read(&after);
    check(file_holds(target[0], "agent one") && file_holds(target[1], "messages one") &&
              memcmp(&before, &after, sizeof(before)) == 0 && event_log_key_exists(),
          "and the older release is back");
    check(install() == CLI_DONE && file_holds(target[1], "messages two"), "then it succeeds");
    check(uninstall() == CLI_DONE && nothing_installed(), "and goes");
}

/* Killed between the first record and the last: the record owns both contents. */
static void test_killed_half_way(void)
{
    write_file(source[0], "agent one");
    write_file(source[1], "messages one");
    install();
    struct installation_record record;
    installation_record_read(&record);
    write_file(target[0], "agent two");
    write_file(source[0], "agent two");
    check(install() == CLI_ERROR, "contents that no record names are foreign");
    write_file(target[0], "agent one");
    check(install() == CLI_DONE, "install");
    struct installation_record interrupted;
    installation_record_read(&interrupted);
    interrupted.file[0].digest[1] = record.file[0].digest[0];
    interrupted.file[0].count = 2;
    installation_record_write(&interrupted);
    write_file(target[0], "agent one");
    check(install() == CLI_DONE && file_holds(target[0], "agent two"),
          "an upgrade that was killed can be completed");
    installation_record_write(&interrupted);
    write_file(target[0], "agent one");
    check(uninstall() == CLI_DONE && nothing_installed(), "or undone");
}

int main(void)
{
    for (int i = 0; i < INSTALLED_FILE_COUNT; i++) {
        beside_manager(installed_file_names[i], source[i]);
        installed_file_path(i, target[i]);
    }
    beside_manager(POLICY_FILE_NAME, policy);
    if (!nothing_installed()) {
        printf("FAILED: the firewall is installed in this prefix\n");
        return 1;
    }
    DeleteFileW(policy);
    write_file(source[0], "agent one");
    write_file(source[1], "messages one");
    test_install_and_uninstall();
    test_other_release();
    test_foreign();
    test_failure_half_way();
    test_killed_half_way();
    DeleteFileW(source[0]);
    DeleteFileW(source[1]);
    DeleteFileW(policy);
    printf("%d failed\n", failures);
    return failures != 0;
}
