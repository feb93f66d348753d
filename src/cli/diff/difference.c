/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/difference_build.h"

#include <stdlib.h>
#include <string.h>

/* States of longer lists are rarely met again and would fill the memory. */
#define STATE_MAX  1024u
#define MEMORY_MAX ((size_t)1 << 29)

/* One group of interfaces may take this many times its share of the work that is left. */
#define SHARES_MAX 8u

/* ---- What remains ---- */

bool remains_allocate(struct remains *remains, size_t old_count, size_t new_count)
{
    remains->list[0] = malloc((old_count + new_count + 2) * sizeof(uint32_t));
    if (remains->list[0]) {
        remains->list[1] = remains->list[0] + old_count + 1;
    }
    return remains->list[0] != NULL;
}

void remains_free(struct remains *remains)
{
    free(remains->list[0]);
}

static bool grow(uint32_t **array, size_t *capacity, size_t wanted)
{
    if (wanted < *capacity) {
        return true;
    }
    size_t larger = wanted * 2 + 1024;
    uint32_t *grown = realloc(*array, larger * sizeof(*grown));
    if (!grown) {
        return false;
    }
    memset(grown + *capacity, 0, (larger - *capacity) * sizeof(*grown));
    *array = grown;
    *capacity = larger;
    return true;
}

static void normalise_list(struct difference *difference, uint32_t *list, size_t *count)
{
    size_t kept = 0;
    bool ended = false;
    difference->pass++;
    for (size_t i = 0; i < *count && !ended; i++) {
        ended = residual_is_outcome(list[i]);
        if (!ended && difference->stamps[list[i]] == difference->pass) {
            continue; /* the same stood before, and did not match */
        }
        difference->stamps[list[i]] = difference->pass;
        list[kept++] = list[i];
    }
    if (!ended) {
        list[kept++] = 0; /* no rule matched: allowed, not audited */
    }
    while (kept > 1 && residual_outcome(difference->space, list[kept - 2]) == list[kept - 1]) {
        list[kept - 2] = list[kept - 1];
        kept--;
    }
    *count = kept;
}

bool remains_normalise(struct difference *difference, struct remains *remains)
{
    size_t residuals = OUTCOME_COUNT + (size_t)difference->space->residuals.count;
    if (!grow(&difference->stamps, &difference->stamp_capacity, residuals)) {
        difference->space->failed = true;
        return true;
    }
    normalise_list(difference, remains->list[0], &remains->count[0]);
    normalise_list(difference, remains->list[1], &remains->count[1]);
    return remains->count[0] == remains->count[1] &&
           memcmp(remains->list[0], remains->list[1], remains->count[0] * sizeof(uint32_t)) == 0;
}

enum policy_key remains_key(const struct difference *difference, const struct remains *remains)
{
    enum policy_key key = KEY_COUNT;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < remains->count[side]; i++) {
            if (residual_is_outcome(remains->list[side][i])) {
                continue;
            }
            enum policy_key asks =
                residual_condition(difference->space, remains->list[side][i])->key;
            key = space_rank(asks) < space_rank(key) ? asks : key;
        }
    }
    return key;
}

void remains_assign(struct difference *difference, const struct remains *from, struct remains *to,
                    enum policy_key key, condition_holds *holds, const void *context)
{
    for (int side = 0; side < 2; side++) {
        size_t kept = 0;
        for (size_t i = 0; i < from->count[side]; i++) {
            uint32_t residual = from->list[side][i];
            if (!residual_is_outcome(residual)) {
                const struct space_residual *rest = space_residual(difference->space, residual);
                if (space_condition(difference->space, rest->condition)->key == key) {
                    if (!holds(difference, rest->condition, context)) {
                        continue;
                    }
                    residual = rest->next;
                }
            }
            to->list[side][kept++] = residual;
        }
        to->count[side] = kept;
    }
}

