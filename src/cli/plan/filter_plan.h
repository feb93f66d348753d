/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a policy to native Windows RPC filters: which rules a host's engine can enforce exactly, by
 * which filters, and why it cannot enforce the others.
 *
 * Pure: reads a policy without errors, allocates the plan, touches nothing else. One owner, no
 * locks; tools and managers only. What a filter would match is never more and never less than what
 * the rule says of calls as the engine sees them; a rule of which that cannot be had gets no
 * filter.
 *
 * What the engine is: filters of the user-mode RPC layer are tried by weight, the highest first,
 * and the first that matches permits or blocks. Of conditions on one field any one must hold, and
 * all fields must. Each condition is "equal". It knows calls over ncacn_ip_tcp, ncacn_np and
 * ncacn_http, and of the last two no client address.
 */
#ifndef RPCFW_CLI_PLAN_FILTER_PLAN_H
#define RPCFW_CLI_PLAN_FILTER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/plan/filter_host.h"
#include "core/policy.h"

/* What a condition compares. Conditions of a filter stand in this order. */
enum filter_field {
    FILTER_PROTOCOL,    /* number: enum protseq */
    FILTER_INTERFACE,   /* uuid */
    FILTER_OPNUM,       /* number: 0 to 65535 */
    FILTER_AUTHN_LEVEL, /* number: enum authn_level */
    FILTER_LOCAL_PORT,  /* number: 0 to 65535 */
    FILTER_CLIENT_V4,   /* address: IPv4 */
    FILTER_CLIENT_V6,   /* address: IPv6 */
    FILTER_CLIENT_SID,  /* sids: the caller has one of them */
    FILTER_FIELD_COUNT
};

struct filter_condition {
    enum filter_field field;
    uint32_t number;
    struct guid uuid;
    struct ipaddr address;
    struct sid *sids; /* owned */
    size_t sid_count;
};

/* The most filters of a plan. */
#define FILTER_PLAN_MAX 4000

struct planned_filter {
    size_t rule;     /* index in the policy */
    uint64_t weight; /* unique in the plan; the first filter has the highest, the last has 1 */
    bool block;      /* otherwise permit */
    bool audit;      /* record the calls */
    struct filter_condition *conditions; /* at least one; owned */
    size_t condition_count;
};

/* Who enforces a rule. */
enum plan_where { PLAN_NOWHERE, PLAN_AGENT, PLAN_FILTER, PLAN_BOTH };

const char *plan_where_name(enum plan_where where); /* "nowhere", "agent", "filter", "both" */

/* LINE, or FILE:LINE for a rule of an included file, as rule= has it. Returns `text`. */
char *plan_rule_place(const struct policy_rule *rule, char *text, size_t size);

struct plan_finding {
    enum plan_where where;
    bool refused;     /* a flt: rule that the host cannot enforce: the plan must not be applied */
    size_t filters;   /* how many the rule has */
    char *reason;     /* why there, in one line; owned */
    const char *note; /* what to know about its filters; NULL: nothing */
};

struct filter_plan {
    struct filter_host host;
    struct planned_filter *filters; /* by falling weight */
    size_t filter_count;
    struct plan_finding *findings; /* one for each rule of the policy */
    size_t finding_count;
    size_t refused; /* findings that are */
};

/* NULL: out of memory. Free with filter_plan_free(). The plan does not point into the policy. */
struct filter_plan *filter_plan_make(const struct policy *policy, const struct filter_host *host);
void filter_plan_free(struct filter_plan *plan);

#endif
