/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/policy_access.h"

#include <sddl.h>
#include <stdbool.h>

#include "windows/policy_section.h"

/* What an agent opens a section for; FILE_MAP_READ is SECTION_MAP_READ. */
#define WANTED (FILE_MAP_READ | READ_CONTROL)

/* A token to ask with: AccessCheck() takes none of a process. NULL: GetLastError(). */
static HANDLE token_to_ask(HANDLE process)
{
    HANDLE token = NULL;
    HANDLE copy = NULL;
    if (!OpenProcessToken(process, TOKEN_QUERY | TOKEN_DUPLICATE, &token)) {
        return NULL;
    }
    if (!DuplicateToken(token, SecurityIdentification, &copy)) {
        copy = NULL;
    }
    DWORD error = GetLastError();
    CloseHandle(token);
    SetLastError(error);
    return copy;
}

static enum policy_access ask(HANDLE token, PSECURITY_DESCRIPTOR descriptor)
{
    /* The wanted rights are specific ones: there is nothing generic to map. */
    GENERIC_MAPPING mapping = {0};
    union {
        PRIVILEGE_SET set;
        BYTE bytes[256];
    } privileges;
    DWORD size = sizeof(privileges);
    DWORD granted = 0;
    BOOL allowed = FALSE;
    if (!AccessCheck(descriptor, token, WANTED, &mapping, &privileges.set, &size, &granted,
                     &allowed)) {
        return POLICY_ACCESS_UNKNOWN;
    }
    return allowed ? POLICY_ACCESS_ALLOWED : POLICY_ACCESS_DENIED;
}

enum policy_access policy_access_of(HANDLE process)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    enum policy_access access = POLICY_ACCESS_UNKNOWN;
    HANDLE token = token_to_ask(process);
    if (token && ConvertStringSecurityDescriptorToSecurityDescriptorW(
                     policy_section_sddl, SDDL_REVISION_1, &descriptor, NULL)) {
        access = ask(token, descriptor);
        LocalFree(descriptor);
    }
    if (token) {
        CloseHandle(token);
    }
    return access;
}