static bool holds_unknown(const struct difference *difference, uint32_t condition,
                          const void *context)
{
    (void)context;
    return space_condition(difference->space, condition)->unknown;
}

void remains_assign_unknown(struct difference *difference, const struct remains *from,
                            struct remains *to, enum policy_key key)
{
    remains_assign(difference, from, to, key, holds_unknown, NULL);
    if (key == KEY_UUID) {
        /* The version is part of the interface: both are unknown together. */
        remains_assign(difference, to, to, KEY_IFACE_VERSION, holds_unknown, NULL);
    }
}

/* ---- Nodes and states ---- */

uint32_t make_node(struct difference *difference, enum policy_key key, const struct edge *edges,
                   size_t count)
{
    size_t other = 0;
    while (other < count && edges[other].child == edges[0].child) {
        other++;
    }
    if (other == count) {
        return count ? edges[0].child : NODE_SAME;
    }
    uint32_t *bytes = malloc(sizeof(uint32_t) + count * sizeof(*edges));
    if (!bytes) {
        difference->space->failed = true;
        return NODE_UNCOMPARED;
    }
    bytes[0] = key;
    memcpy(bytes + 1, edges, count * sizeof(*edges));
    uint32_t number =
        intern_put(&difference->nodes, bytes, sizeof(uint32_t) + count * sizeof(*edges));
    free(bytes);
    return NODE_FIRST_SPLIT + number;
}

const struct edge *difference_edges(const struct difference *difference, uint32_t node,
                                    size_t *count, enum policy_key *key)
{
    size_t length;
    const uint32_t *bytes = intern_get(&difference->nodes, node - NODE_FIRST_SPLIT, &length);
    *key = (enum policy_key)bytes[0];
    *count = length ? (length - sizeof(uint32_t)) / sizeof(struct edge) : 0;
    return (const struct edge *)(bytes + 1);
}

uint32_t find_state(struct difference *difference, const uint32_t *head, size_t head_count,
                    const struct remains *remains)
{
    uint32_t bytes[STATE_MAX];
    size_t old_count = remains->count[0];
    size_t new_count = remains->count[1];
    if (head_count + old_count + new_count + 1 > STATE_MAX) {
        return NODE_NONE;
    }
    memcpy(bytes, head, head_count * sizeof(*bytes));
    size_t used = head_count;
    bytes[used++] = (uint32_t)old_count;
    memcpy(bytes + used, remains->list[0], old_count * sizeof(*bytes));
    used += old_count;
    memcpy(bytes + used, remains->list[1], new_count * sizeof(*bytes));
    used += new_count;
    uint32_t state = intern_put(&difference->states, bytes, used * sizeof(*bytes));
    size_t before = difference->state_capacity;
    if (!grow(&difference->state_nodes, &difference->state_capacity, state)) {
        difference->space->failed = true;
        return NODE_NONE;
    }
    memset(difference->state_nodes + before, 0xff,
           (difference->state_capacity - before) * sizeof(uint32_t));
    return state;
}

uint32_t state_node(const struct difference *difference, uint32_t state)
{
    return state == NODE_NONE ? NODE_NONE : difference->state_nodes[state];
}

void set_state_node(struct difference *difference, uint32_t state, uint32_t node)
{
    if (state != NODE_NONE && !difference->stopped) {
        difference->state_nodes[state] = node;
    }
}

bool take_work(struct difference *difference, uint64_t steps)
{
    difference->work += steps + difference->space->work;
    difference->space->work = 0;
    if (difference->work > difference->work_stop || difference->states.memory > MEMORY_MAX ||
        difference->nodes.memory > MEMORY_MAX) {
        difference->exhausted = true;
        difference->stopped = true;
    }
    return !difference->stopped && !space_failed(difference->space) && !difference->states.failed &&
           !difference->nodes.failed;
}

