/* SPDX-License-Identifier: Apache-2.0 */
/* This host for the verb `plan` (cli/verb_plan.h). */
#ifndef RPCFW_WINDOWS_FILTERS_PLAN_HOST_H
#define RPCFW_WINDOWS_FILTERS_PLAN_HOST_H

#include "cli/verb_plan.h"

/* Reads what the filter engine can compare; changes nothing. False, and a phrase in `why`, when
 * there is no engine or it does not answer. */
bool plan_host_describe(struct filter_host *host, char *why, size_t size);

#endif
