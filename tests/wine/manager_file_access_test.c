/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else may change a file: descriptors made from SDDL, held against what must be said of them,
 * and the files that Wine makes. S-1-5-21-1-2-3-1001 stands for the administrator who runs the
 * manager, -1002 for somebody else.
 */
#include <windows.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/file_access.h"
#include "windows/manager/policy_file.h"
#include "wine_check.h"

#define SELF L"S-1-5-21-1-2-3-1001"
#define ELSE L"S-1-5-21-1-2-3-1002"
#define TI   L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

struct access_case {
    const wchar_t *sddl;
    enum file_access_kind kind;
    const wchar_t *who; /* NULL: nobody else */
};

static const struct access_case cases[] = {
    {L"O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)", FILE_ACCESS_FILE, NULL},
    {L"O:SYD:(A;;FA;;;" TI L")(A;;0x1200a9;;;BU)", FILE_ACCESS_FILE, NULL},
    {L"O:" TI L"D:(A;;FA;;;BA)(A;;FR;;;WD)", FILE_ACCESS_FILE, NULL},
    {L"O:" SELF L"D:(A;;FA;;;" SELF L")(A;;FRFX;;;WD)", FILE_ACCESS_FILE, NULL},
    /* Rights that change nothing: read, execute, synchronize, attributes. */
    {L"O:BAD:(A;;0x1201b9;;;WD)", FILE_ACCESS_FILE, NULL},
    /* What only children inherit, and what only the creator's copy would grant. */
    {L"O:BAD:(A;OICIIO;FA;;;WD)(A;OICIIO;GA;;;CO)(A;;FA;;;CO)", FILE_ACCESS_FILE, NULL},
    {L"O:BAD:(A;;FA;;;OW)", FILE_ACCESS_FILE, NULL},
    {L"O:BAD:(D;;FA;;;WD)(A;;FA;;;BA)", FILE_ACCESS_FILE, NULL},
    {L"O:BAD:P", FILE_ACCESS_FILE, NULL},

    {L"O:BAD:(A;;FA;;;BA)(A;;0x2;;;BU)", FILE_ACCESS_FILE, L"S-1-5-32-545"},
    {L"O:BAD:(A;;0x4;;;AU)", FILE_ACCESS_FILE, L"S-1-5-11"},
    {L"O:BAD:(A;;SD;;;WD)", FILE_ACCESS_FILE, L"S-1-1-0"},
    {L"O:BAD:(A;;WD;;;LS)", FILE_ACCESS_FILE, L"S-1-5-19"},
    {L"O:BAD:(A;;WO;;;NS)", FILE_ACCESS_FILE, L"S-1-5-20"},
    {L"O:BAD:(A;;GW;;;SU)", FILE_ACCESS_FILE, L"S-1-5-6"},
    {L"O:BAD:(A;;GA;;;IU)", FILE_ACCESS_FILE, L"S-1-5-4"},
    {L"O:BAD:(A;;FA;;;" ELSE L")", FILE_ACCESS_FILE, ELSE},
    {L"O:BAD:(A;ID;0x1301bf;;;AU)", FILE_ACCESS_FILE, L"S-1-5-11"},
    /* The owner may always change the access list. */
    {L"O:" ELSE L"D:(A;;FA;;;BA)", FILE_ACCESS_FILE, ELSE},
    /* A deny entry does not help the others that the entry behind it names. */
    {L"O:BAD:(D;;0x2;;;BG)(A;;0x2;;;BU)", FILE_ACCESS_FILE, L"S-1-5-32-545"},
    {L"O:BA", FILE_ACCESS_FILE, L"S-1-1-0"},

    /* Folders: new folders do no harm; new files and the removal of any do. */
    {L"O:BAD:(A;;0x4;;;AU)", FILE_ACCESS_FOLDER, NULL},
    {L"O:BAD:(A;;0x2;;;AU)", FILE_ACCESS_FOLDER, L"S-1-5-11"},
    {L"O:BAD:(A;;0x40;;;AU)", FILE_ACCESS_FOLDER, L"S-1-5-11"},
    {L"O:" TI L"D:PAI(A;;FA;;;" TI L")(A;CIIO;GA;;;" TI L")(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;SY)"
     L"(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)"
     L"(A;OICIIO;GA;;;CO)",
     FILE_ACCESS_FOLDER, NULL}, /* as Program Files is */
    {L"O:BAD:AI(A;ID;FA;;;BA)(A;OICIIOID;GA;;;BA)(A;ID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)"
     L"(A;ID;0x1301bf;;;AU)(A;OICIIOID;SDGXGWGR;;;AU)",
     FILE_ACCESS_FOLDER, L"S-1-5-11"}, /* as a folder at the top of drive C is */
};

