/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entry points of the host verbs; their rows are in host_verbs.c. */
#ifndef RPCFW_SAMBA_MANAGER_VERBS_H
#define RPCFW_SAMBA_MANAGER_VERBS_H

#include "cli/cli.h"

int verb_install(const struct cli_verb *verb, int argc, char **argv);
int verb_uninstall(const struct cli_verb *verb, int argc, char **argv);
int verb_pid(const struct cli_verb *verb, int argc, char **argv);
int verb_unprotect(const struct cli_verb *verb, int argc, char **argv);
int verb_update(const struct cli_verb *verb, int argc, char **argv);
int verb_status(const struct cli_verb *verb, int argc, char **argv);
int verb_doctor(const struct cli_verb *verb, int argc, char **argv);

#endif
