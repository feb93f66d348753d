/* SPDX-License-Identifier: Apache-2.0 */
#include "user_token.h"

HANDLE user_token(void)
{
    SID_IDENTIFIER_AUTHORITY authority = {SECURITY_NT_AUTHORITY};
    SID_AND_ATTRIBUTES administrators = {0};
    HANDLE token = NULL;
    HANDLE restricted = NULL;

    if (AllocateAndInitializeSid(&authority, 2, SECURITY_BUILTIN_DOMAIN_RID,
                                 DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0, &administrators.Sid) &&
        OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token) &&
        !CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE, 1, &administrators, 0, NULL, 0, NULL,
                               &restricted))
        restricted = NULL;
    DWORD error = GetLastError();
    if (token)
        CloseHandle(token);
    if (administrators.Sid)
        FreeSid(administrators.Sid);
    SetLastError(error);
    return restricted;
}
