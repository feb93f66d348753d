/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
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

/* To be read as a whole. */
static FILE *open_whole(const char *path)
{
    return file_open(path);
}

static void wait_for_bytes(FILE *file)
{
    (void)file;
}
#else
#include <fcntl.h>
#include <unistd.h>

/* To be read as a whole. A pipe without a writer must not hold the program up. */
static FILE *open_whole(const char *path)
{
    int number = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    FILE *file = number < 0 ? NULL : fdopen(number, "rb");
    if (number >= 0 && !file) {
        close(number);
    }
    return file;
}

static void wait_for_bytes(FILE *file)
{
    int flags = fcntl(fileno(file), F_GETFL);
    if (flags >= 0) {
        (void)fcntl(fileno(file), F_SETFL, flags & ~O_NONBLOCK);
    }
}

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

/* What the program was given to read from, such as the shell's <(COMMAND). */
static bool is_own_descriptor(const char *path)
{
    return strncmp(path, "/dev/fd/", 8) == 0 || strcmp(path, "/dev/stdin") == 0;
}

/* The bytes of an open file; `pipes`: also where it is no regular file. */
static void *load(FILE *file, bool pipes, size_t limit, size_t *size, const char **why)
{
    struct stat status;
    void *bytes = NULL;
    errno = 0;
    if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
    } else if (!errno && !pipes && !S_ISREG(status.st_mode)) {
        *why = "is not a regular file";
        return NULL;
    } else if (!errno) {
        bytes = read_all(file, limit, size);
    }
    if (!bytes) {
        *why = errno ? strerror(errno) : "cannot be read";
    }
    return bytes;
}

static void *load_path(const char *path, bool pipes, size_t limit, size_t *size, const char **why)
{
    void *bytes = NULL;
    errno = 0;
    FILE *file = open_whole(path);
    if (file) {
        wait_for_bytes(file);
        bytes = load(file, pipes, limit, size, why);
    } else {
        *why = errno ? strerror(errno) : "cannot be opened";
    }
    if (file) {
        fclose(file);
    }
    return bytes;
}

void *file_load(const char *path, size_t limit, size_t *size, const char **why)
{
    return load_path(path, false, limit, size, why);
}

static void *load_stdin(size_t limit, size_t *size, const char **why)
{
#ifdef _WIN32
    _setmode(_fileno(stdin), _O_BINARY);
#endif
    return load(stdin, true, limit, size, why);
}

void *file_read(const char *path, size_t limit, size_t *size)
{
    const char *why = NULL;
    void *bytes = strcmp(path, "-") == 0
                      ? load_stdin(limit, size, &why)
                      : load_path(path, is_own_descriptor(path), limit, size, &why);
    if (!bytes) {
        fprintf(stderr, "%s: %s\n", path, why);
    }
    return bytes;
}
