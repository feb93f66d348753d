/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte strings to dense numbers: equal bytes have equal numbers, so everything built of numbers is
 * compared by comparing numbers.
 *
 * The ground of the policy comparison (policy_space.h, difference.h); one owner, one thread, tools
 * only. Bytes keep their address, aligned to 8, until intern_free().
 */
#ifndef RPCFW_CLI_DIFF_INTERN_H
#define RPCFW_CLI_DIFF_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern_entry {
    void *bytes;
    size_t length;
    uint64_t hash;
};

/* Start with all zero. */
struct intern {
    struct intern_entry *entries; /* by number */
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* open addressing; number + 1, or 0 */
    size_t slot_count;
    void *chunk; /* the chunk being filled; each begins with the address of the one before */
    size_t chunk_used;
    size_t chunk_size;
    size_t memory; /* bytes taken from the heap for the strings */
    bool failed;   /* out of memory: numbers given since are 0 */
};

/* The number of `length` bytes, given now or earlier; 0 and `failed` when memory is out. */
uint32_t intern_put(struct intern *table, const void *bytes, size_t length);

/* The bytes with that number, and their length where `length` is not NULL. */
const void *intern_get(const struct intern *table, uint32_t number, size_t *length);

void intern_free(struct intern *table);

#endif
