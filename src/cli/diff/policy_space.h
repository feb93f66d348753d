/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as sets of calls: what the comparison of policies reasons over.
 *
 * A call is a point with one coordinate for each condition key. Where the values of a key can be
 * put in a line (UUIDs, opnums, addresses, …) a condition is a set of spans; for texts it is plain
 * texts and wildcard patterns, for SIDs a set of which the caller holds some or none. "Unknown" is
 * one more value of each coordinate, and each condition says whether its rule takes it. Rules
 * become residuals: a condition and what remains of the rule once it holds; equal remains have
 * equal numbers, from whichever policy they come. Built and read by one thread, tools only.
 */
#ifndef RPCFW_CLI_DIFF_POLICY_SPACE_H
#define RPCFW_CLI_DIFF_POLICY_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/diff/intern.h"
#include "core/policy.h"

/* A value of a key of spans, as a 128-bit number. */
struct point {
    uint64_t high;
    uint64_t low;
};

struct span {
    struct point first;
    struct point last; /* inclusive */
};

enum space_kind { SPACE_SPANS, SPACE_TEXTS, SPACE_SIDS };

struct space_condition {
    uint8_t key;     /* enum policy_key */
    uint8_t negated; /* texts and SIDs; in spans it is worked in */
    uint8_t unknown; /* holds also where the host cannot tell */
    uint8_t zero;
    uint32_t values;   /* spans: in space.spans; plain texts and SIDs: in space.lists */
    uint32_t patterns; /* texts with wildcards: in space.lists */
};

struct space_residual {
    uint32_t condition; /* in space.conditions */
    uint32_t next;      /* residual or outcome */
};

/* Outcomes, the ends of residuals: a set of these bits. */
#define OUTCOME_BLOCK 1u
#define OUTCOME_AUDIT 2u
#define OUTCOME_DRY   4u
#define OUTCOME_COUNT 8u

/* Start with all zero. */
struct policy_space {
    struct intern texts;      /* folded bytes behind a byte: 0 plain, 1 with wildcards */
    struct intern sids;       /* struct sid, full size */
    struct intern lists;      /* ascending uint32_t numbers of texts or of SIDs */
    struct intern spans;      /* struct span, ascending, apart and not adjacent */
    struct intern conditions; /* struct space_condition */
    struct intern residuals;  /* struct space_residual; residual OUTCOME_COUNT is number 0 */
    uint64_t work;            /* steps taken by find_witness(); who limits them sets it to 0 */
    bool failed;              /* out of memory outside of the tables */
};

/* True when memory was out at some point: nothing that was built since means anything. */
bool space_failed(const struct policy_space *space);
void space_free(struct policy_space *space);

/*
 * The rules for the firewall of a policy without errors, in order, as residuals: *count numbers, to
 * be freed with free(). NULL: out of memory.
 */
uint32_t *space_add_policy(struct policy_space *space, const struct policy *policy, size_t *count);

/* What remains, in place, of a list of residuals that ask for `key` (of spans) first, when its
 * value is known to be `point`; returns the new count. */
size_t space_know(const struct policy_space *space, uint32_t *residuals, size_t count,
                  enum policy_key key, struct point point);

enum space_kind space_kind_of(enum policy_key key);

/* The place of a key in the order in which residuals ask: the version comes right behind the UUID,
 * for both are unknown together. */
unsigned space_rank(enum policy_key key);

/* All known values of a key of spans: opnums 0–65535, levels none–privacy, … */
struct span space_universe(enum policy_key key);

bool residual_is_outcome(uint32_t residual);
const struct space_residual *space_residual(const struct policy_space *space, uint32_t residual);
const struct space_condition *space_condition(const struct policy_space *space, uint32_t condition);

/* The first condition of a residual that is no outcome. */
const struct space_condition *residual_condition(const struct policy_space *space,
                                                 uint32_t residual);
uint32_t residual_outcome(const struct policy_space *space, uint32_t residual);

/* The same residual with another first condition. */
uint32_t residual_replace(struct policy_space *space, uint32_t residual,
                          const struct space_condition *condition);

/* ---- Spans ---- */

int point_compare(struct point a, struct point b);
struct point point_of_guid(const struct guid *guid);
struct point point_of_addr(const struct ipaddr *addr);
struct guid guid_of_point(struct point point);
struct ipaddr addr_of_point(struct point point);
struct point point_after(struct point point); /* wraps at the end */
struct point point_before(struct point point);

const struct span *space_spans(const struct policy_space *space, uint32_t set, size_t *count);
bool spans_contain(const struct span *spans, size_t count, struct point point);

/* Sorts and joins in place, then gives the set's number. */
uint32_t space_put_spans(struct policy_space *space, struct span *spans, size_t count);
uint32_t space_spans_union(struct policy_space *space, uint32_t a, uint32_t b);
uint32_t space_spans_meet(struct policy_space *space, uint32_t a, uint32_t b, enum policy_key key);
uint32_t space_spans_complement(struct policy_space *space, uint32_t set, enum policy_key key);

/* ---- Lists ---- */

const uint32_t *space_list(const struct policy_space *space, uint32_t list, size_t *count);
uint32_t space_put_list(struct policy_space *space, uint32_t *numbers, size_t count); /* sorts */
uint32_t space_list_union(struct policy_space *space, uint32_t a, uint32_t b);
uint32_t space_list_without(struct policy_space *space, uint32_t a, uint32_t b);
bool space_list_within(const struct policy_space *space, uint32_t inner, uint32_t outer);
bool space_lists_meet(const struct policy_space *space, uint32_t a, uint32_t b);
bool space_list_has(const struct policy_space *space, uint32_t list, uint32_t number);
size_t space_list_count(const struct policy_space *space, uint32_t list);

/* ---- Texts ---- */

/* The text with that number, folded; *wild when it is a pattern. */
struct text space_text(const struct policy_space *space, uint32_t number, bool *wild);
bool space_text_matches(const struct policy_space *space, uint32_t patterns, struct text text);

#endif
