/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learned calls as few boxes: each a set of values for every key, which together hold exactly the
 * calls that were put in.
 *
 * A box becomes an allow rule. Boxes are joined only when they differ in one key, so a join never
 * lets in a combination that was not seen. One owner, one thread.
 */
#ifndef RPCFW_CLI_LEARN_BOXES_H
#define RPCFW_CLI_LEARN_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The keys, in the order in which boxes are joined along them. */
enum box_key {
    BOX_AUTH, /* the lowest level: higher ones are let in too */
    BOX_ADDR,
    BOX_SID,
    BOX_USER,
    BOX_PROCESS,
    BOX_ENDPOINT,
    BOX_PROT,
    BOX_OPNUM, /* value: the opnum and 1 */
    BOX_KEYS
};

/* The number of a set; VALUE_ANY as its only value means any. */
typedef uint32_t box_set;

struct box {
    uint32_t interface; /* the caller's number for it */
    box_set sets[BOX_KEYS];
    uint64_t calls;
    uint64_t would_block; /* of these, calls that a dry rule would have blocked */
    uint64_t first_us;
    uint64_t last_us;
};

/* Values that stand for others too: patterns. */
struct box_patterns {
    bool (*is_pattern)(const void *context, int key, uint32_t value);
    bool (*covers)(const void *context, int key, uint32_t pattern, uint32_t value);
    const void *context;
};

struct boxes {
    struct box *items;
    size_t count;
    size_t capacity;
    struct set_pool *pool;
    const struct box_patterns *patterns; /* NULL: no value is one */
};

bool boxes_begin(struct boxes *boxes);
void boxes_free(struct boxes *boxes);

/* Adds a box with one value for each key: `box` without its sets. False: out of memory. */
bool boxes_add(struct boxes *boxes, const struct box *box, const uint32_t values[BOX_KEYS]);

/* Joins the boxes, and sorts them by interface and lowest opnum. False: out of memory. */
bool boxes_join(struct boxes *boxes);

/* The values of a set, ascending. */
const uint32_t *box_values(const struct boxes *boxes, box_set set, size_t *count);

#endif
