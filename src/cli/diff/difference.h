/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two policies as one decision diagram: which calls have which pair of outcomes.
 *
 * The diagram asks one coordinate of the call after the other (policy_space.h) and follows, on the
 * way, what remains of both policies; it stops where the remains are the same, and where it was
 * before. So it is exact, and small where the policies are alike. Built by the verbs diff and
 * coverage, one thread.
 */
#ifndef RPCFW_CLI_DIFF_DIFFERENCE_H
#define RPCFW_CLI_DIFF_DIFFERENCE_H

#include "cli/diff/policy_space.h"

/* Nodes without edges: no difference; the pair of outcomes (old, new); given up. */
#define NODE_SAME           0u
#define NODE_PAIR(old, new) (1u + (old)*OUTCOME_COUNT + (new))
#define NODE_UNCOMPARED     (1u + OUTCOME_COUNT * OUTCOME_COUNT)
#define NODE_FIRST_SPLIT    (NODE_UNCOMPARED + 1)

enum edge_form {
    EDGE_SPANS,     /* the value is in the set of spans */
    EDGE_ANY_OF,    /* the text is one of the list; an empty list: only the unknown */
    EDGE_NONE_OF,   /* known, and none of the list of texts; SIDs: known (the list is empty) */
    EDGE_HOLDS,     /* one pattern of the list matches; the caller has a SID of the list */
    EDGE_HOLDS_NOT, /* none does; has none */
};

struct edge {
    uint32_t child;
    uint32_t set; /* in the space's spans or lists */
    uint8_t form;
    uint8_t unknown; /* also when the host cannot tell */
    uint16_t zero;
};

struct difference {
    struct policy_space *space; /* not owned */
    uint64_t work_max;          /* steps before it gives up; set before difference_build() */

    uint32_t root;
    struct intern nodes; /* key, then edges: see difference_edges() */
    uint64_t work;
    bool exhausted;          /* a limit was reached: some nodes are NODE_UNCOMPARED */
    bool stopped;            /* the limit of the part being built was reached */
    uint64_t work_stop;      /* that limit */
    size_t interfaces;       /* groups of interfaces that the first split made */
    size_t interfaces_whole; /* of these, compared without reaching a limit */

    bool inexact; /* patterns could not be compared; the first of them: */
    enum policy_key inexact_key;
    uint32_t inexact_list; /* in space.lists */

    struct intern states; /* what was built already, and its node */
    uint32_t *state_nodes;
    size_t state_capacity;
    uint32_t *stamps; /* by residual and by condition: marks of the pass that is running */
    size_t stamp_capacity;
    uint32_t *slots;
    size_t slot_capacity;
    uint32_t pass;
};

/* Enough for policies of thousands of rules; a few seconds. */
#define DIFFERENCE_WORK_MAX 400000000u

/*
 * Compares two lists of residuals. False: out of memory. Free with difference_free() in any case.
 */
bool difference_build(struct difference *difference, const uint32_t *old_list, size_t old_count,
                      const uint32_t *new_list, size_t new_count);
void difference_free(struct difference *difference);

/* The edges of a node that has some; they part all calls that come to it. */
const struct edge *difference_edges(const struct difference *difference, uint32_t node,
                                    size_t *count, enum policy_key *key);

#endif
