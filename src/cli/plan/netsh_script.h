/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as a script for `netsh -f`, for hosts without a manager.
 *
 * netsh sets no weights, so the order of its filters is Windows' own, and it is reported to take no
 * addresses: netsh_script_doubts() says what of a plan may therefore not hold.
 */
#ifndef RPCFW_CLI_PLAN_NETSH_SCRIPT_H
#define RPCFW_CLI_PLAN_NETSH_SCRIPT_H

#include <stdio.h>

#include "cli/plan/filter_plan.h"

/* Only for a plan in which no rule is refused. */
void netsh_script_print(FILE *out, const struct filter_plan *plan, const struct policy *policy);

#define NETSH_DOUBT_ORDER   0x1u /* two filters of different actions share calls */
#define NETSH_DOUBT_ADDRESS 0x2u /* a filter compares addresses */
#define NETSH_DOUBT_AUDIT   0x4u /* a filter that blocks is to record */

/* NETSH_DOUBT_… bits. */
unsigned netsh_script_doubts(const struct filter_plan *plan);

#endif
