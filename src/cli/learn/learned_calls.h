/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded calls as values of condition keys, joined to boxes: what learn_policy.c writes down.
 */
#ifndef RPCFW_CLI_LEARN_LEARNED_CALLS_H
#define RPCFW_CLI_LEARN_LEARNED_CALLS_H

#include "cli/learn/boxes.h"
#include "cli/learn/learn_policy.h"
#include "cli/learn/value_table.h"

struct learned_calls {
    /* By BOX_ADDR to BOX_ENDPOINT; levels, protocol sequences and opnums stand for themselves. */
    struct value_table tables[BOX_KEYS];
    struct value_table interfaces; /* by name, then UUID */
    struct boxes boxes;
    uint64_t first_us;
    uint64_t last_us;
};

/* Fills in *calls and what *result counts. False: out of memory. */
bool learn_calls(const struct call_shapes *shapes, const struct learn_options *options,
                 struct learned_calls *calls, struct learn_result *result);
void learned_calls_free(struct learned_calls *calls);

/* The interface of a box. */
struct guid learned_interface(const struct learned_calls *calls, uint32_t interface);

#endif
