/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the firewall is installed on this host, and by this release. Called by the verbs.
 */
#ifndef RPCFW_WINDOWS_MANAGER_INSTALLATION_H
#define RPCFW_WINDOWS_MANAGER_INSTALLATION_H

#include <stdbool.h>

#include "windows/manager/verbs.h"

enum installation_state {
    INSTALLATION_ABSENT,
    INSTALLATION_GOOD,
    INSTALLATION_DAMAGED,       /* a file is missing or is not what install put there */
    INSTALLATION_OTHER_RELEASE, /* installed by another release */
};

enum installation_state installation_check(void);

/* One word for messages and for JSON. */
const char *installation_state_name(enum installation_state state);

/*
 * The full path of the agent in System32, for verbs that load it into processes; false after an
 * error on stderr that says what to do.
 */
bool installation_require(const struct cli_verb *verb, wchar_t agent_path[MAX_PATH]);

#endif
