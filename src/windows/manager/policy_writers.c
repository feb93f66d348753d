/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/policy_writers.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "windows/manager/wide_text.h"
#include "windows/manager/win32_error.h"

#define NAME_SIZE 512

/* Bytes of a path: the whole text has to fit into an event. */
#define PATH_SHOWN 64

/* The end of a path that is too long to be shown, and what stands before it. */
static const char *tail(const char *path)
{
    size_t length = strlen(path);
    return length > PATH_SHOWN ? path + length - PATH_SHOWN : path;
}

static const char *cut(const char *path)
{
    return strlen(path) > PATH_SHOWN ? "..." : "";
}

static bool is_foreign(const wchar_t *path, enum file_access_kind kind, policy_access_check *check,
                       PSID administrator, char *text, size_t size)
{
    char shown[UTF8_PATH_SIZE];
    char name[NAME_SIZE];
    char words[WIN32_ERROR_TEXT_SIZE];
    union file_access_sid who;
    bool foreign;
    DWORD error = check(path, kind, administrator, &foreign, &who);
    utf8_from_wide(path, shown, sizeof(shown));
    if (error) {
        snprintf(text, size, "who may change %s%s cannot be told: %.50s", cut(shown), tail(shown),
                 win32_error_text(error, words));
        return true;
    }
    if (foreign) {
        snprintf(text, size, "%.50s may change %s%s; let only administrators",
                 file_access_name(&who, name, sizeof(name)), cut(shown), tail(shown));
    }
    return foreign;
}

/* The file and its folder. */
static bool is_file_foreign(const char *path, policy_access_check *check, PSID administrator,
                            char *text, size_t size)
{
    wchar_t wide[MAX_PATH];
    wchar_t full[MAX_PATH];
    DWORD length =
        wide_from_utf8(path, wide, MAX_PATH) ? GetFullPathNameW(wide, MAX_PATH, full, NULL) : 0;
    if (!length || length >= MAX_PATH) {
        snprintf(text, size, "who may change %s%s cannot be told: its name is too long", cut(path),
                 tail(path));
        return true;
    }
    if (is_foreign(full, FILE_ACCESS_FILE, check, administrator, text, size)) {
        return true;
    }
    wchar_t *slash = wcsrchr(full, L'\\');
    if (!slash) {
        return false;
    }
    slash[1] = L'\0'; /* with the backslash: the root of a drive is nothing without */
    return is_foreign(full, FILE_ACCESS_FOLDER, check, administrator, text, size);
}

bool policy_has_foreign_writer(const struct policy *policy, policy_access_check *check,
                               PSID administrator, char *text, size_t size)
{
    for (size_t i = 0; i < policy->source_count; i++) {
        if (is_file_foreign(policy->sources[i].path, check, administrator, text, size)) {
            return true;
        }
    }
    return false;
}
