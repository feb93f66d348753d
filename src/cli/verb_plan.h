/* SPDX-License-Identifier: Apache-2.0 */
/* What `plan` asks of a program that runs on Windows: set once, at the start of the program. */
#ifndef RPCFW_CLI_VERB_PLAN_H
#define RPCFW_CLI_VERB_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/plan/filter_host.h"

struct plan_local_host {
    /* Which Windows this is; false, and why in `why`, when it has no filter engine. */
    bool (*describe)(struct filter_host *host, char *why, size_t size);
    /* The policy that managers use unless they are told another, as UTF-8; false: none. */
    bool (*policy_path)(char *path, size_t size);
};

/* `host` stays the caller's and must outlive the verb; without this, plan describes other hosts
 * only. */
void plan_set_local_host(const struct plan_local_host *host);

#endif
