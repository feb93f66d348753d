/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of calls: what a way through a decision diagram says of a call, one facet for each key.
 *
 * From a built difference (difference.h) to a list in which classes that differ in one facet only
 * are joined. Used by the verbs diff and coverage, one thread.
 */
#ifndef RPCFW_CLI_DIFF_CALL_CLASS_H
#define RPCFW_CLI_DIFF_CALL_CLASS_H

#include "cli/diff/difference.h"

enum facet_form {
    FACET_ANY,     /* any value, and unknown */
    FACET_SPANS,   /* known and in the set of spans */
    FACET_ANY_OF,  /* one of the list of texts */
    FACET_NONE_OF, /* known, none of the list (of texts; of SIDs that the caller has), and passing
                      the tests */
};

struct facet {
    uint8_t form;
    uint8_t unknown; /* also where the host cannot tell */
    uint16_t zero;
    uint32_t set;   /* in the space's spans or lists */
    uint32_t tests; /* in the space's lists: numbers of lists as WITNESS_TEST(); of patterns or of
                       SIDs */
};

struct call_class {
    struct facet facets[KEY_COUNT];
    uint32_t old_outcome; /* OUTCOME_… bits */
    uint32_t new_outcome;
};

struct class_list {
    struct call_class *items;
    size_t count;
    size_t capacity;
    bool cut; /* there were more than the limit */
};

/*
 * All classes whose node is a pair of outcomes, at most `limit`; with `same`, also those of
 * NODE_SAME, with outcomes 0. False: out of memory. Free with class_list_free() in any case.
 */
bool class_list_collect(struct class_list *list, const struct difference *difference, size_t limit,
                        bool same);

/* Joins what can be joined, in place. */
void class_list_join(struct class_list *list, struct policy_space *space);

/* Makes `into` stand for what both facets of a key stand for; false: no facet can. */
bool facet_join(struct policy_space *space, enum policy_key key, struct facet *into,
                const struct facet *from);

/*
 * Makes the classes of a difference as wide as they can be, so that few tell it all (they may
 * overlap then), unless that would take too long.
 */
void class_list_widen(struct class_list *list, const struct difference *difference,
                      struct policy_space *space);
void class_list_free(struct class_list *list);

/* Takes the calls over ncalrpc out of a class: what is left are remote calls. False: nothing is. */
bool class_without_local(struct call_class *class, struct policy_space *space);

#endif
