/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts: each text that a rule names in full is a class of its own. Of all others, one pattern
 * after the other is asked: does it match? Where no text can answer so, that branch does not exist.
 */
#include "cli/diff/difference_build.h"

#include <stdlib.h>
#include <string.h>

#include "cli/diff/text_witness.h"

#define STATE_TEXTS 2u
#define TESTS_MAX   256u /* patterns on one way; more are not compared */

struct way {
    enum policy_key key;
    uint32_t excluded;
    uint32_t tests[TESTS_MAX]; /* WITNESS_TEST() */
    size_t count;
};

static bool holds_for_text(const struct difference *difference, uint32_t number,
                           const void *context)
{
    const struct policy_space *space = difference->space;
    const struct space_condition *condition = space_condition(space, number);
    const uint32_t *text = context;
    bool matches = space_list_has(space, condition->values, *text) ||
                   space_text_matches(space, condition->patterns, space_text(space, *text, NULL));
    return matches != (condition->negated != 0);
}

/* ---- Texts that no rule names in full ---- */

static bool is_open(const struct policy_space *space, uint32_t residual, enum policy_key key)
{
    return !residual_is_outcome(residual) && residual_condition(space, residual)->key == key;
}

/* Whether the way's tests decide if a pattern of the list matches. */
static bool is_decided(const struct policy_space *space, const struct way *way, uint32_t patterns,
                       bool *matches)
{
    *matches = false;
    if (!space_list_count(space, patterns)) {
        return true;
    }
    for (size_t i = 0; i < way->count; i++) {
        uint32_t list = WITNESS_TEST_LIST(way->tests[i]);
        bool holds = WITNESS_TEST_HOLDS(way->tests[i]);
        if (holds ? space_list_within(space, list, patterns)
                  : space_list_within(space, patterns, list)) {
            *matches = holds;
            return true;
        }
    }
    return false;
}

static void settle(struct difference *difference, struct remains *remains, const struct way *way)
{
    struct policy_space *space = difference->space;
    uint32_t nothing = space_put_list(space, NULL, 0);
    for (int side = 0; side < 2; side++) {
        size_t kept = 0;
        for (size_t i = 0; i < remains->count[side]; i++) {
            uint32_t residual = remains->list[side][i];
            bool matches;
            if (!is_open(space, residual, way->key)) {
                remains->list[side][kept++] = residual;
                continue;
            }
            struct space_condition condition = *residual_condition(space, residual);
            condition.values = nothing; /* all texts that are named in full are excluded */
            condition.unknown = false;
            if (!is_decided(space, way, condition.patterns, &matches)) {
                remains->list[side][kept++] = residual_replace(space, residual, &condition);
            } else if (matches != (condition.negated != 0)) {
                remains->list[side][kept++] = space_residual(space, residual)->next;
            }
        }
        remains->count[side] = kept;
    }
}

static bool next_question(const struct difference *difference, const struct remains *remains,
                          enum policy_key key, uint32_t *patterns)
{
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < remains->count[side]; i++) {
            if (is_open(difference->space, remains->list[side][i], key)) {
                *patterns = residual_condition(difference->space, remains->list[side][i])->patterns;
                return true;
            }
        }
    }
    return false;
}

/* Whether some text goes this way; false also when that cannot be told, which is noted. */
static bool is_possible(struct difference *difference, const struct way *way, bool *too_hard)
{
    char text[WITNESS_TEXT_MAX + 1];
    enum witness_result result =
        find_witness(difference->space, way->key, way->excluded, way->tests, way->count, text);
    *too_hard = result == WITNESS_TOO_HARD;
    if (*too_hard && !difference->inexact) {
        difference->inexact = true;
        difference->inexact_key = way->key;
        difference->inexact_list = WITNESS_TEST_LIST(way->tests[way->count - 1]);
    }
    take_work(difference, 100);
    return result == WITNESS_FOUND;
}

static uint32_t build_rest(struct difference *difference, struct remains *remains, struct way *way);

/* What lies behind one answer; *possible is false when no text gives it. */
static uint32_t build_answer(struct difference *difference, const struct remains *remains,
                             struct way *way, uint32_t test, bool *possible)
{
    struct remains child;
    bool too_hard;
    uint32_t node = NODE_UNCOMPARED;
    way->tests[way->count++] = test;
    *possible = is_possible(difference, way, &too_hard);
    if (*possible && remains_allocate(&child, remains->count[0], remains->count[1])) {
        memcpy(child.list[0], remains->list[0], remains->count[0] * sizeof(uint32_t));
        memcpy(child.list[1], remains->list[1], remains->count[1] * sizeof(uint32_t));
        child.count[0] = remains->count[0];
        child.count[1] = remains->count[1];
        settle(difference, &child, way);
        node = build_rest(difference, &child, way);
        remains_free(&child);
    }
    *possible = *possible || too_hard;
    way->count--;
    return node;
}

static uint32_t ask(struct difference *difference, const struct remains *remains, struct way *way,
                    uint32_t patterns)
{
    bool can_match;
    bool can_fail;
    if (way->count == TESTS_MAX) {
        difference->exhausted = true;
        difference->stopped = true;
        return NODE_UNCOMPARED;
    }
    uint32_t yes = build_answer(difference, remains, way, WITNESS_TEST(patterns, true), &can_match);
    uint32_t no = build_answer(difference, remains, way, WITNESS_TEST(patterns, false), &can_fail);
    if (!can_match || !can_fail) {
        return can_match ? yes : no;
    }
    struct edge edges[2] = {
        {.child = yes, .set = patterns, .form = EDGE_HOLDS},
        {.child = no, .set = patterns, .form = EDGE_HOLDS_NOT},
    };
    return make_node(difference, way->key, edges, 2);
}

