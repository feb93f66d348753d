/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/process_target.h"

#include <stdint.h>
#include <string.h>

#include "windows/manager/wide_text.h"

bool process_target_pid(const char *text, DWORD *pid)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (uint64_t)(*at - '0');
        if (number > UINT32_MAX) {
            return false;
        }
    }
    *pid = (DWORD)number;
    return *at == '\0' && at != text;
}

bool process_target_by_name(const char *name, struct process_list *list)
{
    static const wchar_t extension[] = L".exe";
    wchar_t bare[MAX_PATH];
    wchar_t full[MAX_PATH + ARRAYSIZE(extension)];
    if (!wide_from_utf8(name, bare, ARRAYSIZE(bare))) {
        return false;
    }
    wcscpy(full, bare);
    wcscat(full, extension);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const wchar_t *actual = list->entries[i].name;
        if (wide_same_name(actual, bare) || wide_same_name(actual, full)) {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = kept;
    return true;
}

void process_target_by_pid(DWORD pid, struct process_list *list)
{
    const struct process_entry *entry = process_list_find(list, pid);
    list->count = entry ? 1 : 0;
    if (entry) {
        list->entries[0] = *entry;
    }
}
