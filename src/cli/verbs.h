/* SPDX-License-Identifier: Apache-2.0 */
/* The entry points of the verbs that need no host; their rows are in verbs.c. */
#ifndef RPCFW_CLI_VERBS_H
#define RPCFW_CLI_VERBS_H

#include "cli/cli.h"

int verb_check(const struct cli_verb *verb, int argc, char **argv);
int verb_explain(const struct cli_verb *verb, int argc, char **argv);
int verb_replay(const struct cli_verb *verb, int argc, char **argv);
int verb_learn(const struct cli_verb *verb, int argc, char **argv);
int verb_coverage(const struct cli_verb *verb, int argc, char **argv);
int verb_diff(const struct cli_verb *verb, int argc, char **argv);
int verb_plan(const struct cli_verb *verb, int argc, char **argv);
int verb_names(const struct cli_verb *verb, int argc, char **argv);

#endif
