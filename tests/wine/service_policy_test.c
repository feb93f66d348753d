/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file the service takes for its policy, and what is in force when it takes none: files that
 * others may change, and a start of the machine with a broken file. Who may change a file is told
 * by a function of the test, for Wine keeps few of the access lists of files; sections, files and
 * events are the real ones.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "windows/manager/installation_record.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/service/last_policy.h"
#include "windows/manager/service/service_policy.h"
#include "wine_check.h"

#define RULE_ONE "uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 opnum:1 action:block\n"
#define RULE_TWO "uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 opnum:2 action:block\n"
#define BROKEN   "uuid:nothing action:deny\n"

static struct service_policy policy;
static struct service_events events;
static wchar_t foreign_path[MAX_PATH]; /* what others may change; empty: nothing */
static enum file_access_kind foreign_kind;
static DWORD access_error;
static char policy_path[UTF8_PATH_SIZE];

static void check_says(const char *text)
{
    bool said = strstr(policy.error, text) != NULL;
    check(said, "%s", text);
    if (!said) {
        printf("  it says: %s\n", policy.error);
    }
}

static DWORD tell_access(const wchar_t *path, enum file_access_kind kind, PSID self, bool *foreign,
                         union file_access_sid *who)
{
    DWORD size = sizeof(*who);
    CreateWellKnownSid(WinAuthenticatedUserSid, NULL, &who->sid, &size);
    *foreign = kind == foreign_kind && wide_same_name(path, foreign_path) &&
               !(self && EqualSid(self, &who->sid));
    return access_error;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        printf("FAILED: %s cannot be written\n", path);
        exit(1);
    }
}

/* As the service at its start; nothing is in force before unless something else holds it. */
static void begin(void)
{
    policy = (struct service_policy){.check_access = tell_access};
    check(service_policy_open(&policy) == SERVICE_FAILURE_NONE, "the policy is opened");
}

static bool apply(const char *text)
{
    write_file(policy_path, text);
    return service_policy_apply(&policy, &events);
}

static void beside(const wchar_t *name, wchar_t path[MAX_PATH])
{
    if (!beside_manager(name, path)) {
        exit(1);
    }
}

static void test_foreign_file(void)
{
    begin();
    check(apply(RULE_ONE) && !policy.error[0], "a file that only administrators may change");
    uint64_t generation = service_policy_generation(&policy);
    beside(POLICY_FILE_NAME, foreign_path);
    foreign_kind = FILE_ACCESS_FILE;
    check(!apply(RULE_TWO), "one that others may change is refused");
    check(service_policy_generation(&policy) == generation, "and what is in force stays");
    check_says("Authenticated Users may change ");
    check_says("RpcFw.conf");
    check(policy.refused == 1, "that is told");
    check(service_policy_changed(&policy),
          "it is asked again later: access has no time of its own");
    check(!apply(RULE_TWO) && policy.refused == 1, "and told once");

    foreign_path[0] = L'\0';
    check(apply(RULE_TWO) && !policy.error[0], "mended, it is in force");
    check(!service_policy_changed(&policy), "and not asked for again");

    beside(L"", foreign_path);
    foreign_kind = FILE_ACCESS_FOLDER;
    check(!apply(RULE_ONE), "a folder that others may change");
    check_says("Authenticated Users");
    foreign_path[0] = L'\0';
    service_policy_close(&policy);
}

static void test_foreign_include(void)
{
    char included[UTF8_PATH_SIZE];
    begin();
    apply(RULE_ONE);
    beside(L"included.conf", foreign_path);
    foreign_kind = FILE_ACCESS_FILE;
    utf8_from_wide(foreign_path, included, sizeof(included));
    write_file(included, RULE_TWO);
    check(!apply("include included.conf\n"), "an included file that others may change");
    check_says("included.conf");
    foreign_path[0] = L'\0';
    check(apply("include included.conf\n"), "mended");
    remove(included);
    service_policy_close(&policy);
}

