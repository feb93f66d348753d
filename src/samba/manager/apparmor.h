/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AppArmor's part: rules for the agent in the profiles of Samba.
 *
 * The rules are a file below abstractions/samba.d, which profiles include with <abstractions/samba>
 * from AppArmor 3 on. Install and uninstall have the loaded profiles read again; doctor asks
 * whether the rules reach a profile. On the manager's one thread.
 */
#ifndef RPCFW_SAMBA_MANAGER_APPARMOR_H
#define RPCFW_SAMBA_MANAGER_APPARMOR_H

#include <stdbool.h>

#include "cli/cli.h"

#define APPARMOR_DIRECTORY    "/etc/apparmor.d"
#define APPARMOR_ABSTRACTIONS APPARMOR_DIRECTORY "/abstractions"
#define APPARMOR_RULES_FOLDER APPARMOR_ABSTRACTIONS "/samba.d"
#define APPARMOR_RULES        APPARMOR_RULES_FOLDER "/rpcfw"
/* What the kernel has loaded: lines of "smbd (enforce)". */
#define APPARMOR_LOADED "/sys/kernel/security/apparmor/profiles"

/*
 * Has the kernel take each loaded profile anew that has the rules in its text, and prints which;
 * where that fails, says what to run. Profiles that are not loaded stay so, and where none is
 * loaded nothing is done.
 */
void apparmor_reload(const struct cli_verb *verb);

/* Whether the rules are there, and a file of profiles that speaks of this one includes them. */
bool apparmor_rules_reach(const char *profile);

#endif
