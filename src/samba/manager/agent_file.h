/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the agent's file is.
 *
 * Installed it is RPCFW_AGENT_DIRECTORY/rpcfirewall-RELEASE….so, where RELEASE is the manager's
 * own: a package names it so, and `rpcfw install` adds a part of its digest, for the loader knows
 * objects by their names, and a process that holds an older build would take it for the new one.
 */
#ifndef RPCFW_SAMBA_MANAGER_AGENT_FILE_H
#define RPCFW_SAMBA_MANAGER_AGENT_FILE_H

#include <limits.h>
#include <stdbool.h>

/* The agent to load: the installed one, else the one beside this program. False, and "": none. */
bool agent_file_find(char path[PATH_MAX]);

/* The agent that lies beside this program, as it was built. False: there is none. */
bool agent_file_beside_program(char path[PATH_MAX]);

/* Whether the file's name tells its contents, so that another file of that name is the same. */
bool agent_file_name_tells(const char *name);

/* The installed one of this release. False: there is none. */
bool agent_file_installed(char path[PATH_MAX]);

#endif