static void test_descriptor(const struct access_case *test, PSID self)
{
    PSECURITY_DESCRIPTOR descriptor;
    union file_access_sid who;
    wchar_t *text = NULL;
    char what[600];
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(test->sddl, SDDL_REVISION_1,
                                                              &descriptor, NULL)) {
        snprintf(what, sizeof(what), "%ls cannot be read", test->sddl);
        check(false, "%s", what);
        return;
    }
    bool foreign = file_access_is_foreign(descriptor, test->kind, self, &who);
    if (foreign) {
        ConvertSidToStringSidW(&who.sid, &text);
    }
    snprintf(what, sizeof(what), "%s %ls: %ls",
             test->kind == FILE_ACCESS_FOLDER ? "folder" : "file", test->sddl,
             text ? text : L"nobody else");
    check(test->who ? text && wcscmp(text, test->who) == 0 : !foreign, "%s", what);
    LocalFree(text);
    LocalFree(descriptor);
}

/* An entry of a kind that SDDL cannot make here: its type and no more is changed. */
static void test_conditional_entry(PSID self)
{
    PSECURITY_DESCRIPTOR descriptor;
    union file_access_sid who;
    BOOL present;
    BOOL defaulted;
    ACL *dacl;
    ACCESS_ALLOWED_ACE *ace;
    ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:BAD:(A;;FA;;;BU)", SDDL_REVISION_1,
                                                         &descriptor, NULL);
    GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted);
    GetAce(dacl, 0, (void **)&ace);
    ace->Header.AceType = ACCESS_ALLOWED_CALLBACK_ACE_TYPE;
    check(file_access_is_foreign(descriptor, FILE_ACCESS_FILE, self, &who),
          "a conditional entry counts");
    LocalFree(descriptor);
}

static void test_without_list(PSID self)
{
    SECURITY_DESCRIPTOR descriptor;
    union file_access_sid who;
    InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    check(file_access_is_foreign(&descriptor, FILE_ACCESS_FILE, self, &who) &&
              IsWellKnownSid(&who.sid, WinWorldSid),
          "no access list: everyone");
    SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE);
    check(file_access_is_foreign(&descriptor, FILE_ACCESS_FILE, self, &who) &&
              IsWellKnownSid(&who.sid, WinWorldSid),
          "an empty access list's opposite: everyone");
}

static void test_real_files(void)
{
    wchar_t path[MAX_PATH];
    union file_access_sid who;
    char name[512];
    bool foreign = true;
    bool created = false;
    beside_manager(POLICY_FILE_NAME, path);
    DeleteFileW(path);
    check(policy_file_create_default(&created) && created, "install's RpcFw.conf");
    check(file_access_check(path, FILE_ACCESS_FILE, &foreign, &who) == ERROR_SUCCESS && !foreign,
          "may be changed by nobody else");
    policy_file_remove_default();
    check(file_access_check(path, FILE_ACCESS_FILE, &foreign, &who) == ERROR_FILE_NOT_FOUND,
          "a file that is not there");
    DWORD size = sizeof(who);
    CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, &who.sid, &size);
    check(strstr(file_access_name(&who, name, sizeof(name)), "Administrators") != NULL, "%s", name);
    PSID unknown;
    ConvertStringSidToSidW(ELSE, &unknown);
    CopySid(sizeof(who), &who.sid, unknown);
    check(strstr(file_access_name(&who, name, sizeof(name)), "1002") != NULL, "%s", name);
    LocalFree(unknown);
}

int main(void)
{
    PSID self;
    ConvertStringSidToSidW(SELF, &self);
    for (size_t i = 0; i < ARRAYSIZE(cases); i++) {
        test_descriptor(&cases[i], self);
    }
    test_conditional_entry(self);
    test_without_list(self);
    test_real_files();
    LocalFree(self);
    printf("%d failed\n", failures);
    return failures != 0;
}
