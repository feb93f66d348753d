/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/policy_notes.h"

#include <stdio.h>
#include <wchar.h>

#include "windows/manager/file_access.h"
#include "windows/manager/wide_text.h"
#include "windows/manager/win32_error.h"

#define NAME_SIZE 1024
#define PATH_SIZE 1024 /* UTF-16 units; policies lie in places with shorter names */

void policy_note_filters(const struct cli_verb *verb, const struct policy *policy)
{
    size_t only = 0;
    size_t both = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        only += policy->rules[i].target == TARGET_FILTER;
        both += policy->rules[i].target == TARGET_ALL;
    }
    if (only) {
        verb_note(verb,
                  "note: %llu %s for native RPC filters (flt:); \"" MANAGER_NAME
                  " start flt\" puts %s in force",
                  (unsigned long long)only, only == 1 ? "rule is" : "rules are",
                  only == 1 ? "it" : "them");
    }
    if (both) {
        verb_note(verb,
                  "note: %llu %s for native RPC filters too (all:); \"" MANAGER_NAME
                  " start flt\" puts them in force besides protected processes, where %s enforced",
                  (unsigned long long)both, both == 1 ? "rule is" : "rules are",
                  both == 1 ? "it is" : "they are");
    }
}

static void note_writer(const struct cli_verb *verb, const wchar_t *path,
                        enum file_access_kind kind)
{
    char shown[PATH_SIZE * 3];
    char name[NAME_SIZE];
    char text[WIN32_ERROR_TEXT_SIZE];
    union file_access_sid who;
    bool foreign;
    DWORD error = file_access_check(path, kind, &foreign, &who);
    utf8_from_wide(path, shown, sizeof(shown));
    if (error) {
        verb_note(verb, "warning: who may change %s cannot be told: %s", shown,
                  win32_error_text(error, text));
    } else if (foreign) {
        verb_note(verb,
                  "warning: %s may be changed by %s, who so decides what the firewall does; let "
                  "only administrators write there",
                  shown, file_access_name(&who, name, sizeof(name)));
    }
}

/* The full path; false after a warning. */
static bool full_path(const struct cli_verb *verb, const char *path, wchar_t full[PATH_SIZE])
{
    wchar_t wide[PATH_SIZE];
    DWORD length =
        wide_from_utf8(path, wide, PATH_SIZE) ? GetFullPathNameW(wide, PATH_SIZE, full, NULL) : 0;
    if (!length || length >= PATH_SIZE) {
        verb_note(verb, "warning: who may change %s cannot be told: its name is too long", path);
        return false;
    }
    return true;
}

/* Notes the file, and its folder unless that is `seen`, which it then becomes. */
static void note_file(const struct cli_verb *verb, const char *path, wchar_t seen[PATH_SIZE])
{
    wchar_t full[PATH_SIZE];
    if (!full_path(verb, path, full)) {
        return;
    }
    note_writer(verb, full, FILE_ACCESS_FILE);
    wchar_t *slash = wcsrchr(full, L'\\');
    if (!slash) {
        return;
    }
    slash[1] = L'\0'; /* with the backslash: the root of a drive is nothing without */
    if (!wide_same_name(full, seen)) {
        note_writer(verb, full, FILE_ACCESS_FOLDER);
        wcscpy(seen, full);
    }
}

void policy_note_writers(const struct cli_verb *verb, const struct policy *policy)
{
    wchar_t seen[PATH_SIZE] = L"";
    for (size_t i = 0; i < policy->source_count; i++) {
        note_file(verb, policy->sources[i].path, seen);
    }
}

void policy_note_file_writers(const struct cli_verb *verb, const char *path)
{
    wchar_t seen[PATH_SIZE] = L"";
    note_file(verb, path, seen);
}