static uint32_t build_rest(struct difference *difference, struct remains *remains, struct way *way)
{
    uint32_t head[TESTS_MAX + 4] = {STATE_TEXTS, way->key, way->excluded, (uint32_t)way->count};
    uint32_t patterns;
    if (!take_work(difference, remains->count[0] + remains->count[1])) {
        return NODE_UNCOMPARED;
    }
    if (remains_normalise(difference, remains)) {
        return NODE_SAME;
    }
    if (!next_question(difference, remains, way->key, &patterns)) {
        return build_node(difference, remains);
    }
    memcpy(head + 4, way->tests, way->count * sizeof(*head));
    uint32_t state = find_state(difference, head, 4 + way->count, remains);
    uint32_t node = state_node(difference, state);
    if (node == NODE_NONE) {
        node = ask(difference, remains, way, patterns);
        set_state_node(difference, state, node);
    }
    return node;
}

/* ---- All texts ---- */

/* The texts that some rule names in full. */
static uint32_t named_texts(struct difference *difference, const struct remains *remains,
                            enum policy_key key)
{
    struct policy_space *space = difference->space;
    uint32_t *texts = NULL;
    size_t used = 0;
    for (int pass = 0; pass < 2; pass++) {
        used = 0;
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < remains->count[side]; i++) {
                size_t count;
                if (!is_open(space, remains->list[side][i], key)) {
                    continue;
                }
                const uint32_t *named = space_list(
                    space, residual_condition(space, remains->list[side][i])->values, &count);
                if (texts && count) {
                    memcpy(texts + used, named, count * sizeof(*texts));
                }
                used += count;
            }
        }
        if (!texts && !(texts = malloc((used + 1) * sizeof(*texts)))) {
            space->failed = true;
            return 0;
        }
    }
    uint32_t list = space_put_list(space, texts, used);
    free(texts);
    return list;
}

struct answer {
    uint32_t child;
    uint32_t text;
};

static int order_answers(const void *a, const void *b)
{
    const struct answer *x = a;
    const struct answer *y = b;
    if (x->child != y->child) {
        return x->child < y->child ? -1 : 1;
    }
    return x->text < y->text ? -1 : x->text > y->text;
}

/* One edge for each child: the texts that lead to it, the unknown, and all other texts. */
static uint32_t join_answers(struct difference *difference, enum policy_key key,
                             struct answer *answers, size_t answer_count, uint32_t named,
                             uint32_t unknown, uint32_t rest)
{
    struct policy_space *space = difference->space;
    struct edge *edges = malloc((answer_count + 2) * sizeof(*edges));
    uint32_t *texts = malloc((answer_count + 1) * sizeof(*texts));
    uint32_t node = NODE_UNCOMPARED;
    size_t count = 1;
    bool unknown_done = false;
    if (!edges || !texts) {
        space->failed = true;
        goto out;
    }
    edges[0] = (struct edge){.child = rest, .set = named, .form = EDGE_NONE_OF};
    qsort(answers, answer_count, sizeof(*answers), order_answers);
    for (size_t i = 0; i < answer_count;) {
        uint32_t child = answers[i].child;
        size_t used = 0;
        for (; i < answer_count && answers[i].child == child; i++) {
            texts[used++] = answers[i].text;
        }
        uint32_t list = space_put_list(space, texts, used);
        if (child == rest) {
            edges[0].set = space_list_without(space, named, list);
            continue;
        }
        edges[count++] = (struct edge){
            .child = child, .set = list, .form = EDGE_ANY_OF, .unknown = child == unknown};
        unknown_done = unknown_done || child == unknown;
    }
    edges[0].unknown = rest == unknown;
    if (!unknown_done && rest != unknown) {
        edges[count++] = (struct edge){.child = unknown,
                                       .set = space_put_list(space, NULL, 0),
                                       .form = EDGE_ANY_OF,
                                       .unknown = true};
    }
    node = make_node(difference, key, edges, count);
out:
    free(edges);
    free(texts);
    return node;
}

/* All texts but the named ones. Apart, for the way is large. */
static uint32_t build_others(struct difference *difference, struct remains *remains,
                             enum policy_key key, uint32_t named)
{
    struct way *way = calloc(1, sizeof(*way));
    if (!way) {
        difference->space->failed = true;
        return NODE_UNCOMPARED;
    }
    way->key = key;
    way->excluded = named;
    settle(difference, remains, way);
    uint32_t node = build_rest(difference, remains, way);
    free(way);
    return node;
}

uint32_t build_texts(struct difference *difference, struct remains *remains, enum policy_key key)
{
    struct remains child = {0};
    uint32_t node = NODE_UNCOMPARED;
    uint32_t named = named_texts(difference, remains, key);
    size_t count = space_list_count(difference->space, named);
    struct answer *answers = malloc((count + 1) * sizeof(*answers));
    if (!answers || !remains_allocate(&child, remains->count[0], remains->count[1])) {
        difference->space->failed = true;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        answers[i].text = space_list(difference->space, named, &count)[i];
        take_work(difference, remains->count[0] + remains->count[1]);
        remains_assign(difference, remains, &child, key, holds_for_text, &answers[i].text);
        answers[i].child = build_node(difference, &child);
    }
    remains_assign_unknown(difference, remains, &child, key);
    uint32_t unknown = build_node(difference, &child);
    uint32_t rest = build_others(difference, remains, key, named);
    node = join_answers(difference, key, answers, count, named, unknown, rest);
out:
    free(answers);
    remains_free(&child);
    return node;
}
