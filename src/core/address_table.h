/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many rules that differ only in their addresses, as one table: address -> lowest rule.
 *
 * The whole address space cut into pieces, each with the first rule that names it; one binary
 * search decides what a scan of all those rules would. Built by the compiler, part of the image,
 * read on RPC threads without allocation.
 */
#ifndef RPCFW_CORE_ADDRESS_TABLE_H
#define RPCFW_CORE_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ipaddr.h"

#define ADDRESS_TABLE_NO_RULE UINT32_MAX

/* From this address on, up to the next entry's, `rule` comes first. */
struct address_entry {
    uint64_t high; /* the address as two numbers, so that comparing is cheap */
    uint64_t low;
    uint32_t rule; /* or ADDRESS_TABLE_NO_RULE */
    uint32_t unused;
};

/* A range that a rule names. */
struct address_claim {
    struct ipaddr_range range;
    uint32_t rule;
};

/*
 * The same for IPv4 addresses alone, which most policies are about: sixteen keys to a cache line.
 * `count` first addresses in ascending order, the first of them 0.0.0.0, then as many rules.
 */
struct address_table_v4 {
    uint32_t *numbers; /* 2 * count */
    size_t count;
};

/* Builds it from `entries` entries of address_table_build(); false when memory is out. */
bool address_table_build_v4(const struct address_entry *table, size_t entries,
                            struct address_table_v4 *out);

/* The lowest rule that claims the IPv4 address, or ADDRESS_TABLE_NO_RULE. `count` may be 0. */
uint32_t address_table_find_v4(const uint32_t *numbers, uint32_t count, uint32_t address);

/*
 * Builds the table from `count` claims, which it reorders. Returns the entries, to be freed with
 * free(), and their number in *entries; NULL when memory is out. The first entry begins at the
 * lowest address.
 */
struct address_entry *address_table_build(struct address_claim *claims, size_t count,
                                          size_t *entries);

/* The lowest rule that claims `addr`, or ADDRESS_TABLE_NO_RULE. `count` may be 0. */
uint32_t address_table_find(const struct address_entry *table, uint32_t count,
                            const struct ipaddr *addr);

#endif
