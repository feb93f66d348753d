/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starts and stops `rpcfw serve`: by systemd where that runs, else as a process of its own. */
#ifndef RPCFW_SAMBA_MANAGER_SERVICE_CONTROL_H
#define RPCFW_SAMBA_MANAGER_SERVICE_CONTROL_H

#include <stdbool.h>

#include "cli/cli.h"

#define SERVICE_UNIT "rpcfw.service"

/* Whether systemd is the first process here. */
bool systemd_runs(void);

/* Has systemd read the units again; true without systemd. */
bool systemd_reload(void);

/*
 * Starts the service, also with the machine where systemd runs, and again when it runs already;
 * `program` is what is run without systemd. Waits until it works. Says on stdout what was done;
 * CLI_DONE, or CLI_ERROR after a sentence.
 */
int service_start(const struct cli_verb *verb, int directory, const char *program);

/* Stops it, and no longer starts it with the machine. Waits until it has ended. */
int service_stop(const struct cli_verb *verb, int directory);

#endif
