/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/last_policy.h"

#include <stdlib.h>
#include <wchar.h>

#include "windows/manager/file_access.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/policy_file.h"

#define FILE_NAME L"last-policy"
#define NEW_NAME  L"last-policy.new"

/* Of an image; more than any policy that can be read needs. */
#define SIZE_MOST (256u << 20)

static bool path_of(const wchar_t *name, wchar_t path[MAX_PATH])
{
    wchar_t folder[MAX_PATH];
    if (!installed_folder_path(folder)) {
        return false;
    }
    if (swprintf(path, MAX_PATH, L"%ls\\%ls", folder, name) < 0) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    return true;
}

bool last_policy_path(wchar_t path[MAX_PATH])
{
    return path_of(FILE_NAME, path);
}

static DWORD write_new(const wchar_t *path, const struct policy_image *image)
{
    DWORD written = 0;
    /* Administrators and the system alone: the image tells which callers are trusted. */
    HANDLE file = policy_file_create(path, CREATE_ALWAYS);
    if (file == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    DWORD error = ERROR_SUCCESS;
    if (!WriteFile(file, image, image->size, &written, NULL) || !FlushFileBuffers(file)) {
        error = GetLastError();
    } else if (written != image->size) {
        error = ERROR_DISK_FULL;
    }
    CloseHandle(file);
    return error;
}

DWORD last_policy_save(const struct policy_image *image)
{
    wchar_t path[MAX_PATH];
    wchar_t fresh[MAX_PATH];
    if (!path_of(FILE_NAME, path) || !path_of(NEW_NAME, fresh)) {
        return GetLastError();
    }
    DWORD error = write_new(fresh, image);
    if (!error && !MoveFileExW(fresh, path, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        error = GetLastError();
    }
    if (error) {
        DeleteFileW(fresh);
    }
    return error;
}

/* All of the file; free() the bytes. */
static DWORD read_all(HANDLE file, void **bytes, DWORD *size)
{
    LARGE_INTEGER length;
    if (!GetFileSizeEx(file, &length)) {
        return GetLastError();
    }
    if (length.QuadPart < (LONGLONG)sizeof(struct policy_image) || length.QuadPart > SIZE_MOST) {
        return ERROR_INVALID_DATA;
    }
    *bytes = malloc((size_t)length.QuadPart);
    if (!*bytes) {
        return ERROR_OUTOFMEMORY;
    }
    DWORD error =
        ReadFile(file, *bytes, (DWORD)length.QuadPart, size, NULL) ? ERROR_SUCCESS : GetLastError();
    if (error) {
        free(*bytes);
        *bytes = NULL;
    }
    return error;
}

static DWORD require_administrators(const wchar_t *path)
{
    union file_access_sid who;
    bool foreign;
    DWORD error = file_access_check(path, FILE_ACCESS_FILE, &foreign, &who);
    return !error && foreign ? ERROR_INVALID_OWNER : error;
}

DWORD last_policy_load(struct policy_image **image)
{
    wchar_t path[MAX_PATH];
    void *bytes = NULL;
    DWORD size = 0;
    *image = NULL;
    if (!path_of(FILE_NAME, path)) {
        return GetLastError();
    }
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                              FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    DWORD error = require_administrators(path);
    error = error ? error : read_all(file, &bytes, &size);
    CloseHandle(file);
    if (error) {
        return error;
    }
    if (image_validate(bytes, size) != IMAGE_OK) {
        free(bytes);
        return ERROR_INVALID_DATA;
    }
    *image = bytes;
    return ERROR_SUCCESS;
}

static bool remove_one(const wchar_t *name)
{
    wchar_t path[MAX_PATH];
    return path_of(name, path) && (DeleteFileW(path) || GetLastError() == ERROR_FILE_NOT_FOUND ||
                                   GetLastError() == ERROR_PATH_NOT_FOUND);
}

bool last_policy_remove(void)
{
    return remove_one(NEW_NAME) && remove_one(FILE_NAME);
}
