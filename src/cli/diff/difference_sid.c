/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SIDs of a caller: a set, of which any combination may occur. One question after the other:
 * has the caller one of these? A "no" takes the SIDs out of all that is asked later, a "yes" is
 * kept as a set that the caller has one of, for as long as it bears on what is still asked.
 */
#include "cli/diff/difference_build.h"

#include <stdlib.h>
#include <string.h>

#define STATE_SIDS 1u

/* What a residual costs here, where its set of SIDs is compared with others, against elsewhere. */
#define SID_WORK 8u

/* `hits` is a list of lists: of each, the caller has one SID at least. */
static bool is_hit(const struct policy_space *space, uint32_t hits, uint32_t values)
{
    size_t count;
    const uint32_t *lists = space_list(space, hits, &count);
    for (size_t i = 0; i < count; i++) {
        if (space_list_within(space, lists[i], values)) {
            return true;
        }
    }
    return false;
}

static bool is_open(const struct policy_space *space, uint32_t residual)
{
    return !residual_is_outcome(residual) && residual_condition(space, residual)->key == KEY_SID;
}

/* Settles the conditions that `hits` and the SIDs that the caller lacks decide. */
static void settle(struct difference *difference, struct remains *remains, uint32_t hits,
                   uint32_t lacks)
{
    struct policy_space *space = difference->space;
    for (int side = 0; side < 2; side++) {
        size_t kept = 0;
        for (size_t i = 0; i < remains->count[side]; i++) {
            uint32_t residual = remains->list[side][i];
            if (!is_open(space, residual)) {
                remains->list[side][kept++] = residual;
                continue;
            }
            struct space_condition condition = *residual_condition(space, residual);
            if (space_lists_meet(space, lacks, condition.values)) {
                condition.values = space_list_without(space, condition.values, lacks);
            }
            condition.unknown = false; /* the SIDs are known here */
            bool empty = !space_list_count(space, condition.values);
            if (empty || is_hit(space, hits, condition.values)) {
                if (empty == (condition.negated != 0)) {
                    remains->list[side][kept++] = space_residual(space, residual)->next;
                }
            } else {
                remains->list[side][kept++] = residual_replace(space, residual, &condition);
            }
        }
        remains->count[side] = kept;
    }
}

static bool bears_on(const struct policy_space *space, const struct remains *remains, uint32_t list)
{
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < remains->count[side]; i++) {
            uint32_t residual = remains->list[side][i];
            if (is_open(space, residual) &&
                space_lists_meet(space, list, residual_condition(space, residual)->values)) {
                return true;
            }
        }
    }
    return false;
}

/* The hits without the SIDs in `lacks` and without those that no question bears on. False: a hit
 * has no SID left, so no caller is like that. */
static bool trim_hits(struct difference *difference, const struct remains *remains, uint32_t lacks,
                      uint32_t *hits)
{
    struct policy_space *space = difference->space;
    size_t count;
    size_t kept = 0;
    bool possible = true;
    const uint32_t *lists = space_list(space, *hits, &count);
    uint32_t *left = malloc((count + 1) * sizeof(*left));
    if (!left) {
        space->failed = true;
        return true;
    }
    for (size_t i = 0; i < count && possible; i++) {
        uint32_t list = space_list_without(space, lists[i], lacks);
        possible = space_list_count(space, list) > 0;
        if (bears_on(space, remains, list)) {
            left[kept++] = list;
        }
    }
    *hits = space_put_list(space, left, kept);
    free(left);
    return possible;
}

/* What to ask next: at the first place where the policies differ, and else before it. */
static bool next_question(const struct difference *difference, const struct remains *remains,
                          uint32_t *values)
{
    size_t start = 0;
    bool found = false;
    while (start < remains->count[0] && start < remains->count[1] &&
           remains->list[0][start] == remains->list[1][start]) {
        start++;
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < remains->count[side]; i++) {
            uint32_t residual = remains->list[side][i];
            if (is_open(difference->space, residual) && (!found || i == start)) {
                *values = residual_condition(difference->space, residual)->values;
                found = true;
            }
            if (found && i >= start) {
                break;
            }
        }
    }
    return found;
}

static uint32_t build_known(struct difference *difference, struct remains *remains, uint32_t hits);

static uint32_t build_yes(struct difference *difference, const struct remains *remains,
                          uint32_t hits, uint32_t values)
{
    struct policy_space *space = difference->space;
    struct remains child = {{NULL, NULL}, {remains->count[0], remains->count[1]}};
    uint32_t nothing = space_put_list(space, NULL, 0);
    uint32_t one = space_put_list(space, &values, 1);
    if (!remains_allocate(&child, remains->count[0], remains->count[1])) {
        space->failed = true;
        return NODE_UNCOMPARED;
    }
    memcpy(child.list[0], remains->list[0], remains->count[0] * sizeof(uint32_t));
    memcpy(child.list[1], remains->list[1], remains->count[1] * sizeof(uint32_t));
    hits = space_list_union(space, hits, one);
    settle(difference, &child, hits, nothing);
    trim_hits(difference, &child, nothing, &hits);
    uint32_t node = build_known(difference, &child, hits);
    remains_free(&child);
    return node;
}

/* Along the "no"s in a loop, for there can be as many as rules. */
static uint32_t build_known(struct difference *difference, struct remains *remains, uint32_t hits)
{
    struct chain chain = {0};
    uint32_t last;
    for (;;) {
        uint32_t values;
        last = NODE_UNCOMPARED;
        if (!take_work(difference, SID_WORK * (remains->count[0] + remains->count[1]))) {
            break;
        }
        last = NODE_SAME;
        if (remains_normalise(difference, remains)) {
            break;
        }
        if (!next_question(difference, remains, &values)) {
            last = build_node(difference, remains);
            break;
        }
        const uint32_t head[] = {STATE_SIDS, hits};
        uint32_t state = find_state(difference, head, 2, remains);
        last = state_node(difference, state);
        if (last != NODE_NONE) {
            break;
        }
        uint32_t yes = build_yes(difference, remains, hits, values);
        settle(difference, remains, hits, values);
        last = yes;
        if (!trim_hits(difference, remains, values, &hits)) {
            set_state_node(difference, state, yes);
            break;
        }
        settle(difference, remains, hits, values); /* a shorter hit may decide more */
        if (!chain_add(difference, &chain, (struct chain_step){state, values, yes})) {
            break;
        }
    }
    return chain_close(difference, &chain, KEY_SID, last);
}

static uint32_t build_first(struct difference *difference, struct remains *remains)
{
    uint32_t nothing = space_put_list(difference->space, NULL, 0);
    settle(difference, remains, nothing, nothing);
    return build_known(difference, remains, nothing);
}

uint32_t build_sids(struct difference *difference, struct remains *remains)
{
    struct remains child;
    if (!remains_allocate(&child, remains->count[0], remains->count[1])) {
        difference->space->failed = true;
        return NODE_UNCOMPARED;
    }
    uint32_t nothing = space_put_list(difference->space, NULL, 0);
    remains_assign_unknown(difference, remains, &child, KEY_SID);
    uint32_t unknown = build_node(difference, &child);
    remains_free(&child);
    struct edge edges[2] = {
        {.child = unknown, .set = nothing, .form = EDGE_ANY_OF, .unknown = true},
        {.child = build_first(difference, remains), .set = nothing, .form = EDGE_NONE_OF},
    };
    return make_node(difference, KEY_SID, edges, 2);
}
