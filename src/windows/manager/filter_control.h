/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native RPC filters as the verbs start and stop them: messages around windows/filters/. Called
 * holding the manager mutex, on the main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FILTER_CONTROL_H
#define RPCFW_WINDOWS_MANAGER_FILTER_CONTROL_H

#include "windows/manager/verbs.h"

/* What became of the filters. */
struct filter_change {
    bool changed;    /* the set in the engine was replaced: the next two are known */
    size_t in_force; /* now */
    size_t before;
    size_t rules; /* of the policy that are for filters */
};

/*
 * Puts the flt: and all: rules of the policy file in force, and notes that filters are wanted from
 * now on (filter_follow.h). A policy without any, without filters in force, changes no filter.
 * CLI_NO: the file, or a rule for this host, is refused. Errors on stderr, nothing on stdout.
 */
int filter_control_start(const struct cli_verb *verb, const struct verb_arguments *arguments,
                         struct filter_change *change);

/* The same, if filters are wanted or in force now: after the policy has changed. Prints. */
int filter_control_follow(const struct cli_verb *verb, const struct verb_arguments *arguments);

/* Removes all; done also where there are none or no engine. None are wanted from now on. */
int filter_control_stop(const struct cli_verb *verb, struct filter_change *change);

/* A line on stdout about the change, if there was one. */
void filter_control_print(const struct filter_change *change);

#endif
