/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether somebody else than an administrator decides the policy: may change one of its files, or
 * a folder of one. The service refuses such a policy. One thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_POLICY_WRITERS_H
#define RPCFW_WINDOWS_MANAGER_POLICY_WRITERS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/policy.h"
#include "windows/manager/file_access.h"

/* As file_access_check_for(), which it is but in tests. */
typedef DWORD policy_access_check(const wchar_t *path, enum file_access_kind kind, PSID self,
                                  bool *foreign, union file_access_sid *who);

/*
 * `administrator` is trusted besides those that file_access.h names; NULL: nobody. True: `text`
 * says in UTF-8 who may change what, of the first that was found. What cannot be told counts as
 * found.
 */
bool policy_has_foreign_writer(const struct policy *policy, policy_access_check *check,
                               PSID administrator, char *text, size_t size);

#endif
