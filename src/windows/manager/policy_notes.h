/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the manager has to say about a good policy before it puts it in force: rules that nothing
 * enforces in this release, and who else may change the files. Notes on stderr, never an error.
 * Called by the verbs.
 */
#ifndef RPCFW_WINDOWS_MANAGER_POLICY_NOTES_H
#define RPCFW_WINDOWS_MANAGER_POLICY_NOTES_H

#include "core/policy.h"
#include "windows/manager/verbs.h"

/* Counts the rules for native RPC filters, which this release does not set. */
void policy_note_filters(const struct cli_verb *verb, const struct policy *policy);

/* Names each file of the policy, and each folder of one, that others than administrators may
 * change. */
void policy_note_writers(const struct cli_verb *verb, const struct policy *policy);

/* The same for one file (UTF-8) and its folder. */
void policy_note_file_writers(const struct cli_verb *verb, const char *path);

#endif
