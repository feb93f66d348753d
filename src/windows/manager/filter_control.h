/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native RPC filters as the verbs start and stop them: messages around windows/filters/. Called
 * holding the manager mutex, on the main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FILTER_CONTROL_H
#define RPCFW_WINDOWS_MANAGER_FILTER_CONTROL_H

#include "windows/manager/verbs.h"

/* Puts the flt: and all: rules of the policy file in force; a policy without any, without filters
 * in force, is nothing to do and nothing to say. CLI_NO: the file, or a rule for this host, is
 * refused. */
int filter_control_start(const struct cli_verb *verb, const struct verb_arguments *arguments);

/* The same, if filters are in force now: after the policy has changed. */
int filter_control_follow(const struct cli_verb *verb, const struct verb_arguments *arguments);

/* Removes all; done also where there are none or no engine. */
int filter_control_stop(const struct cli_verb *verb);

#endif
