/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the policy file of this host is, and the one that install begins with. Called by the verbs.
 */
#ifndef RPCFW_WINDOWS_MANAGER_POLICY_FILE_H
#define RPCFW_WINDOWS_MANAGER_POLICY_FILE_H

#include <stdbool.h>
#include <windows.h>

#include "windows/manager/wide_text.h"

#define POLICY_FILE_NAME L"RpcFw.conf"

/* In SDDL: of the files that policy_file_create() makes. Only administrators and the system need to
 * read them: the agents have the compiled policy. */
extern const wchar_t policy_file_sddl[];

/* Makes a file with that access, for writing; `disposition` as of CreateFile. To be closed;
 * INVALID_HANDLE_VALUE: GetLastError(). */
HANDLE policy_file_create(const wchar_t *path, DWORD disposition);

/* The full path of a file beside the running manager; false: the path is too long, GetLastError().
 */
bool beside_manager(const wchar_t *name, wchar_t path[MAX_PATH]);

/*
 * `option` (the value of --policy) or, when NULL, RpcFw.conf beside the manager, in UTF-8. For the
 * program that install put in Program Files, and so for the service, that is the file beside the
 * manager that installed.
 */
bool policy_file_path(const char *option, char path[UTF8_PATH_SIZE]);

/*
 * Writes a policy of comments only, that allows everything and audits nothing, to RpcFw.conf beside
 * the manager unless there is one; *created tells. False: GetLastError(), and nothing is left
 * behind.
 */
bool policy_file_create_default(bool *created);

/* Removes what policy_file_create_default() has just created. */
void policy_file_remove_default(void);

#endif
