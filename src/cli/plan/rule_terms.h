/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule asks for in terms that the filter engine can compare, or why it cannot.
 *
 * Called by filter_plan.c for one rule at a time; pure. The lists point into the policy.
 */
#ifndef RPCFW_CLI_PLAN_RULE_TERMS_H
#define RPCFW_CLI_PLAN_RULE_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/plan/filter_host.h"
#include "core/image.h"
#include "core/policy.h"

/* The protocol sequences that the engine sees, as bits of struct rule_terms. */
#define TERMS_TCP  0x1u
#define TERMS_NP   0x2u
#define TERMS_HTTP 0x4u

/* Authentication levels 1 to 6 as bits 1 to 6. */
#define TERMS_ALL_LEVELS    0x7eu
#define TERMS_AUTHENTICATED 0x7cu

#define TERMS_VALUES_MAX    256 /* interfaces, opnums, ports or SIDs of a rule */
#define TERMS_ADDRESSES_MAX 100000

struct rule_terms {
    unsigned protocols;
    unsigned levels;
    const struct guid *interfaces; /* count 0: any */
    size_t interface_count;
    uint16_t opnums[TERMS_VALUES_MAX];
    size_t opnum_count; /* 0: any */
    uint16_t ports[TERMS_VALUES_MAX];
    size_t port_count;                    /* 0: any */
    const struct ipaddr_range *addresses; /* single ones */
    size_t address_count;                 /* 0: any */
    const struct sid *sids;
    size_t sid_count; /* 0: any */
};

enum terms_result {
    TERMS_EXACT,
    TERMS_NEVER, /* no call that the engine sees can match */
    TERMS_INEXPRESSIBLE,
};

/* For the last, a sentence without its full stop in `reason`. */
enum terms_result rule_terms_read(struct rule_terms *terms, const struct policy *policy,
                                  const struct policy_rule *rule, const struct filter_host *host,
                                  char *reason, size_t size);

#endif
