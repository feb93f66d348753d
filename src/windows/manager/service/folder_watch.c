/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/folder_watch.h"

#include <string.h>

#include "windows/manager/wide_text.h"

#define CHANGES                                                                                    \
    (FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE)

#define CANCEL_TIMEOUT 1000 /* milliseconds */

/* The part of a full path before its last backslash, which stays; 0: there is none. */
static size_t folder_length(const wchar_t *path)
{
    const wchar_t *slash = wcsrchr(path, L'\\');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

static bool request(struct watched_folder *folder)
{
    ResetEvent(folder->request.hEvent);
    folder->pending = ReadDirectoryChangesW(folder->folder, folder->buffer, sizeof(folder->buffer),
                                            FALSE, CHANGES, NULL, &folder->request, NULL);
    return folder->pending;
}

static void close_folder(struct watched_folder *folder)
{
    /* The system writes into the buffer until the request has ended. */
    if (folder->pending && CancelIo(folder->folder)) {
        WaitForSingleObject(folder->request.hEvent, CANCEL_TIMEOUT);
    }
    CloseHandle(folder->folder);
    CloseHandle(folder->request.hEvent);
}

static bool open_folder(struct watched_folder *folder, const wchar_t *path, size_t length)
{
    memset(folder, 0, sizeof(*folder));
    memcpy(folder->path, path, length * sizeof(wchar_t));
    folder->request.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!folder->request.hEvent) {
        return false;
    }
    folder->folder = CreateFileW(
        folder->path, FILE_LIST_DIRECTORY, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
        NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED, NULL);
    if (folder->folder != INVALID_HANDLE_VALUE && request(folder)) {
        return true;
    }
    if (folder->folder != INVALID_HANDLE_VALUE) {
        CloseHandle(folder->folder);
    }
    CloseHandle(folder->request.hEvent);
    return false;
}

static bool is_watched(const struct folder_watch *watch, const wchar_t *path, size_t length)
{
    for (size_t i = 0; i < watch->folder_count; i++) {
        const wchar_t *known = watch->folders[i].path;
        if (wcslen(known) == length &&
            CompareStringOrdinal(known, (int)length, path, (int)length, TRUE) == CSTR_EQUAL) {
            return true;
        }
    }
    return false;
}

static bool holds_file(const struct folder_watch *watch, const struct watched_folder *folder)
{
    size_t length = wcslen(folder->path);
    for (size_t i = 0; i < watch->file_count; i++) {
        if (folder_length(watch->files[i]) == length &&
            CompareStringOrdinal(folder->path, (int)length, watch->files[i], (int)length, TRUE) ==
                CSTR_EQUAL) {
            return true;
        }
    }
    return false;
}

/* A folder moves in memory only while no request writes to it: so it is opened anew. */
static void close_unused(struct folder_watch *watch)
{
    for (size_t i = watch->folder_count; i-- > 0;) {
        if (holds_file(watch, &watch->folders[i])) {
            continue;
        }
        for (size_t k = i; k < watch->folder_count; k++) {
            close_folder(&watch->folders[k]);
        }
        watch->folder_count = i;
    }
}

void folder_watch_set(struct folder_watch *watch, const char *const paths[], size_t count)
{
    watch->file_count = 0;
    for (size_t i = 0; i < count && watch->file_count < FOLDER_WATCH_FILES; i++) {
        wchar_t wide[MAX_PATH];
        wchar_t *full = watch->files[watch->file_count];
        DWORD length = wide_from_utf8(paths[i], wide, MAX_PATH)
                           ? GetFullPathNameW(wide, MAX_PATH, full, NULL)
                           : 0;
        watch->file_count += length && length < MAX_PATH;
    }
    close_unused(watch);
    for (size_t i = 0; i < watch->file_count && watch->folder_count < FOLDER_WATCH_FOLDERS; i++) {
        const wchar_t *path = watch->files[i];
        size_t length = folder_length(path);
        if (length && !is_watched(watch, path, length) &&
            open_folder(&watch->folders[watch->folder_count], path, length)) {
            watch->folder_count++;
        }
    }
}

void folder_watch_close(struct folder_watch *watch)
{
    for (size_t i = 0; i < watch->folder_count; i++) {
        close_folder(&watch->folders[i]);
    }
    watch->folder_count = 0;
    watch->file_count = 0;
}

size_t folder_watch_events(const struct folder_watch *watch, HANDLE events[])
{
    for (size_t i = 0; i < watch->folder_count; i++) {
        events[i] = watch->folders[i].request.hEvent;
    }
    return watch->folder_count;
}

uint64_t folder_watch_stamp(const struct folder_watch *watch)
{
    uint64_t stamp = watch->file_count;
    for (size_t i = 0; i < watch->file_count; i++) {
        WIN32_FILE_ATTRIBUTE_DATA data = {0};
        GetFileAttributesExW(watch->files[i], GetFileExInfoStandard, &data);
        const DWORD facts[] = {data.ftLastWriteTime.dwLowDateTime,
                               data.ftLastWriteTime.dwHighDateTime, data.nFileSizeLow,
                               data.nFileSizeHigh};
        for (size_t k = 0; k < ARRAYSIZE(facts); k++) {
            stamp = (stamp ^ facts[k]) * 0x100000001b3u;
        }
    }
    return stamp;
}

static bool is_file_of_ours(const struct folder_watch *watch, const wchar_t *name, size_t length)
{
    for (size_t i = 0; i < watch->file_count; i++) {
        const wchar_t *own = watch->files[i] + folder_length(watch->files[i]);
        if (wcslen(own) == length &&
            CompareStringOrdinal(own, (int)length, name, (int)length, TRUE) == CSTR_EQUAL) {
            return true;
        }
    }
    return false;
}

/* Whether the list of changes, `size` bytes of it, names a file of ours. */
static bool names_file(const struct folder_watch *watch, const struct watched_folder *folder,
                       size_t size)
{
    size_t at = 0;
    while (size - at >= offsetof(FILE_NOTIFY_INFORMATION, FileName)) {
        const FILE_NOTIFY_INFORMATION *change =
            (const FILE_NOTIFY_INFORMATION *)((const BYTE *)folder->buffer + at);
        size_t room = size - at - offsetof(FILE_NOTIFY_INFORMATION, FileName);
        if (change->FileNameLength > room) {
            return true;
        }
        if (is_file_of_ours(watch, change->FileName, change->FileNameLength / sizeof(wchar_t))) {
            return true;
        }
        if (!change->NextEntryOffset || change->NextEntryOffset > size - at) {
            return false;
        }
        at += change->NextEntryOffset;
    }
    return false;
}

bool folder_watch_collect(struct folder_watch *watch, size_t number)
{
    struct watched_folder *folder = &watch->folders[number];
    DWORD size = 0;
    /* No bytes: more has changed than the buffer holds. */
    bool changed = !GetOverlappedResult(folder->folder, &folder->request, &size, FALSE) ||
                   size == 0 || names_file(watch, folder, size);
    if (!request(folder)) {
        /* The folder is gone: until it is back, its files are looked at from time to time. */
        for (size_t k = number; k < watch->folder_count; k++) {
            close_folder(&watch->folders[k]);
        }
        watch->folder_count = number;
        changed = true;
    }
    return changed;
}
