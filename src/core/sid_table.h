/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many rules that differ only in their SIDs, as one table: SID -> lowest rule.
 *
 * Open addressing with room to spare. Built by the compiler, part of the image, read on RPC threads
 * without allocation; a search looks at each slot once at the most, whatever the table holds.
 */
#ifndef RPCFW_CORE_SID_TABLE_H
#define RPCFW_CORE_SID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/sid.h"

#define SID_TABLE_NO_RULE UINT32_MAX

struct sid_slot {
    uint32_t hash;
    uint32_t rule; /* SID_TABLE_NO_RULE: the slot is empty */
    struct sid sid;
};

/* A SID that a rule names. */
struct sid_claim {
    struct sid sid;
    uint32_t rule;
};

/*
 * Builds the table from `count` claims. Returns the slots, to be freed with free(), and their
 * number, a power of two, in *slots; NULL when memory is out.
 */
struct sid_slot *sid_table_build(const struct sid_claim *claims, size_t count, size_t *slots);

/* The lowest rule that claims `sid`, or SID_TABLE_NO_RULE. `slots` is a power of two. */
uint32_t sid_table_find(const struct sid_slot *table, uint32_t slots, const struct sid *sid);

#endif
