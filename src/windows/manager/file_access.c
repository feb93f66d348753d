/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/file_access.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/wide_text.h"

/* FILE_WRITE_DATA is FILE_ADD_FILE, FILE_APPEND_DATA is FILE_ADD_SUBDIRECTORY of a folder. */
#define TAKE_OVER     (DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)
#define FILE_RIGHTS   (TAKE_OVER | FILE_WRITE_DATA | FILE_APPEND_DATA)
#define FOLDER_RIGHTS (TAKE_OVER | FILE_ADD_FILE | FILE_DELETE_CHILD)

#define NAME_SIZE     256

/* TrustedInstaller; owner of most of what Windows itself installed. */
static const wchar_t trusted_installer[] =
    L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

static bool sid_has_text(PSID sid, const wchar_t *expected)
{
    wchar_t *text;
    if (!ConvertSidToStringSidW(sid, &text)) {
        return false;
    }
    bool equal = wcscmp(text, expected) == 0;
    LocalFree(text);
    return equal;
}

/*
 * The creator's entry grants nothing by itself: a copy of it with the creator's SID does. What the
 * owner's entry grants, goes to the owner, who is judged apart.
 */
static bool is_trusted(PSID sid, PSID self)
{
    return IsWellKnownSid(sid, WinLocalSystemSid) ||
           IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(sid, WinCreatorOwnerSid) || IsWellKnownSid(sid, WinCreatorGroupSid) ||
           sid_has_text(sid, L"S-1-3-4") || (self && EqualSid(sid, self)) ||
           sid_has_text(sid, trusted_installer);
}

static void note(PSID sid, union file_access_sid *who)
{
    DWORD length = GetLengthSid(sid);
    memset(who, 0, sizeof(*who));
    if (length <= sizeof(*who)) {
        memcpy(who, sid, length);
    }
}

static bool everyone(union file_access_sid *who)
{
    DWORD size = sizeof(*who);
    CreateWellKnownSid(WinWorldSid, NULL, &who->sid, &size);
    return true;
}

/* A conditional entry may grant, so it counts like any other. */
static bool grants_to_foreigner(const ACCESS_ALLOWED_ACE *ace, ACCESS_MASK rights, PSID self)
{
    return (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE ||
            ace->Header.AceType == ACCESS_ALLOWED_CALLBACK_ACE_TYPE) &&
           !(ace->Header.AceFlags & INHERIT_ONLY_ACE) && (ace->Mask & rights) &&
           !is_trusted((PSID)(uintptr_t)&ace->SidStart, self);
}

bool file_access_is_foreign(PSECURITY_DESCRIPTOR descriptor, enum file_access_kind kind, PSID self,
                            union file_access_sid *who)
{
    const ACCESS_MASK rights = kind == FILE_ACCESS_FOLDER ? FOLDER_RIGHTS : FILE_RIGHTS;
    PSID owner = NULL;
    ACL *dacl = NULL;
    BOOL present = FALSE;
    BOOL defaulted;
    if (!GetSecurityDescriptorOwner(descriptor, &owner, &defaulted) ||
        !GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted) || !present || !dacl) {
        return everyone(who);
    }
    if (owner && !is_trusted(owner, self)) {
        note(owner, who);
        return true;
    }
    for (DWORD i = 0; i < dacl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace;
        if (!GetAce(dacl, i, (void **)&ace)) {
            return everyone(who);
        }
        if (grants_to_foreigner(ace, rights, self)) {
            note(&ace->SidStart, who);
            return true;
        }
    }
    return false;
}

bool file_access_user(union file_access_sid *user)
{
    union {
        TOKEN_USER user;
        BYTE bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } buffer;
    HANDLE token;
    DWORD size;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        return false;
    }
    bool known = GetTokenInformation(token, TokenUser, &buffer, sizeof(buffer), &size) &&
                 CopySid(sizeof(*user), &user->sid, buffer.user.User.Sid);
    CloseHandle(token);
    return known;
}

DWORD file_access_check_for(const wchar_t *path, enum file_access_kind kind, PSID self,
                            bool *foreign, union file_access_sid *who)
{
    PSECURITY_DESCRIPTOR descriptor;
    DWORD error = GetNamedSecurityInfoW(path, SE_FILE_OBJECT,
                                        OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                        NULL, NULL, NULL, NULL, &descriptor);
    if (error) {
        return error;
    }
    *foreign = file_access_is_foreign(descriptor, kind, self, who);
    LocalFree(descriptor);
    return ERROR_SUCCESS;
}

DWORD file_access_check(const wchar_t *path, enum file_access_kind kind, bool *foreign,
                        union file_access_sid *who)
{
    union file_access_sid self;
    return file_access_check_for(path, kind, file_access_user(&self) ? &self.sid : NULL, foreign,
                                 who);
}

const char *file_access_name(const union file_access_sid *who, char *text, size_t size)
{
    wchar_t domain[NAME_SIZE];
    wchar_t name[NAME_SIZE];
    wchar_t both[2 * NAME_SIZE];
    DWORD domain_size = ARRAYSIZE(domain);
    DWORD name_size = ARRAYSIZE(name);
    SID_NAME_USE use;
    PSID sid = (PSID)(uintptr_t)&who->sid;
    wchar_t *number;
    if (LookupAccountSidW(NULL, sid, name, &name_size, domain, &domain_size, &use)) {
        _snwprintf(both, ARRAYSIZE(both), *domain ? L"%ls\\%ls" : L"%ls%ls", domain, name);
        both[ARRAYSIZE(both) - 1] = L'\0';
        if (utf8_from_wide(both, text, size)) {
            return text;
        }
    }
    snprintf(text, size, "an unknown account");
    if (ConvertSidToStringSidW(sid, &number)) {
        utf8_from_wide(number, text, size);
        LocalFree(number);
    }
    return text;
}
