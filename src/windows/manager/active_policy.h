/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force as the verbs need it: keep what is there, or put the file of this host in
 * force. Called holding the manager mutex; errors go to stderr.
 */
#ifndef RPCFW_WINDOWS_MANAGER_ACTIVE_POLICY_H
#define RPCFW_WINDOWS_MANAGER_ACTIVE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "windows/manager/verbs.h"
#include "windows/policy_section.h"

struct active_policy {
    struct policy_publisher publisher;
    /* What was in force before, held so that it outlives the last agent that uses it; else empty.
     */
    struct policy_image_view image;
    uint64_t generation; /* in force */
};

/*
 * Opens the policy in force for as long as processes are being protected. When none is, compiles
 * and publishes the file; when one is, says on stderr if the file now means something else. Returns
 * CLI_DONE, CLI_NO when the file is refused, or CLI_ERROR; close only after CLI_DONE.
 */
int active_policy_open(const struct cli_verb *verb, const struct verb_arguments *arguments,
                       struct active_policy *policy);

/* Compiles the file and publishes it as the next generation, whatever is in force; results as
 * above. */
int active_policy_replace(const struct cli_verb *verb, const struct verb_arguments *arguments,
                          struct active_policy *policy);

void active_policy_close(struct active_policy *policy);

/* The generation in force, 0 when there is none. Needs no mutex. */
uint64_t active_policy_generation(void);

#endif
