/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of rpcFwManager.exe that act on this host: one entry point each, and what their files
 * share. Their rows are in main.c. Main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_VERBS_H
#define RPCFW_WINDOWS_MANAGER_VERBS_H

#include <stdbool.h>
#include <windows.h>

#include "cli/cli.h"

#define MANAGER_NAME "rpcFwManager"

int verb_install(const struct cli_verb *verb, int argc, char **argv);
int verb_uninstall(const struct cli_verb *verb, int argc, char **argv);
int verb_pid(const struct cli_verb *verb, int argc, char **argv);
int verb_process(const struct cli_verb *verb, int argc, char **argv);
int verb_unprotect(const struct cli_verb *verb, int argc, char **argv);
int verb_update(const struct cli_verb *verb, int argc, char **argv);
int verb_status(const struct cli_verb *verb, int argc, char **argv);
int verb_doctor(const struct cli_verb *verb, int argc, char **argv);
int verb_int(const struct cli_verb *verb, int argc, char **argv);
int verb_show(const struct cli_verb *verb, int argc, char **argv);
int verb_start(const struct cli_verb *verb, int argc, char **argv);
int verb_stop(const struct cli_verb *verb, int argc, char **argv);

/* What follows the verb. */
struct verb_arguments {
    const char *target; /* PID or name of a process; NULL: none given */
    const char *policy; /* --policy FILE; NULL: the one beside the manager */
    bool compat;        /* --compat */
    bool json;          /* --json */
};

/* Which of them a verb takes. */
#define VERB_TAKES_TARGET 0x1u
#define VERB_TAKES_POLICY 0x2u /* --policy and --compat */
#define VERB_TAKES_JSON   0x4u

/* CLI_DONE, or CLI_ERROR after a usage error on stderr. */
int verb_read_arguments(const struct cli_verb *verb, unsigned takes, int argc, char **argv,
                        struct verb_arguments *out);

/*
 * What the verbs begin with that look into processes and change nothing: their arguments (--json),
 * administrator's rights, the debug privilege. CLI_DONE, or CLI_ERROR after a message.
 */
int verb_begin_look(const struct cli_verb *verb, int argc, char **argv,
                    struct verb_arguments *arguments);

/* verb_error() with the system's words for an error code behind `what`. */
int verb_system_error(const struct cli_verb *verb, const char *what, DWORD error);

/*
 * What every verb that changes something begins with: administrator's rights, the debug privilege,
 * the manager mutex. NULL after an error on stderr; otherwise end with policy_manager_unlock().
 */
HANDLE verb_begin_change(const struct cli_verb *verb);

#endif
