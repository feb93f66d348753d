/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes as wide as they can be. The ways through a diagram part the calls, so that one difference
 * comes in many pieces; each piece is made wider for as long as all its calls still have its pair
 * of outcomes, and pieces that lie within another are dropped. The classes may overlap then.
 */
#include "cli/diff/call_class.h"

#include <stdlib.h>
#include <string.h>

#include "cli/diff/text_witness.h"

/* More classes stay as they are: nobody reads them one by one, and each is held against all. */
#define CLASSES_MAX 400u

/* Visits of nodes; beyond them the classes stay as they are. */
#define VISITS_MAX 30000000u

struct widening {
    const struct difference *difference;
    struct policy_space *space;
    uint32_t *visited; /* by node: the check that passed through it last */
    uint32_t check;
    size_t visits;
};

/* ---- Can a call of the facet take the edge? Rather yes than no. ---- */

static bool has_known(const struct policy_space *space, const struct facet *facet)
{
    size_t count;
    if (facet->form == FACET_SPANS) {
        space_spans(space, facet->set, &count);
        return count > 0;
    }
    return facet->form != FACET_ANY_OF || space_list_count(space, facet->set) > 0;
}

static bool spans_meet(const struct policy_space *space, uint32_t a, uint32_t b)
{
    size_t a_count;
    size_t b_count;
    size_t i = 0;
    size_t k = 0;
    const struct span *a_spans = space_spans(space, a, &a_count);
    const struct span *b_spans = space_spans(space, b, &b_count);
    while (i < a_count && k < b_count) {
        if (point_compare(a_spans[i].last, b_spans[k].first) < 0) {
            i++;
        } else if (point_compare(b_spans[k].last, a_spans[i].first) < 0) {
            k++;
        } else {
            return true;
        }
    }
    return false;
}

static bool text_passes(const struct policy_space *space, const struct facet *facet, uint32_t text)
{
    size_t count;
    const uint32_t *tests = space_list(space, facet->tests, &count);
    for (size_t i = 0; i < count; i++) {
        if (space_text_matches(space, WITNESS_TEST_LIST(tests[i]), space_text(space, text, NULL)) !=
            WITNESS_TEST_HOLDS(tests[i])) {
            return false;
        }
    }
    return !space_list_has(space, facet->set, text);
}

/* Some text of the facet is in the list, or (with `match` false) is not, or matches its patterns.
 */
static bool some_text(const struct policy_space *space, const struct facet *facet,
                      const struct edge *edge)
{
    size_t count;
    bool listed = facet->form == FACET_ANY_OF;
    const uint32_t *texts = space_list(space, listed ? facet->set : edge->set, &count);
    for (size_t i = 0; i < count; i++) {
        bool in_edge =
            edge->form == EDGE_ANY_OF || edge->form == EDGE_NONE_OF
                ? space_list_has(space, edge->set, texts[i])
                : space_text_matches(space, edge->set, space_text(space, texts[i], NULL));
        bool wanted = edge->form == EDGE_ANY_OF || edge->form == EDGE_HOLDS;
        if (in_edge == wanted && (listed || text_passes(space, facet, texts[i]))) {
            return true;
        }
    }
    return false;
}

/* Whether what the facet says rules out that a pattern or SID of the edge's list holds, or fails.
 */
static bool is_ruled_out(const struct policy_space *space, const struct facet *facet,
                         enum policy_key key, const struct edge *edge)
{
    size_t count;
    const bool holds = edge->form == EDGE_HOLDS;
    const uint32_t *tests = space_list(space, facet->tests, &count);
    if (holds && key == KEY_SID && space_list_within(space, edge->set, facet->set)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t list = WITNESS_TEST_LIST(tests[i]);
        bool test_holds = WITNESS_TEST_HOLDS(tests[i]);
        if (test_holds != holds && (holds ? space_list_within(space, edge->set, list)
                                          : space_list_within(space, list, edge->set))) {
            return true;
        }
    }
    return false;
}

static bool can_take(const struct policy_space *space, const struct facet *facet,
                     enum policy_key key, const struct edge *edge)
{
    if (facet->form == FACET_ANY || (facet->unknown && edge->unknown)) {
        return true;
    }
    if (!has_known(space, facet)) {
        return false;
    }
    if (edge->form == EDGE_SPANS) {
        return spans_meet(space, facet->set, edge->set);
    }
    if (facet->form == FACET_ANY_OF || edge->form == EDGE_ANY_OF) {
        return some_text(space, facet, edge);
    }
    return edge->form == EDGE_NONE_OF || !is_ruled_out(space, facet, key, edge);
}

/* ---- Do all calls of a class have its outcomes? ---- */

static bool all_lead_to(struct widening *widening, uint32_t node, const struct call_class *class)
{
    const uint32_t end = NODE_PAIR(class->old_outcome, class->new_outcome);
    while (node >= NODE_FIRST_SPLIT) {
        size_t count;
        enum policy_key key;
        uint32_t *visited = &widening->visited[node - NODE_FIRST_SPLIT];
        uint32_t last = end;
        if (*visited == widening->check) {
            return true;
        }
        *visited = widening->check;
        const struct edge *edges = difference_edges(widening->difference, node, &count, &key);
        widening->visits += count;
        for (size_t i = 0; i < count; i++) {
            if (!can_take(widening->space, &class->facets[key], key, &edges[i])) {
                continue;
            }
            if (last != end && !all_lead_to(widening, last, class)) {
                return false;
            }
            last = edges[i].child;
        }
        node = last;
    }
    return node == end;
}

