/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/call_class.h"

#include <stdlib.h>
#include <string.h>

#include "cli/diff/text_witness.h"
#include "core/protseq.h"

void class_list_free(struct class_list *list)
{
    free(list->items);
    *list = (struct class_list){0};
}

/* ---- From the diagram ---- */

struct walk {
    struct class_list *list;
    const struct difference *difference;
    size_t limit;
    bool same;
    bool failed;
    uint32_t *lacks; /* lists of SIDs that the caller has none of, along the way */
    size_t lack_count;
    size_t lack_capacity;
};

static void add_class(struct walk *walk, const struct call_class *class)
{
    struct class_list *list = walk->list;
    if (list->count == walk->limit) {
        list->cut = true;
        return;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct call_class *grown = realloc(list->items, capacity * sizeof(*grown));
        if (!grown) {
            walk->failed = true;
            return;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = *class;
}

static uint32_t add_test(struct policy_space *space, uint32_t tests, uint32_t list, bool holds)
{
    uint32_t test = WITNESS_TEST(list, holds);
    return space_list_union(space, tests, space_put_list(space, &test, 1));
}

/* The facet behind an edge, given what was said of the key before. */
static struct facet follow(struct policy_space *space, struct facet before, const struct edge *edge)
{
    struct facet facet = before;
    switch (edge->form) {
    case EDGE_HOLDS:
    case EDGE_HOLDS_NOT:
        facet.tests = add_test(space, facet.tests, edge->set, edge->form == EDGE_HOLDS);
        return facet;
    case EDGE_SPANS:
        facet.form = FACET_SPANS;
        break;
    case EDGE_ANY_OF:
        facet.form = FACET_ANY_OF;
        break;
    default:
        facet.form = FACET_NONE_OF;
        break;
    }
    facet.set = edge->set;
    facet.unknown = edge->unknown;
    facet.tests = space_put_list(space, NULL, 0);
    return facet;
}

static bool note_lack(struct walk *walk, uint32_t list)
{
    if (walk->lack_count == walk->lack_capacity) {
        size_t capacity = walk->lack_capacity * 2 + 64;
        uint32_t *grown = realloc(walk->lacks, capacity * sizeof(*grown));
        if (!grown) {
            walk->failed = true;
            return false;
        }
        walk->lacks = grown;
        walk->lack_capacity = capacity;
    }
    walk->lacks[walk->lack_count++] = list;
    return true;
}

/* All SIDs that the caller was found not to have. */
static uint32_t join_lacks(const struct walk *walk)
{
    struct policy_space *space = walk->difference->space;
    size_t total = 0;
    size_t count;
    for (size_t i = 0; i < walk->lack_count; i++) {
        total += space_list_count(space, walk->lacks[i]);
    }
    uint32_t *sids = malloc((total + 1) * sizeof(*sids));
    if (!sids) {
        space->failed = true;
        return 0;
    }
    total = 0;
    for (size_t i = 0; i < walk->lack_count; i++) {
        const uint32_t *list = space_list(space, walk->lacks[i], &count);
        memcpy(sids + total, list, count * sizeof(*sids));
        total += count;
    }
    uint32_t joined = space_put_list(space, sids, total);
    free(sids);
    return joined;
}

static void visit_end(struct walk *walk, uint32_t node, struct call_class *class)
{
    if (walk->failed || walk->list->cut || node == NODE_UNCOMPARED ||
        (node == NODE_SAME && !walk->same)) {
        return;
    }
    class->old_outcome = node == NODE_SAME ? 0 : (node - 1) / OUTCOME_COUNT;
    class->new_outcome = node == NODE_SAME ? 0 : (node - 1) % OUTCOME_COUNT;
    if (walk->lack_count) {
        class->facets[KEY_SID].set = join_lacks(walk);
    }
    add_class(walk, class);
}

/* The last edge of each node is followed in a loop: chains of SIDs are as long as policies. */
static void visit(struct walk *walk, uint32_t node, struct call_class class)
{
    const size_t lack_count = walk->lack_count;
    while (node >= NODE_FIRST_SPLIT && !walk->failed && !walk->list->cut) {
        size_t count;
        enum policy_key key;
        const struct edge *edges = difference_edges(walk->difference, node, &count, &key);
        const struct facet before = class.facets[key];
        for (size_t i = 0; i < count; i++) {
            bool lack = key == KEY_SID && edges[i].form == EDGE_HOLDS_NOT;
            class.facets[key] = lack ? before : follow(walk->difference->space, before, &edges[i]);
            if (lack && !note_lack(walk, edges[i].set)) {
                return;
            }
            if (i + 1 < count) {
                visit(walk, edges[i].child, class);
            }
        }
        node = edges[count - 1].child;
    }
    if (node < NODE_FIRST_SPLIT) {
        visit_end(walk, node, &class);
    }
    walk->lack_count = lack_count;
}

bool class_list_collect(struct class_list *list, const struct difference *difference, size_t limit,
                        bool same)
{
    struct walk walk = {.list = list, .difference = difference, .limit = limit, .same = same};
    struct call_class class = {0};
    visit(&walk, difference->root, class);
    free(walk.lacks);
    return !walk.failed && !space_failed(difference->space);
}

/* ---- Joining ---- */

static bool is_unknown_only(const struct policy_space *space, const struct facet *facet)
{
    size_t count;
    if (facet->form == FACET_SPANS) {
        space_spans(space, facet->set, &count);
    } else {
        space_list(space, facet->set, &count);
    }
    return (facet->form == FACET_SPANS || facet->form == FACET_ANY_OF) && !count;
}

static bool is_all_spans(const struct policy_space *space, uint32_t set, enum policy_key key)
{
    struct span universe = space_universe(key);
    size_t count;
    const struct span *spans = space_spans(space, set, &count);
    return count == 1 && point_compare(spans->first, universe.first) == 0 &&
           point_compare(spans->last, universe.last) == 0;
}

/* Every value and the unknown: the facet says nothing. (The version has no unknown of its own.) */
static void forget_if_all(const struct policy_space *space, struct facet *facet,
                          enum policy_key key)
{
    bool whole = facet->unknown || key == KEY_IFACE_VERSION;
    bool all = facet->form == FACET_SPANS
                   ? is_all_spans(space, facet->set, key)
                   : facet->form == FACET_NONE_OF && !space_list_count(space, facet->set) &&
                         !space_list_count(space, facet->tests);
    if (whole && all) {
        *facet = (struct facet){0};
    }
}

static bool join_texts(struct policy_space *space, struct facet *into, const struct facet *from)
{
    bool plain = !space_list_count(space, into->tests) && !space_list_count(space, from->tests);
    if (into->form == FACET_ANY_OF && from->form == FACET_ANY_OF) {
        into->set = space_list_union(space, into->set, from->set);
    } else if (into->form == FACET_NONE_OF && from->form == FACET_ANY_OF && plain) {
        into->set = space_list_without(space, into->set, from->set);
    } else if (into->form == FACET_ANY_OF && from->form == FACET_NONE_OF && plain) {
        into->set = space_list_without(space, from->set, into->set);
        into->form = FACET_NONE_OF;
    } else {
        return false;
    }
    return true;
}

bool facet_join(struct policy_space *space, enum policy_key key, struct facet *into,
                const struct facet *from)
{
    bool unknown = into->unknown || from->unknown;
    if (into->form == FACET_ANY || from->form == FACET_ANY) {
        return false;
    }
    bool alike = into->form == from->form && into->set == from->set && into->tests == from->tests;
    if (is_unknown_only(space, into)) {
        *into = *from;
    } else if (!alike && !is_unknown_only(space, from)) { /* else: in the unknown at most */
        if (into->form == FACET_SPANS) {
            into->set = space_spans_union(space, into->set, from->set);
        } else if (!join_texts(space, into, from)) {
            return false;
        }
    }
    into->unknown = unknown;
    forget_if_all(space, into, key);
    return true;
}

/* Classes without the facet of one key: equal ones can be joined in that facet. */
struct place {
    struct call_class rest;
    size_t at;
};

static int order_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int order = memcmp(&x->rest, &y->rest, sizeof(x->rest));
    return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static bool join_by_key(struct class_list *list, struct policy_space *space, enum policy_key key,
                        struct place *places)
{
    bool joined = false;
    for (size_t i = 0; i < list->count; i++) {
        places[i] = (struct place){list->items[i], i};
        places[i].rest.facets[key] = (struct facet){0};
    }
    qsort(places, list->count, sizeof(*places), order_places);
    for (size_t i = 0; i < list->count; i++) {
        struct call_class *into = &list->items[places[i].at];
        for (size_t k = i + 1; into->old_outcome != UINT32_MAX && k < list->count; k++) {
            struct call_class *from = &list->items[places[k].at];
            if (memcmp(&places[i].rest, &places[k].rest, sizeof(places[i].rest)) != 0) {
                break;
            }
            if (from->old_outcome != UINT32_MAX &&
                facet_join(space, key, &into->facets[key], &from->facets[key])) {
                from->old_outcome = UINT32_MAX; /* gone */
                joined = true;
            }
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].old_outcome != UINT32_MAX) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    return joined;
}

void class_list_join(struct class_list *list, struct policy_space *space)
{
    struct place *places = malloc((list->count + 1) * sizeof(*places));
    bool joined = places && list->count;
    while (joined) {
        joined = false;
        for (int key = 0; key < KEY_COUNT; key++) {
            joined = join_by_key(list, space, (enum policy_key)key, places) || joined;
        }
    }
    free(places);
}

bool class_without_local(struct call_class *class, struct policy_space *space)
{
    struct facet *prot = &class->facets[KEY_PROT];
    struct span local = {{0, PROTSEQ_NCALRPC}, {0, PROTSEQ_NCALRPC}};
    size_t count;
    uint32_t locals = space_put_spans(space, &local, 1);
    if (prot->form == FACET_ANY) {
        prot->form = FACET_SPANS;
        prot->unknown = true;
        prot->tests = space_put_list(space, NULL, 0);
        prot->set = space_spans_complement(space, locals, KEY_PROT);
        return true;
    }
    uint32_t others = space_spans_complement(space, prot->set, KEY_PROT);
    prot->set = space_spans_complement(space, space_spans_union(space, others, locals), KEY_PROT);
    space_spans(space, prot->set, &count);
    return count || prot->unknown;
}
