/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every verb of the manager works on: /run/rpcfw, the managers' lock, the process table.
 *
 * Opened once by a verb, on its one thread, and closed before it ends; the lock also goes with the
 * process. Also the sentences that verbs say on stderr.
 */
#ifndef RPCFW_SAMBA_MANAGER_MANAGER_HOST_H
#define RPCFW_SAMBA_MANAGER_MANAGER_HOST_H

#include <limits.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "samba/manager/protection.h"
#include "samba/state/control_page.h"
#include "samba/state/process_table.h"

struct manager_host {
    int directory; /* of STATE_DIRECTORY */
    int lock;      /* -1: not held */
    struct state_mapping control;
    struct state_mapping table_file;
    struct process_table *table;
    char agent_path[PATH_MAX]; /* "": no agent was found */
};

/* Opens, creating what is missing, and takes the lock. CLI_DONE, or CLI_ERROR after a sentence. */
int manager_host_begin_change(const struct cli_verb *verb, struct manager_host *host);

/* Opens what is there, without the lock. *present is false, and nothing else is set, when there is
 * no STATE_DIRECTORY. */
int manager_host_open(const struct cli_verb *verb, struct manager_host *host, bool *present);

void manager_host_close(struct manager_host *host);

uint64_t manager_host_generation(const struct manager_host *host);
struct protection_host manager_host_protection(const struct manager_host *host);

/* verb_error() with the text of an errno, or of its negative, behind `what`. */
int verb_system_error(const struct cli_verb *verb, const char *what, int error);

/* CLI_DONE, or CLI_ERROR after a sentence. */
int verb_require_root(const struct cli_verb *verb);

/* Options of the verbs: bits. */
#define VERB_TAKES_COMPAT     0x01u
#define VERB_TAKES_JSON       0x02u
#define VERB_TAKES_RULES      0x04u
#define VERB_TAKES_PRELOAD    0x08u
#define VERB_TAKES_FOR        0x10u
#define VERB_TAKES_NO_SERVICE 0x80u
#define VERB_TAKES_PID        0x20u
#define VERB_NEEDS_PID        0x40u

struct verb_arguments {
    bool compat;
    bool json;
    bool rules;
    bool preload;
    bool no_service;
    pid_t pid; /* 0: none was given */
};

/* CLI_DONE, or CLI_ERROR after a usage error. */
int verb_read_arguments(const struct cli_verb *verb, unsigned takes, int argc, char **argv,
                        struct verb_arguments *out);

#endif