/* Takes the facet into the class if all its calls still have its outcomes. */
static bool try_facet(struct widening *widening, struct call_class *class, enum policy_key key,
                      const struct facet *facet)
{
    struct call_class wider = *class;
    wider.facets[key] = *facet;
    if (memcmp(&wider, class, sizeof(wider)) == 0 || widening->visits > VISITS_MAX) {
        return false;
    }
    widening->check++;
    if (!all_lead_to(widening, widening->difference->root, &wider)) {
        return false;
    }
    *class = wider;
    return true;
}

/* ---- Wider facets ---- */

static void widen_tests(struct widening *widening, struct call_class *class, enum policy_key key)
{
    struct policy_space *space = widening->space;
    size_t count;
    struct facet facet = class->facets[key];
    facet.unknown = true;
    try_facet(widening, class, key, &facet);
    if (class->facets[key].form != FACET_NONE_OF) {
        return;
    }
    facet = class->facets[key];
    facet.set = space_put_list(space, NULL, 0);
    try_facet(widening, class, key, &facet);
    const uint32_t *tests = space_list(space, class->facets[key].tests, &count);
    for (size_t i = 0; i < count; i++) {
        uint32_t one = tests[i];
        facet = class->facets[key];
        facet.tests = space_list_without(space, facet.tests, space_put_list(space, &one, 1));
        try_facet(widening, class, key, &facet);
    }
}

static void widen_facet(struct widening *widening, struct call_class *class, enum policy_key key,
                        const struct class_list *list)
{
    struct facet facet = {0};
    if (class->facets[key].form == FACET_ANY || try_facet(widening, class, key, &facet)) {
        return;
    }
    if (space_kind_of(key) != SPACE_SPANS) {
        widen_tests(widening, class, key);
    }
    for (size_t i = 0; i < list->count; i++) {
        facet = class->facets[key];
        if (list->items[i].old_outcome == class->old_outcome &&
            list->items[i].new_outcome == class->new_outcome &&
            facet_join(widening->space, key, &facet, &list->items[i].facets[key])) {
            try_facet(widening, class, key, &facet);
        }
    }
}

/* ---- Dropping ---- */

static bool facet_within(struct policy_space *space, enum policy_key key, const struct facet *inner,
                         const struct facet *outer)
{
    size_t count;
    if (outer->form == FACET_ANY || memcmp(inner, outer, sizeof(*inner)) == 0) {
        return true;
    }
    if (inner->form == FACET_ANY || (inner->unknown && !outer->unknown)) {
        return false;
    }
    if (!has_known(space, inner)) {
        return true;
    }
    if (inner->form == FACET_SPANS) {
        return space_spans_union(space, inner->set, outer->set) == outer->set;
    }
    if (inner->form == FACET_ANY_OF) {
        const uint32_t *texts = space_list(space, inner->set, &count);
        bool within = true;
        for (size_t i = 0; within && i < count; i++) {
            within = outer->form == FACET_ANY_OF ? space_list_has(space, outer->set, texts[i])
                                                 : text_passes(space, outer, texts[i]);
        }
        return within;
    }
    (void)key;
    return outer->form == FACET_NONE_OF && space_list_within(space, outer->set, inner->set) &&
           space_list_within(space, outer->tests, inner->tests);
}

static bool class_within(struct policy_space *space, const struct call_class *inner,
                         const struct call_class *outer)
{
    bool within =
        inner->old_outcome == outer->old_outcome && inner->new_outcome == outer->new_outcome;
    for (int key = 0; within && key < KEY_COUNT; key++) {
        within =
            facet_within(space, (enum policy_key)key, &inner->facets[key], &outer->facets[key]);
    }
    return within;
}

/* Drops the classes behind `at` that lie within it. */
static void drop_within(struct class_list *list, size_t at, struct policy_space *space)
{
    size_t kept = at + 1;
    for (size_t i = at + 1; i < list->count; i++) {
        if (!class_within(space, &list->items[i], &list->items[at])) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static void drop_before(struct class_list *list, size_t *at, struct policy_space *space)
{
    size_t kept = 0;
    struct call_class wide = list->items[*at];
    for (size_t i = 0; i < list->count; i++) {
        if (i >= *at || !class_within(space, &list->items[i], &wide)) {
            list->items[kept++] = list->items[i];
        }
    }
    *at -= list->count - kept;
    list->count = kept;
}

void class_list_widen(struct class_list *list, const struct difference *difference,
                      struct policy_space *space)
{
    struct widening widening = {.difference = difference, .space = space};
    if (list->count > CLASSES_MAX) {
        return;
    }
    widening.visited = calloc(difference->nodes.count + 1, sizeof(uint32_t));
    for (size_t i = 0; widening.visited && i < list->count; i++) {
        for (int key = 0; key < KEY_COUNT; key++) {
            widen_facet(&widening, &list->items[i], (enum policy_key)key, list);
        }
        if (widening.visits > VISITS_MAX) {
            break;
        }
        drop_within(list, i, space);
        drop_before(list, &i, space);
    }
    free(widening.visited);
}
