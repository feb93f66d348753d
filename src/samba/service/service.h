/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The service of a Samba host: `rpcfw serve`.
 *
 * Creates /run/rpcfw, puts the policy file in force after a start of the host, and writes what the
 * agents put into the ring. A second thread protects processes that no agent has come into
 * (process_watch.h). It may be killed at any time: what it had not written, its successor writes.
 */
#ifndef RPCFW_SAMBA_SERVICE_H
#define RPCFW_SAMBA_SERVICE_H

#include <stdbool.h>

struct service_options {
    const char *policy_file;
    const char *agent_path; /* of the agent to bring in; NULL: the installed one */
    bool watch;             /* protect processes that have no agent */
};

/* Runs until SIGTERM or SIGINT. An exit code of cli.h. */
int service_run(const struct service_options *options);

#endif
