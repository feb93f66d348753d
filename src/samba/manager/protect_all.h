/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Protects or unprotects all of Samba's processes, one line on stdout for each. Called by the
 * verbs, which hold the managers' lock. */
#ifndef RPCFW_SAMBA_MANAGER_PROTECT_ALL_H
#define RPCFW_SAMBA_MANAGER_PROTECT_ALL_H

#include "samba/manager/manager_host.h"
#include "samba/manager/process_report.h"

/* Looks again until no new process was found: servers fork while this works. CLI_DONE; CLI_ERROR
 * when one was refused or the processes cannot be listed. */
int protect_all(const struct cli_verb *verb, const struct manager_host *host,
                struct process_tally *tally);
int unprotect_all(const struct cli_verb *verb, const struct manager_host *host,
                  struct process_tally *tally);

#endif
