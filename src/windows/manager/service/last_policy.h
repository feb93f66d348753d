/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last policy that was in force, kept over a restart of the machine: the compiled image, as a
 * file in the folder of the service, where only administrators write.
 *
 * With the machine the sections of the policy go. When RpcFw.conf was broken meanwhile, the service
 * puts this policy in force again rather than none. The service writes and reads it, on the thread
 * of its loop; uninstall removes it.
 */
#ifndef RPCFW_WINDOWS_MANAGER_LAST_POLICY_H
#define RPCFW_WINDOWS_MANAGER_LAST_POLICY_H

#include <stddef.h>
#include <windows.h>

#include "core/image.h"

/* The full path; false: GetLastError(). */
bool last_policy_path(wchar_t path[MAX_PATH]);

/* Replaces the file as a whole, also on the disk. A Win32 error, and then the old one is still
 * there. */
DWORD last_policy_save(const struct policy_image *image);

/*
 * Reads and validates it; free() the image. A Win32 error: ERROR_FILE_NOT_FOUND, ERROR_INVALID_DATA
 * when it is no image of this release, ERROR_INVALID_OWNER when others than administrators may
 * change it, …
 */
DWORD last_policy_load(struct policy_image **image);

/* What save may leave too. False: GetLastError(), and it is still there. */
bool last_policy_remove(void);

#endif
