/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entry points of `rpcfw serve` and `rpcfw audit`; their rows are in host_verbs.c. */
#ifndef RPCFW_SAMBA_SERVICE_VERBS_H
#define RPCFW_SAMBA_SERVICE_VERBS_H

#include "cli/cli.h"

int verb_serve(const struct cli_verb *verb, int argc, char **argv);
int verb_audit(const struct cli_verb *verb, int argc, char **argv);

#endif
