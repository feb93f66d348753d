/* SPDX-License-Identifier: Apache-2.0 */
#include "core/condition_type.h"

#include <stdlib.h>
#include <string.h>

#include "core/wildcard.h"

static size_t unique(void *items, size_t count, size_t size)
{
    size_t kept = count ? 1 : 0;
    for (size_t i = 1; i < count; i++) {
        char *at = (char *)items + i * size;
        char *last = (char *)items + (kept - 1) * size;
        if (memcmp(at, last, size) != 0) {
            memmove(last + size, at, size);
            kept++;
        }
    }
    return kept;
}

static int order_guids(const void *a, const void *b)
{
    return guid_compare(a, b);
}

static size_t normalise_guids(void *items, size_t count)
{
    qsort(items, count, sizeof(struct guid), order_guids);
    return unique(items, count, sizeof(struct guid));
}

static bool guid_covers(const void *outer, const void *inner, const char *outer_text,
                        const char *inner_text)
{
    (void)outer_text;
    (void)inner_text;
    return guid_equal(outer, inner);
}

static bool guid_disjoint(const void *a, const void *b)
{
    return !guid_equal(a, b);
}

const struct condition_type type_guids = {.size = sizeof(struct guid),
                                          .normalise = normalise_guids,
                                          .covers = guid_covers,
                                          .disjoint = guid_disjoint};

static int order_ranges(const void *a, const void *b)
{
    const struct image_range *x = a;
    const struct image_range *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : (int)x->last - (int)y->last;
}

static size_t normalise_ranges(void *items, size_t count)
{
    struct image_range *range = items;
    size_t kept = count ? 1 : 0;
    qsort(items, count, sizeof(*range), order_ranges);
    for (size_t i = 1; i < count; i++) {
        struct image_range *last = &range[kept - 1];
        if ((uint32_t)range[i].first <= (uint32_t)last->last + 1) {
            last->last = range[i].last > last->last ? range[i].last : last->last;
        } else {
            range[kept++] = range[i];
        }
    }
    return kept;
}

static bool range_covers(const void *outer, const void *inner, const char *outer_text,
                         const char *inner_text)
{
    const struct image_range *x = outer;
    const struct image_range *y = inner;
    (void)outer_text;
    (void)inner_text;
    return x->first <= y->first && y->last <= x->last;
}

static bool range_disjoint(const void *a, const void *b)
{
    const struct image_range *x = a;
    const struct image_range *y = b;
    return x->last < y->first || y->last < x->first;
}

const struct condition_type type_ranges = {.size = sizeof(struct image_range),
                                           .normalise = normalise_ranges,
                                           .covers = range_covers,
                                           .disjoint = range_disjoint};

static int order_addr_ranges(const void *a, const void *b)
{
    const struct ipaddr_range *x = a;
    const struct ipaddr_range *y = b;
    int order = ipaddr_compare(&x->first, &y->first);
    return order ? order : ipaddr_compare(&x->last, &y->last);
}

/* Adjacent blocks are left apart: joining them saves nothing worth the carry. */
static size_t normalise_addr_ranges(void *items, size_t count)
{
    struct ipaddr_range *range = items;
    size_t kept = count ? 1 : 0;
    qsort(items, count, sizeof(*range), order_addr_ranges);
    for (size_t i = 1; i < count; i++) {
        struct ipaddr_range *last = &range[kept - 1];
        if (ipaddr_compare(&range[i].first, &last->last) <= 0) {
            if (ipaddr_compare(&range[i].last, &last->last) > 0) {
                last->last = range[i].last;
            }
        } else {
            range[kept++] = range[i];
        }
    }
    return kept;
}

static bool addr_range_covers(const void *outer, const void *inner, const char *outer_text,
                              const char *inner_text)
{
    const struct ipaddr_range *x = outer;
    const struct ipaddr_range *y = inner;
    (void)outer_text;
    (void)inner_text;
    return ipaddr_compare(&x->first, &y->first) <= 0 && ipaddr_compare(&y->last, &x->last) <= 0;
}

static bool addr_range_disjoint(const void *a, const void *b)
{
    const struct ipaddr_range *x = a;
    const struct ipaddr_range *y = b;
    return ipaddr_compare(&x->last, &y->first) < 0 || ipaddr_compare(&y->last, &x->first) < 0;
}

const struct condition_type type_addrs = {.size = sizeof(struct ipaddr_range),
                                          .normalise = normalise_addr_ranges,
                                          .covers = addr_range_covers,
                                          .disjoint = addr_range_disjoint};

static int order_sids(const void *a, const void *b)
{
    return sid_compare(a, b);
}

static size_t normalise_sids(void *items, size_t count)
{
    qsort(items, count, sizeof(struct sid), order_sids);
    return unique(items, count, sizeof(struct sid));
}

static bool sid_covers(const void *outer, const void *inner, const char *outer_text,
                       const char *inner_text)
{
    (void)outer_text;
    (void)inner_text;
    return sid_equal(outer, inner);
}

/* No test for disjointness: one caller has many SIDs. */
const struct condition_type type_sids = {
    .size = sizeof(struct sid), .normalise = normalise_sids, .covers = sid_covers};

static int order_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static size_t normalise_numbers(void *items, size_t count)
{
    qsort(items, count, sizeof(uint32_t), order_numbers);
    return unique(items, count, sizeof(uint32_t));
}

static bool number_covers(const void *outer, const void *inner, const char *outer_text,
                          const char *inner_text)
{
    (void)outer_text;
    (void)inner_text;
    return *(const uint32_t *)outer == *(const uint32_t *)inner;
}

static bool number_disjoint(const void *a, const void *b)
{
    return *(const uint32_t *)a != *(const uint32_t *)b;
}

const struct condition_type type_numbers = {.size = sizeof(uint32_t),
                                            .normalise = normalise_numbers,
                                            .covers = number_covers,
                                            .disjoint = number_disjoint};

/* Levels overlap ("connect" includes "privacy"), so only equal ones are told apart. */
const struct condition_type type_levels = {
    .size = sizeof(uint32_t), .normalise = normalise_numbers, .covers = number_covers};

/* The same text, or a pattern that matches the other read as plain text: enough to find the plain
 * mistakes. */
static bool pattern_covers(const void *outer, const void *inner, const char *outer_text,
                           const char *inner_text)
{
    const struct image_pattern *x = outer;
    const struct image_pattern *y = inner;
    return wildcard_covers(outer_text + x->offset, x->length, inner_text + y->offset, y->length);
}

const struct condition_type type_patterns = {
    .size = sizeof(struct image_pattern), .covers = pattern_covers, .is_text = true};
