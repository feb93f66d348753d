/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else may change a file that decides what the firewall does: the policy, what it includes, and
 * the folders they are in. Only judges; called by the verbs that load a policy.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FILE_ACCESS_H
#define RPCFW_WINDOWS_MANAGER_FILE_ACCESS_H

#include <stdbool.h>
#include <windows.h>

enum file_access_kind { FILE_ACCESS_FILE, FILE_ACCESS_FOLDER };

/* A SID as it lies in memory. */
union file_access_sid {
    SID sid;
    BYTE bytes[SECURITY_MAX_SID_SIZE];
};

/*
 * Whether the owner or an allow entry of the descriptor lets somebody write, delete or take over
 * the object who is not the system, an administrator, TrustedInstaller or `self` (an administrator;
 * NULL: nobody); *who is the first. Deny entries are not counted for anybody. Of a folder: whether
 * files can be put into it or removed; new folders in it do no harm. A descriptor that cannot be
 * read counts as Everyone's.
 */
bool file_access_is_foreign(PSECURITY_DESCRIPTOR descriptor, enum file_access_kind kind, PSID self,
                            union file_access_sid *who);

/* The same for what lies at the path. Returns a Win32 error; *foreign and *who only after
 * ERROR_SUCCESS. */
DWORD file_access_check_for(const wchar_t *path, enum file_access_kind kind, PSID self,
                            bool *foreign, union file_access_sid *who);

/* With the user of this process as `self`. */
DWORD file_access_check(const wchar_t *path, enum file_access_kind kind, bool *foreign,
                        union file_access_sid *who);

/* The user of this process; false: GetLastError(). */
bool file_access_user(union file_access_sid *user);

/* DOMAIN\name, or S-1-… where the account has none here; UTF-8, printable; returns `text`. */
const char *file_access_name(const union file_access_sid *who, char *text, size_t size);

#endif
