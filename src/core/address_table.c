/* SPDX-License-Identifier: Apache-2.0 */
#include "core/address_table.h"

#include <stdlib.h>
#include <string.h>

struct number {
    uint64_t high;
    uint64_t low;
};

static struct number number_of(const struct ipaddr *addr)
{
    return (struct number){ipaddr_half(addr, 0), ipaddr_half(addr, 8)};
}

static int compare(struct number a, struct number b)
{
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    return a.low < b.low ? -1 : a.low > b.low;
}

/* ---- Building ---- */

/* The claims that hold at the place that the sweep has reached: a heap, lowest rule on top. */
struct active {
    uint32_t rule;
    struct number last;
};

struct sweep {
    struct active *heap;
    size_t heap_count;
    struct number *edges; /* where something begins or has just ended, ascending */
    size_t edge_count;
    struct address_entry *entries;
    size_t entry_count;
};

static void heap_push(struct sweep *sweep, struct active item)
{
    size_t at = sweep->heap_count++;
    while (at > 0 && sweep->heap[(at - 1) / 2].rule > item.rule) {
        sweep->heap[at] = sweep->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sweep->heap[at] = item;
}

static void heap_pop(struct sweep *sweep)
{
    struct active item = sweep->heap[--sweep->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sweep->heap_count) {
            break;
        }
        if (child + 1 < sweep->heap_count &&
            sweep->heap[child + 1].rule < sweep->heap[child].rule) {
            child++;
        }
        if (item.rule <= sweep->heap[child].rule) {
            break;
        }
        sweep->heap[at] = sweep->heap[child];
        at = child;
    }
    sweep->heap[at] = item;
}

static int order_claims(const void *a, const void *b)
{
    const struct address_claim *x = a;
    const struct address_claim *y = b;
    int order = ipaddr_compare(&x->range.first, &y->range.first);
    return order ? order : x->rule < y->rule ? -1 : x->rule > y->rule;
}

static int order_numbers(const void *a, const void *b)
{
    return compare(*(const struct number *)a, *(const struct number *)b);
}

static void collect_edges(struct sweep *sweep, const struct address_claim *claims, size_t count)
{
    sweep->edges[sweep->edge_count++] = (struct number){0, 0};
    for (size_t i = 0; i < count; i++) {
        struct number behind = number_of(&claims[i].range.last);
        sweep->edges[sweep->edge_count++] = number_of(&claims[i].range.first);
        behind.low++;
        behind.high += behind.low == 0;
        /* Behind the highest address there is nothing. */
        if (behind.high || behind.low) {
            sweep->edges[sweep->edge_count++] = behind;
        }
    }
    qsort(sweep->edges, sweep->edge_count, sizeof(*sweep->edges), order_numbers);
}

static void put_entry(struct sweep *sweep, struct number from, uint32_t rule)
{
    struct address_entry *last =
        sweep->entry_count ? &sweep->entries[sweep->entry_count - 1] : NULL;
    if (!last || last->rule != rule) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the caller has checked `entries` */
        sweep->entries[sweep->entry_count++] = (struct address_entry){from.high, from.low, rule, 0};
    }
}

static void run_sweep(struct sweep *sweep, const struct address_claim *claims, size_t count)
{
    size_t next = 0;
    for (size_t i = 0; i < sweep->edge_count; i++) {
        struct number here = sweep->edges[i];
        if (i && compare(here, sweep->edges[i - 1]) == 0) {
            continue;
        }
        while (next < count && compare(number_of(&claims[next].range.first), here) == 0) {
            heap_push(sweep,
                      (struct active){claims[next].rule, number_of(&claims[next].range.last)});
            next++;
        }
        while (sweep->heap_count && compare(sweep->heap[0].last, here) < 0) {
            heap_pop(sweep);
        }
        put_entry(sweep, here, sweep->heap_count ? sweep->heap[0].rule : ADDRESS_TABLE_NO_RULE);
    }
}

struct address_entry *address_table_build(struct address_claim *claims, size_t count,
                                          size_t *entries)
{
    struct sweep sweep = {
        .heap = malloc((count + 1) * sizeof(*sweep.heap)),
        .edges = malloc((2 * count + 1) * sizeof(*sweep.edges)),
        .entries = malloc((2 * count + 1) * sizeof(*sweep.entries)),
    };
    if (sweep.heap && sweep.edges && sweep.entries) {
        qsort(claims, count, sizeof(*claims), order_claims);
        collect_edges(&sweep, claims, count);
        run_sweep(&sweep, claims, count);
        *entries = sweep.entry_count;
    } else {
        free(sweep.entries);
        sweep.entries = NULL;
    }
    free(sweep.heap);
    free(sweep.edges);
    return sweep.entries;
}

/* IPv4 addresses are ::ffff:a.b.c.d (ipaddr.h): the lower half of the number without this. */
#define V4_BASE (UINT64_C(0xffff) << 32)

bool address_table_build_v4(const struct address_entry *table, size_t entries,
                            struct address_table_v4 *out)
{
    uint32_t *starts = malloc((entries + 1) * sizeof(*starts));
    uint32_t *rules = malloc((entries + 1) * sizeof(*rules));
    size_t count = 1;
    out->numbers = malloc(2 * (entries + 1) * sizeof(*out->numbers));
    if (starts && rules && out->numbers) {
        starts[0] = 0;
        rules[0] = ADDRESS_TABLE_NO_RULE;
        for (size_t i = 0; i < entries && !table[i].high && table[i].low >> 32 <= 0xffff; i++) {
            bool before = table[i].low <= V4_BASE;
            size_t at = before ? 0 : count++;
            starts[at] = before ? 0 : (uint32_t)table[i].low;
            rules[at] = table[i].rule;
        }
        memcpy(out->numbers, starts, count * sizeof(*starts));
        memcpy(out->numbers + count, rules, count * sizeof(*rules));
        out->count = count;
    } else {
        free(out->numbers);
        out->numbers = NULL;
    }
    free(starts);
    free(rules);
    return out->numbers != NULL;
}

/* ---- Finding ---- */

uint32_t address_table_find_v4(const uint32_t *numbers, uint32_t count, uint32_t address)
{
    uint32_t low = 0;
    uint32_t left = count;
    while (left > 1) {
        uint32_t half = left / 2;
        low = numbers[low + half] > address ? low : low + half;
        left -= half;
    }
    return count && numbers[low] <= address ? numbers[count + low] : ADDRESS_TABLE_NO_RULE;
}

uint32_t address_table_find(const struct address_entry *table, uint32_t count,
                            const struct ipaddr *addr)
{
    struct number wanted = number_of(addr);
    uint32_t low = 0;
    uint32_t left = count;
    /* The last entry that does not begin behind the address. */
    while (left > 1) {
        uint32_t half = left / 2;
        const struct address_entry *middle = &table[low + half];
        bool behind =
            middle->high > wanted.high || (middle->high == wanted.high && middle->low > wanted.low);
        low = behind ? low : low + half;
        left -= half;
    }
    if (!count || compare((struct number){table[low].high, table[low].low}, wanted) > 0) {
        return ADDRESS_TABLE_NO_RULE;
    }
    return table[low].rule;
}
