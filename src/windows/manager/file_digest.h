/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number that tells one content of a file from another: FNV-1a, 64 bits. It tells our file from
 * somebody else's file of the same name; it is no protection against an administrator, who could as
 * well change what it is held against.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FILE_DIGEST_H
#define RPCFW_WINDOWS_MANAGER_FILE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

/* False: GetLastError(), ERROR_FILE_NOT_FOUND when there is no such file. */
bool file_digest(const wchar_t *path, uint64_t *digest);

#endif