bool chain_add(struct difference *difference, struct chain *chain, struct chain_step step)
{
    if (chain->count == chain->capacity) {
        size_t capacity = chain->capacity * 2 + 8;
        struct chain_step *grown = realloc(chain->steps, capacity * sizeof(*grown));
        if (!grown) {
            difference->space->failed = true;
            return false;
        }
        chain->steps = grown;
        chain->capacity = capacity;
    }
    chain->steps[chain->count++] = step;
    return true;
}

uint32_t chain_close(struct difference *difference, struct chain *chain, enum policy_key key,
                     uint32_t last)
{
    for (size_t i = chain->count; i-- > 0;) {
        const struct chain_step *step = &chain->steps[i];
        struct edge edges[2] = {
            {.child = step->yes, .set = step->set, .form = EDGE_HOLDS},
            {.child = last, .set = step->set, .form = EDGE_HOLDS_NOT},
        };
        last = make_node(difference, key, edges, 2);
        set_state_node(difference, step->state, last);
    }
    free(chain->steps);
    return last;
}

/* ---- Spans ---- */

/* A stretch of values that the same conditions hold for. */
struct stretch {
    struct span span;
    uint32_t signature; /* number of the bits of the conditions that hold */
    uint32_t child;
};

/* A condition begins or ends to hold at a point. */
struct event {
    struct point point;
    uint32_t slot;
};

struct split {
    struct difference *difference;
    struct remains *from;
    struct remains to;
    enum policy_key key;
    uint32_t *conditions; /* the distinct ones that are asked first; a condition's slot is its place
                             here */
    size_t condition_count;
    struct event *events;
    size_t event_count;
    struct stretch *stretches;
    size_t stretch_count;
    struct intern signatures;
    uint32_t *children; /* by signature */
    struct edge *edges;
};

static bool collect_conditions(struct split *split)
{
    struct difference *difference = split->difference;
    size_t total = split->from->count[0] + split->from->count[1];
    split->conditions = malloc((total + 1) * sizeof(*split->conditions));
    if (!split->conditions || !grow(&difference->slots, &difference->slot_capacity,
                                    difference->space->conditions.count)) {
        return false;
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < split->from->count[side]; i++) {
            uint32_t residual = split->from->list[side][i];
            if (residual_is_outcome(residual) ||
                residual_condition(difference->space, residual)->key != split->key) {
                continue;
            }
            uint32_t condition = space_residual(difference->space, residual)->condition;
            uint32_t slot = difference->slots[condition];
            if (slot >= split->condition_count || split->conditions[slot] != condition) {
                difference->slots[condition] = (uint32_t)split->condition_count;
                split->conditions[split->condition_count++] = condition;
            }
        }
    }
    return true;
}

static int order_events(const void *a, const void *b)
{
    return point_compare(((const struct event *)a)->point, ((const struct event *)b)->point);
}

static bool collect_events(struct split *split)
{
    const struct policy_space *space = split->difference->space;
    const struct point end = space_universe(split->key).last;
    size_t total = 0;
    size_t count;
    for (size_t i = 0; i < split->condition_count; i++) {
        space_spans(space, space_condition(space, split->conditions[i])->values, &count);
        total += 2 * count;
    }
    split->events = malloc((total + 1) * sizeof(*split->events));
    split->stretches = malloc((total + 1) * sizeof(*split->stretches));
    if (!split->events || !split->stretches) {
        return false;
    }
    for (size_t i = 0; i < split->condition_count; i++) {
        const struct span *spans =
            space_spans(space, space_condition(space, split->conditions[i])->values, &count);
        for (size_t k = 0; k < count; k++) {
            split->events[split->event_count++] = (struct event){spans[k].first, (uint32_t)i};
            if (point_compare(spans[k].last, end) < 0) {
                split->events[split->event_count++] =
                    (struct event){point_after(spans[k].last), (uint32_t)i};
            }
        }
    }
    qsort(split->events, split->event_count, sizeof(*split->events), order_events);
    return true;
}

