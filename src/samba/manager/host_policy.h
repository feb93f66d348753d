/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy file of this host and the policy in force: from the one to the other.
 *
 * Called by the manager's verbs on one thread; what publishes needs the managers' lock.
 */
#ifndef RPCFW_SAMBA_MANAGER_HOST_POLICY_H
#define RPCFW_SAMBA_MANAGER_HOST_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "samba/manager/manager_host.h"
#include "samba/state/policy_location.h"

/*
 * Reads, checks and publishes POLICY_FILE. CLI_NO: refused, its errors are on stderr; CLI_ERROR: it
 * cannot be read or published. Unless CLI_DONE what was in force stays in force.
 */
int host_policy_publish(const struct cli_verb *verb, const struct manager_host *host, bool compat,
                        uint64_t *generation);

/* The same, only when nothing is in force yet. */
int host_policy_ensure(const struct cli_verb *verb, const struct manager_host *host);

enum host_policy_state {
    HOST_POLICY_SAME, /* the file is what is in force */
    HOST_POLICY_DIFFERS,
    HOST_POLICY_REFUSED, /* the file has errors, so cannot be put in force */
    HOST_POLICY_MISSING, /* there is no file */
    HOST_POLICY_UNREAD,  /* it cannot be read */
};

/* Holds the file against the policy in force. Prints nothing. */
enum host_policy_state host_policy_compare(const struct manager_host *host);

/*
 * Whether a path, one of its folders or, for the policy file, a file that it includes can be
 * changed by others than root: then *path_of names which. `path_of` has PATH_MAX bytes.
 */
bool host_policy_foreign_writer(char *path_of);

#endif
