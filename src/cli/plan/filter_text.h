/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planned filters in words: the names of fields and values as netsh has them, and a plan for people
 * and for machines. Writes to the stream alone.
 */
#ifndef RPCFW_CLI_PLAN_FILTER_TEXT_H
#define RPCFW_CLI_PLAN_FILTER_TEXT_H

#include <stdio.h>

#include "cli/plan/filter_plan.h"

/* "protocol", "if_uuid", "opnum", … */
const char *filter_field_name(enum filter_field field);

/* The value: ncacn_ip_tcp, a UUID, a number, an address, D:(A;;CC;;;S-1-…)… */
void filter_value_print(FILE *out, const struct filter_condition *condition);

/* "rule=LINE WHERE: reason", one line for each rule; of refused ones only, if that is asked. */
void filter_plan_print(FILE *out, const struct filter_plan *plan, const struct policy *policy,
                       bool refused_only);

/* One JSON object: the host, and each rule with its filters. */
void filter_plan_print_json(FILE *out, const struct filter_plan *plan, const struct policy *policy);

#endif