/* From the events to stretches, each with the bits of what holds in it. */
static bool collect_stretches(struct split *split)
{
    const struct span universe = space_universe(split->key);
    size_t size = split->condition_count / 8 + 1;
    uint8_t *bits = calloc(size, 1);
    struct point start = universe.first;
    if (!bits) {
        return false;
    }
    for (size_t i = 0; i <= split->event_count; i++) {
        bool at_end = i == split->event_count;
        struct point next = at_end ? universe.last : split->events[i].point;
        if (at_end || point_compare(start, next) < 0) {
            split->stretches[split->stretch_count++] = (struct stretch){
                .span = {start, at_end ? next : point_before(next)},
                .signature = intern_put(&split->signatures, bits, size),
            };
            start = next;
        }
        if (!at_end) {
            bits[split->events[i].slot / 8] ^= (uint8_t)(1u << split->events[i].slot % 8);
        }
    }
    free(bits);
    return !split->signatures.failed;
}

static bool holds_in_stretch(const struct difference *difference, uint32_t condition,
                             const void *context)
{
    const uint8_t *bits = context;
    uint32_t slot = difference->slots[condition];
    return bits[slot / 8] >> slot % 8 & 1;
}

/* Gives the next of `parts` parts its share of the work, so that a hard one leaves the others some.
 */
static void start_share(struct difference *difference, size_t parts)
{
    uint64_t left =
        difference->work < difference->work_max ? difference->work_max - difference->work : 0;
    uint64_t share = left / parts * SHARES_MAX;
    difference->work_stop = difference->work + (share < left ? share : left);
    difference->stopped = false;
}

/* Builds what lies behind each signature; the outermost split of the interfaces says how far it
 * came. */
static bool build_children(struct split *split)
{
    struct difference *difference = split->difference;
    bool outermost = split->key == KEY_UUID && !difference->interfaces;
    split->children = malloc((split->signatures.count + 1) * sizeof(*split->children));
    if (!split->children ||
        !remains_allocate(&split->to, split->from->count[0], split->from->count[1])) {
        return false;
    }
    if (outermost) {
        difference->interfaces = split->signatures.count;
    }
    for (uint32_t i = 0; i < split->signatures.count; i++) {
        if (outermost) {
            start_share(difference, split->signatures.count - i);
        }
        take_work(difference, split->from->count[0] + split->from->count[1]);
        remains_assign(difference, split->from, &split->to, split->key, holds_in_stretch,
                       intern_get(&split->signatures, i, NULL));
        split->children[i] = build_node(difference, &split->to);
        difference->interfaces_whole += outermost && !difference->stopped;
    }
    if (outermost) {
        start_share(difference, 1);
    }
    for (size_t i = 0; i < split->stretch_count; i++) {
        split->stretches[i].child = split->children[split->stretches[i].signature];
    }
    return true;
}

static int order_stretches(const void *a, const void *b)
{
    const struct stretch *x = a;
    const struct stretch *y = b;
    return x->child != y->child ? (x->child < y->child ? -1 : 1)
                                : point_compare(x->span.first, y->span.first);
}

/* One edge for each child: the stretches that lead to it, and the unknown. */
static uint32_t join_stretches(struct split *split, bool asks_unknown, uint32_t unknown)
{
    struct policy_space *space = split->difference->space;
    size_t count = 0;
    bool unknown_done = !asks_unknown;
    struct span *spans = malloc((split->stretch_count + 1) * sizeof(*spans));
    split->edges = malloc((split->stretch_count + 1) * sizeof(*split->edges));
    if (!spans || !split->edges) {
        free(spans);
        space->failed = true;
        return NODE_UNCOMPARED;
    }
    qsort(split->stretches, split->stretch_count, sizeof(*split->stretches), order_stretches);
    for (size_t i = 0; i < split->stretch_count;) {
        uint32_t child = split->stretches[i].child;
        size_t span_count = 0;
        for (; i < split->stretch_count && split->stretches[i].child == child; i++) {
            spans[span_count++] = split->stretches[i].span;
        }
        bool with_unknown = asks_unknown && child == unknown;
        unknown_done = unknown_done || with_unknown;
        split->edges[count++] = (struct edge){.child = child,
                                              .set = space_put_spans(space, spans, span_count),
                                              .form = EDGE_SPANS,
                                              .unknown = with_unknown};
    }
    if (!unknown_done) {
        split->edges[count++] = (struct edge){.child = unknown,
                                              .set = space_put_spans(space, spans, 0),
                                              .form = EDGE_SPANS,
                                              .unknown = true};
    }
    free(spans);
    return make_node(split->difference, split->key, split->edges, count);
}

