/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sid_table.h"

#include <stdlib.h>

/* Callers of one domain differ in the last numbers only, so every number is mixed in. */
static uint32_t hash_sid(const struct sid *sid)
{
    uint32_t hash = sid->sub_authority_count * 0x9e3779b1u ^ sid->identifier_authority[5];
    for (unsigned i = 0; i < sid->sub_authority_count; i++) {
        hash = (hash ^ sid->sub_authority[i]) * 0x85ebca6bu;
        hash ^= hash >> 15;
    }
    return hash;
}

static void insert(struct sid_slot *table, size_t slots, const struct sid_claim *claim)
{
    uint32_t hash = hash_sid(&claim->sid);
    size_t at = hash & (slots - 1);
    while (table[at].rule != SID_TABLE_NO_RULE) {
        if (table[at].hash == hash && sid_equal(&table[at].sid, &claim->sid)) {
            if (claim->rule < table[at].rule) {
                table[at].rule = claim->rule;
            }
            return;
        }
        at = (at + 1) & (slots - 1);
    }
    table[at].hash = hash;
    table[at].rule = claim->rule;
    sid_copy(&table[at].sid, &claim->sid);
}

struct sid_slot *sid_table_build(const struct sid_claim *claims, size_t count, size_t *slots)
{
    size_t size = 4;
    while (size < 2 * count) {
        size *= 2;
    }
    struct sid_slot *table = calloc(size, sizeof(*table));
    if (!table) {
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        table[i].rule = SID_TABLE_NO_RULE;
    }
    for (size_t i = 0; i < count; i++) {
        insert(table, size, &claims[i]);
    }
    *slots = size;
    return table;
}

uint32_t sid_table_find(const struct sid_slot *table, uint32_t slots, const struct sid *sid)
{
    uint32_t hash = hash_sid(sid);
    for (uint32_t step = 0; step < slots; step++) {
        const struct sid_slot *slot = &table[(hash + step) & (slots - 1)];
        if (slot->rule == SID_TABLE_NO_RULE) {
            return SID_TABLE_NO_RULE;
        }
        if (slot->hash == hash && sid_equal(&slot->sid, sid)) {
            return slot->rule;
        }
    }
    return SID_TABLE_NO_RULE;
}
