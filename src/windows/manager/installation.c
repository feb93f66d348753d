/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/installation.h"

#include "windows/manager/file_digest.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/wide_text.h"

enum installation_state installation_check(void)
{
    struct installation_record record;
    if (installation_record_read(&record) != ERROR_SUCCESS) {
        return INSTALLATION_ABSENT;
    }
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        wchar_t path[MAX_PATH];
        uint64_t digest;
        if (i == INSTALLED_MANAGER && !record.file[i].count) {
            continue; /* it was there before, unpacked in its place */
        }
        if (!installed_file_path(i, path) || !file_digest(path, &digest) ||
            !installation_record_owns(&record, i, digest)) {
            return INSTALLATION_DAMAGED;
        }
    }
    wchar_t release[ARRAYSIZE(record.release)];
    wide_from_utf8(RPCFW_VERSION, release, ARRAYSIZE(release));
    return wide_same_name(record.release, release) ? INSTALLATION_GOOD : INSTALLATION_OTHER_RELEASE;
}

const char *installation_state_name(enum installation_state state)
{
    static const char *const names[] = {
        [INSTALLATION_ABSENT] = "no",
        [INSTALLATION_GOOD] = "yes",
        [INSTALLATION_DAMAGED] = "damaged",
        [INSTALLATION_OTHER_RELEASE] = "other-release",
    };
    return names[state];
}

bool installation_require(const struct cli_verb *verb, wchar_t agent_path[MAX_PATH])
{
    switch (installation_check()) {
    case INSTALLATION_ABSENT:
        verb_error(verb, "not installed; run \"" MANAGER_NAME " install\" first");
        return false;
    case INSTALLATION_DAMAGED:
        verb_error(verb, "an installed file is missing or was replaced; run \"" MANAGER_NAME
                         " install\" again");
        return false;
    case INSTALLATION_OTHER_RELEASE:
        verb_error(verb, "another release is installed and this is " RPCFW_VERSION
                         "; run \"" MANAGER_NAME " install\" first");
        return false;
    default:
        break;
    }
    if (!installed_file_path(INSTALLED_AGENT, agent_path)) {
        verb_system_error(verb, "System32 cannot be found", GetLastError());
        return false;
    }
    return true;
}