static uint32_t build_spans(struct difference *difference, struct remains *remains,
                            enum policy_key key)
{
    struct split split = {.difference = difference, .from = remains, .key = key};
    /* The version is asked for only where the interface is known. */
    bool asks_unknown = key != KEY_IFACE_VERSION;
    uint32_t node = NODE_UNCOMPARED;
    uint32_t unknown = NODE_SAME;

    if (!collect_conditions(&split) || !collect_events(&split) || !collect_stretches(&split) ||
        !build_children(&split)) {
        difference->space->failed = true;
        goto out;
    }
    if (asks_unknown) {
        remains_assign_unknown(difference, remains, &split.to, key);
        unknown = build_node(difference, &split.to);
    }
    node = join_stretches(&split, asks_unknown, unknown);
out:
    remains_free(&split.to);
    intern_free(&split.signatures);
    free(split.conditions);
    free(split.events);
    free(split.stretches);
    free(split.children);
    free(split.edges);
    return node;
}

/* ---- All keys ---- */

static uint32_t build_key(struct difference *difference, struct remains *remains)
{
    enum policy_key key = remains_key(difference, remains);
    if (key == KEY_COUNT) {
        return NODE_PAIR(remains->list[0][0], remains->list[1][0]);
    }
    switch (space_kind_of(key)) {
    case SPACE_TEXTS:
        return build_texts(difference, remains, key);
    case SPACE_SIDS:
        return build_sids(difference, remains);
    default:
        return build_spans(difference, remains, key);
    }
}

uint32_t build_node(struct difference *difference, struct remains *remains)
{
    const uint32_t head = 0;
    if (!take_work(difference, remains->count[0] + remains->count[1])) {
        return NODE_UNCOMPARED;
    }
    if (remains_normalise(difference, remains)) {
        return NODE_SAME;
    }
    uint32_t state = find_state(difference, &head, 1, remains);
    uint32_t node = state_node(difference, state);
    if (node == NODE_NONE) {
        node = build_key(difference, remains);
        set_state_node(difference, state, node);
    }
    return node;
}

bool difference_build(struct difference *difference, const uint32_t *old_list, size_t old_count,
                      const uint32_t *new_list, size_t new_count)
{
    struct remains remains;
    if (!difference->work_max) {
        difference->work_max = DIFFERENCE_WORK_MAX;
    }
    difference->work_stop = difference->work_max;
    if (!remains_allocate(&remains, old_count, new_count)) {
        return false;
    }
    if (old_count) {
        memcpy(remains.list[0], old_list, old_count * sizeof(uint32_t));
    }
    if (new_count) {
        memcpy(remains.list[1], new_list, new_count * sizeof(uint32_t));
    }
    remains.count[0] = old_count;
    remains.count[1] = new_count;
    difference->root = build_node(difference, &remains);
    remains_free(&remains);
    return !space_failed(difference->space) && !difference->nodes.failed &&
           !difference->states.failed;
}

void difference_free(struct difference *difference)
{
    intern_free(&difference->nodes);
    intern_free(&difference->states);
    free(difference->state_nodes);
    free(difference->stamps);
    free(difference->slots);
}
