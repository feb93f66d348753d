/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/file_digest.h"

#include <windows.h>

#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME  0x100000001b3ULL

bool file_digest(const wchar_t *path, uint64_t *digest)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return false;
    }
    BYTE bytes[16384];
    DWORD count = 0;
    uint64_t hash = FNV_OFFSET;
    bool complete;
    while ((complete = ReadFile(file, bytes, sizeof(bytes), &count, NULL)) && count) {
        for (DWORD i = 0; i < count; i++) {
            hash = (hash ^ bytes[i]) * FNV_PRIME;
        }
    }
    DWORD error = GetLastError();
    CloseHandle(file);
    SetLastError(error);
    *digest = hash;
    return complete;
}
