/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The builder of decision diagrams, shared by the files that make it up: difference.c (spans, and
 * what is common), difference_text.c and difference_sid.c. Nobody else includes this.
 */
#ifndef RPCFW_CLI_DIFF_DIFFERENCE_BUILD_H
#define RPCFW_CLI_DIFF_DIFFERENCE_BUILD_H

#include "cli/diff/difference.h"

/* What remains of both policies: residuals, old [0] and new [1]; room for one more in each. */
struct remains {
    uint32_t *list[2];
    size_t count[2];
};

bool remains_allocate(struct remains *remains, size_t old_count, size_t new_count);
void remains_free(struct remains *remains);

/* Cuts both lists at the rule that decides anyway, adds the default, drops what changes nothing.
 * True when that leaves both the same. */
bool remains_normalise(struct difference *difference, struct remains *remains);

/* The key that is to be asked next; KEY_COUNT: none, both are outcomes. */
enum policy_key remains_key(const struct difference *difference, const struct remains *remains);

/* Whether the condition with that number holds in the part of the calls that `context` tells. */
typedef bool condition_holds(const struct difference *difference, uint32_t condition,
                             const void *context);

/*
 * Copies `from` to `to`, where the residuals that ask for `key` first go on behind that condition
 * when it holds and are left out when it does not.
 */
void remains_assign(struct difference *difference, const struct remains *from, struct remains *to,
                    enum policy_key key, condition_holds *holds, const void *context);

/* The same for "the host cannot tell". */
void remains_assign_unknown(struct difference *difference, const struct remains *from,
                            struct remains *to, enum policy_key key);

/* The node for what remains; the lists are used up. */
uint32_t build_node(struct difference *difference, struct remains *remains);

uint32_t build_texts(struct difference *difference, struct remains *remains, enum policy_key key);
uint32_t build_sids(struct difference *difference, struct remains *remains);

/* A node that was made before of equal edges is the same node; if all edges lead to one node, it is
 * that. */
uint32_t make_node(struct difference *difference, enum policy_key key, const struct edge *edges,
                   size_t count);

/* The state's number, under which state_node[] holds its node or NODE_NONE; NODE_NONE: not kept. */
#define NODE_NONE UINT32_MAX
uint32_t find_state(struct difference *difference, const uint32_t *head, size_t head_count,
                    const struct remains *remains);
uint32_t state_node(const struct difference *difference, uint32_t state);
void set_state_node(struct difference *difference, uint32_t state, uint32_t node);

/* Counts work; false, with the limit reached, from then on. */
bool take_work(struct difference *difference, uint64_t steps);

/* A step of a chain of yes and no, made into nodes from its end. */
struct chain_step {
    uint32_t state;
    uint32_t set;
    uint32_t yes;
};

struct chain {
    struct chain_step *steps;
    size_t count;
    size_t capacity;
};

bool chain_add(struct difference *difference, struct chain *chain, struct chain_step step);

/* The node of the chain whose last "no" leads to `last`; frees the steps. */
uint32_t chain_close(struct difference *difference, struct chain *chain, enum policy_key key,
                     uint32_t last);

#endif
