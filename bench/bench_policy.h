/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies and calls to measure with: the shapes that large policies have in practice.
 */
#ifndef RPCFW_BENCH_POLICY_H
#define RPCFW_BENCH_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"

/* A user and 15 groups. */
#define BENCH_SIDS 16

/* Small, so that many calls fit into the caches beside the image; tokens differ in their last SID,
 * the others come from a few. */
struct bench_call {
    struct call call;
    struct sid last_sid;
    const struct sid *sid_list[BENCH_SIDS];
};

/* Which rule the calls of a case lead to. */
enum bench_aim { AIM_FIRST, AIM_LAST, AIM_ANY, AIM_NONE, BENCH_AIMS };

struct bench_text {
    char *bytes;
    size_t length;
    size_t capacity;
};

struct bench_shape {
    const char *name;
    bool asks_sids;
    bool near_misses; /* a call to a rule's method, but for its address and SIDs, matches nothing */
    /* Appends rule `number`. */
    void (*write)(struct bench_text *out, uint32_t number);
    /* Changes a call that matches no rule into one that `number` matches. */
    void (*aim)(struct bench_call *call, uint32_t number);
};

#define BENCH_SHAPES 5

extern const struct bench_shape bench_shapes[BENCH_SHAPES];

/* The text of `rules` rules, to be freed; ends the program when memory is out. */
struct bench_text bench_policy_text(const struct bench_shape *shape, uint32_t rules);

/* Call `number` of a case: all facts known, equal numbers give equal calls. */
void bench_call_make(struct bench_call *out, const struct bench_shape *shape, uint32_t rules,
                     enum bench_aim aim, uint32_t number);

#endif
