/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of values that conditions hold: how they are stored in an image, sorted, and compared
 * with each other.
 *
 * Pure functions over arrays; used by the tools, but for the sizes, which the image validator
 * needs.
 */
#ifndef RPCFW_CORE_CONDITION_TYPE_H
#define RPCFW_CORE_CONDITION_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/image.h"

struct condition_type {
    size_t size; /* of one value in the image */
    /* Sorts values and joins what overlaps, in place; returns the new count. NULL: the order is
     * kept. */
    size_t (*normalise)(void *items, size_t count);
    /* Whether every call that matches `inner` matches `outer`; texts are offsets into the two
     * pools. */
    bool (*covers)(const void *outer, const void *inner, const char *outer_text,
                   const char *inner_text);
    /* Whether no call matches both values. NULL: cannot be told, taken as not disjoint. */
    bool (*disjoint)(const void *a, const void *b);
    bool is_text; /* values are struct image_pattern */
};

extern const struct condition_type type_guids;    /* struct guid, sorted */
extern const struct condition_type type_ranges;   /* struct image_range, sorted, apart */
extern const struct condition_type type_addrs;    /* struct ipaddr_range, sorted, apart */
extern const struct condition_type type_sids;     /* struct sid, sorted */
extern const struct condition_type type_numbers;  /* uint32_t, sorted */
extern const struct condition_type type_levels;   /* uint32_t: an authentication level and a mark */
extern const struct condition_type type_patterns; /* struct image_pattern */

#endif
