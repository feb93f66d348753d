/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/file_placement.h"

#include <wchar.h>

#include "windows/manager/file_digest.h"

#define FRESH_SUFFIX  L".rpcfw-new"
#define FORMER_SUFFIX L".rpcfw-old"

static bool with_suffix(const wchar_t *path, const wchar_t *suffix, wchar_t out[MAX_PATH])
{
    if (wcslen(path) + wcslen(suffix) >= MAX_PATH) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return false;
    }
    wcscpy(out, path);
    wcscat(out, suffix);
    return true;
}

static void delete_quietly(const wchar_t *path)
{
    DWORD error = GetLastError();
    if (!DeleteFileW(path) && GetLastError() != ERROR_FILE_NOT_FOUND) {
        /* The event log service or a debugger may have it loaded. */
        MoveFileExW(path, NULL, MOVEFILE_DELAY_UNTIL_REBOOT);
    }
    SetLastError(error);
}

static bool copy_verified(const wchar_t *source, const wchar_t *copy, uint64_t digest)
{
    uint64_t actual;
    if (!CopyFileW(source, copy, FALSE) || !file_digest(copy, &actual)) {
        return false;
    }
    if (actual != digest) {
        SetLastError(ERROR_CRC);
        return false;
    }
    return true;
}

/* The former file under a name of its own, whatever an install that was killed has left there. */
static bool move_former_away(struct file_placement *placement)
{
    placement->had_former =
        MoveFileExW(placement->target, placement->former, MOVEFILE_REPLACE_EXISTING);
    return placement->had_former || GetLastError() == ERROR_FILE_NOT_FOUND;
}

bool file_place(struct file_placement *placement, const wchar_t *source, const wchar_t *target,
                uint64_t digest)
{
    *placement = (struct file_placement){.target = target};
    if (!with_suffix(target, FRESH_SUFFIX, placement->fresh) ||
        !with_suffix(target, FORMER_SUFFIX, placement->former)) {
        return false;
    }
    if (copy_verified(source, placement->fresh, digest) && move_former_away(placement)) {
        placement->placed =
            MoveFileExW(placement->fresh, placement->target, MOVEFILE_WRITE_THROUGH);
    }
    if (placement->placed) {
        return true;
    }
    DWORD error = GetLastError();
    delete_quietly(placement->fresh);
    file_placement_undo(placement);
    SetLastError(error);
    return false;
}

void file_placement_keep(struct file_placement *placement)
{
    delete_quietly(placement->former);
    *placement = (struct file_placement){0};
}

void file_placement_undo(struct file_placement *placement)
{
    if (placement->placed) {
        delete_quietly(placement->target);
    }
    if (placement->had_former) {
        MoveFileExW(placement->former, placement->target, MOVEFILE_REPLACE_EXISTING);
    }
    *placement = (struct file_placement){0};
}

bool file_remove(const wchar_t *path)
{
    wchar_t fresh[MAX_PATH];
    wchar_t former[MAX_PATH];
    if (!with_suffix(path, FRESH_SUFFIX, fresh) || !with_suffix(path, FORMER_SUFFIX, former)) {
        return false;
    }
    if (!DeleteFileW(path) && GetLastError() != ERROR_FILE_NOT_FOUND) {
        DWORD error = GetLastError();
        if (!MoveFileExW(path, former, MOVEFILE_REPLACE_EXISTING)) {
            SetLastError(error);
            return false;
        }
    }
    delete_quietly(fresh);
    delete_quietly(former);
    return true;
}
