/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef _WIN32
#include <wchar.h>
#include <windows.h>

FILE *file_open(const char *path)
{
    wchar_t wide[32768];
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, 32768)) {
        errno = EINVAL;
        return NULL;
    }
    return _wfopen(wide, L"rb");
}

uint64_t file_size(const char *path)
{
    wchar_t wide[32768];
    WIN32_FILE_ATTRIBUTE_DATA data;
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, 32768) ||
        !GetFileAttributesExW(wide, GetFileExInfoStandard, &data) ||
        (data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)) {
        return 0;
    }
    return (uint64_t)data.nFileSizeHigh << 32 | data.nFileSizeLow;
}
#else
FILE *file_open(const char *path)
{
    return fopen(path, "rb");
}

/* Not opened: closing a pipe again would end its writer. */
uint64_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}
#endif

/* Reads to the end; the size is not asked for first, so pipes work too. */
static char *read_all(FILE *file, size_t limit, size_t *size)
{
    size_t capacity = 65536;
    size_t used = 0;
    char *bytes = malloc(capacity);
    while (bytes) {
        used += fread(bytes + used, 1, capacity - used, file);
        if (used < capacity) {
            break;
        }
        if (used > limit) {
            errno = EFBIG;
            free(bytes);
            return NULL;
        }
        char *grown = realloc(bytes, capacity * 2);
        if (!grown) {
            free(bytes);
            return NULL;
        }
        bytes = grown;
        capacity *= 2;
    }
    if (bytes && ferror(file)) {
        free(bytes);
        return NULL;
    }
    *size = used;
    return bytes;
}

void *file_load(const char *path, size_t limit, size_t *size, const char **why)
{
    struct stat status;
    char *bytes = NULL;
    errno = 0;
    FILE *file = file_open(path);
    if (file && fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
    } else if (file) {
        bytes = read_all(file, limit, size);
    }
    if (!bytes) {
        *why = errno ? strerror(errno) : "cannot be read";
    }
    if (file) {
        fclose(file);
    }
    return bytes;
}

void *file_read(const char *path, size_t limit, size_t *size)
{
    const char *why;
    void *bytes = file_load(path, limit, size, &why);
    if (!bytes) {
        fprintf(stderr, "%s: %s\n", path, why);
    }
    return bytes;
}
