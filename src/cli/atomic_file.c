/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/atomic_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>

#define PATH_MAX_UNITS 32768

static bool to_wide(const char *path, wchar_t *wide)
{
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, PATH_MAX_UNITS) != 0;
}

static bool write_beside(const wchar_t *path, const void *bytes, size_t size)
{
    const char *at = bytes;
    bool good = true;
    HANDLE file =
        CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return false;
    }
    while (good && size) {
        DWORD written = 0;
        DWORD part = size < 1u << 30 ? (DWORD)size : 1u << 30;
        good = WriteFile(file, at, part, &written, NULL) && written;
        at += written;
        size -= written;
    }
    good = good && FlushFileBuffers(file);
    CloseHandle(file);
    return good;
}

bool atomic_file_write(const char *path, const void *bytes, size_t size)
{
    static wchar_t target[PATH_MAX_UNITS];
    static wchar_t beside[PATH_MAX_UNITS + 32];
    DWORD error = ERROR_INVALID_NAME;
    if (to_wide(path, target)) {
        _snwprintf(beside, sizeof(beside) / sizeof(beside[0]), L"%ls.%lu.new", target,
                   GetCurrentProcessId());
        if (write_beside(beside, bytes, size) &&
            MoveFileExW(beside, target, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
            return true;
        }
        error = GetLastError();
        DeleteFileW(beside);
    }
    fprintf(stderr, "%s: cannot be written: Windows error %lu\n", path, error);
    return false;
}
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new file has the rights that any new file has; one that is there keeps its own. */
static mode_t mode_for(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        return status.st_mode & 07777;
    }
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/*
 * The file that is replaced where `path` is a symbolic link: its target, so that the link stays.
 * Copies or resolves; NULL, and errno, when that fails.
 */
static char *resolve_target(const char *path)
{
    struct stat status;
    bool link = lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
    return link ? realpath(path, NULL) : strdup(path);
}

static bool write_all(int file, const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* Into a pipe, a terminal or a device: nothing there can be replaced. */
static bool write_through(const char *path, const void *bytes, size_t size)
{
    int file = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    bool good = file >= 0 && write_all(file, bytes, size);
    if (file >= 0 && close(file) != 0) {
        good = false;
    }
    return good;
}

static bool replace(const char *path, const void *bytes, size_t size)
{
    static const char suffix[] = ".XXXXXX";
    char *beside = malloc(strlen(path) + sizeof(suffix));
    int file = -1;
    bool good = false;
    if (!beside) {
        errno = ENOMEM;
        goto out;
    }
    memcpy(beside, path, strlen(path));
    memcpy(beside + strlen(path), suffix, sizeof(suffix));
    file = mkstemp(beside);
    if (file < 0) {
        goto out;
    }
    good = write_all(file, bytes, size) && fchmod(file, mode_for(path)) == 0 && fsync(file) == 0 &&
           rename(beside, path) == 0;
out:;
    int error = errno;
    if (!good && file >= 0) {
        unlink(beside);
    }
    if (file >= 0) {
        close(file);
    }
    free(beside);
    errno = error;
    return good;
}

bool atomic_file_write(const char *path, const void *bytes, size_t size)
{
    struct stat status;
    bool good = false;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        good = write_through(path, bytes, size);
    } else {
        char *target = resolve_target(path);
        good = target && replace(target, bytes, size);
        int error = errno;
        free(target);
        errno = error;
    }
    if (!good) {
        fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
    }
    return good;
}
#endif
