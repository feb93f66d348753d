/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs of rpcfw that concern this host: install, uninstall, pid, …
 *
 * One row each; what a verb does stands in its own file.
 */
#ifndef RPCFW_SAMBA_HOST_VERBS_H
#define RPCFW_SAMBA_HOST_VERBS_H

#include "cli/cli.h"

/* Ends with a row whose name is NULL. */
extern const struct cli_verb samba_host_verbs[];

#endif