/* Install is run by an administrator, perhaps in the folder that the archive was unpacked to. */
static void test_installer(void)
{
    HKEY key;
    union file_access_sid user;
    union file_access_sid noted;
    begin();
    DWORD size = sizeof(policy.installer);
    CreateWellKnownSid(WinAuthenticatedUserSid, NULL, &policy.installer.sid, &size);
    beside(POLICY_FILE_NAME, foreign_path);
    check(apply(RULE_ONE), "who installed may change the file");
    foreign_path[0] = L'\0';
    service_policy_close(&policy);

    installation_record_installer(&noted);
    check(!IsValidSid(&noted.sid), "nobody has installed");
    RegCreateKeyExW(HKEY_LOCAL_MACHINE, INSTALLATION_KEY, 0, NULL, REG_OPTION_NON_VOLATILE,
                    KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &key, NULL);
    check(installation_record_note_installer() == ERROR_SUCCESS && file_access_user(&user),
          "who installs is noted");
    installation_record_installer(&noted);
    check(IsValidSid(&noted.sid) && EqualSid(&noted.sid, &user.sid), "and read back");
    RegSetValueExW(key, L"Installer", 0, REG_BINARY, user.bytes, 10);
    installation_record_installer(&noted);
    check(!IsValidSid(&noted.sid), "half a SID is nobody's");
    RegCloseKey(key);
    check(installation_record_remove() == ERROR_SUCCESS, "the record is removed");
}

static void test_unknown_access(void)
{
    begin();
    apply(RULE_ONE);
    access_error = ERROR_ACCESS_DENIED;
    check(!apply(RULE_TWO), "a file of which it cannot be told who may change it");
    check_says("cannot be told");
    access_error = ERROR_SUCCESS;
    service_policy_close(&policy);
}

static bool opnum_in_force(const char *text)
{
    struct service_policy other = policy;
    bool changed;
    write_file(policy_path, text);
    changed = service_policy_apply(&policy, &events);
    return !changed && other.view.generation == policy.view.generation;
}

/* With the handles of the service all sections go, as with the machine. */
static void test_start_with_a_broken_file(void)
{
    begin();
    check(apply(RULE_ONE), "a policy is in force");
    service_policy_close(&policy);

    begin();
    check(service_policy_generation(&policy) == 0, "after a start of the machine, none is");
    check(apply(BROKEN), "with a broken file, something is put in force");
    check(service_policy_generation(&policy) == 1 && policy.refused == 1, "and told");
    check_says("RpcFw.conf:1:");
    check(opnum_in_force(RULE_ONE), "it is what was in force last");
    check(!apply(BROKEN) && service_policy_generation(&policy) == 1, "it stays");
    service_policy_close(&policy);
}

static void test_last_is_no_image(void)
{
    wchar_t path[MAX_PATH];
    char narrow[UTF8_PATH_SIZE];
    check(last_policy_path(path) && utf8_from_wide(path, narrow, sizeof(narrow)), "%s", narrow);
    begin();
    apply(RULE_ONE);
    service_policy_close(&policy);
    struct policy_image *image;
    check(last_policy_load(&image) == ERROR_SUCCESS, "the last policy is kept");
    FILE *file = fopen(narrow, "wb");
    check(file && fwrite(image, 1, image->size - 8, file) == image->size - 8 && fclose(file) == 0,
          "half of it is lost");
    free(image);
    begin();
    check(!apply(BROKEN) && service_policy_generation(&policy) == 0, "so it is not put in force");
    service_policy_close(&policy);

    check(last_policy_remove() && last_policy_remove(), "it is removed");
    check(GetFileAttributesW(path) == INVALID_FILE_ATTRIBUTES, "and gone");
    begin();
    check(!apply(BROKEN) && service_policy_generation(&policy) == 0, "without one, none");
    service_policy_close(&policy);
}

int main(void)
{
    wchar_t folder[MAX_PATH];
    if (!policy_file_path(NULL, policy_path) || !installed_folder_path(folder)) {
        return 1;
    }
    CreateDirectoryW(folder, NULL);
    service_events_open(&events);
    test_foreign_file();
    test_foreign_include();
    test_installer();
    test_unknown_access();
    test_start_with_a_broken_file();
    test_last_is_no_image();
    service_events_close(&events);
    remove(policy_path);
    printf("%d failed\n", failures);
    return failures != 0;
}
