/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded calls, summed up by what a policy can tell apart.
 *
 * A day's log has millions of calls of a few thousand shapes: memory grows with the shapes alone,
 * and whatever is decided or learned is decided or learned once for each. One owner, one thread.
 */
#ifndef RPCFW_CLI_EVENTS_CALL_SHAPES_H
#define RPCFW_CLI_EVENTS_CALL_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/events/recorded_call.h"

/* The number of a text or SID that shapes share; 0: none. */
typedef uint32_t shape_text;

/* Compared byte by byte: what is not known is zero. */
struct call_shape {
    struct guid interface;
    struct guid object;
    struct ipaddr client_addr;
    shape_text endpoint;
    shape_text principal;
    shape_text process;
    shape_text sid; /* the user's, in binary */
    uint32_t known; /* FACT_BITs */
    uint16_t version_major;
    uint16_t version_minor;
    uint16_t opnum;
    uint8_t authn_level;
    uint8_t authn_service;
    uint32_t protseq;
};

struct shape_count {
    struct call_shape shape;
    uint64_t outcomes[RECORDED_OUTCOMES]; /* calls that ended so */
    uint64_t first_us;                    /* 0: no call told its time */
    uint64_t last_us;
};

struct call_shapes;

struct call_shapes *call_shapes_new(void);
void call_shapes_free(struct call_shapes *shapes);

/* Counts one call; false: out of memory. */
bool call_shapes_add(struct call_shapes *shapes, const struct recorded_call *call);

/* The shapes in the order of their first calls; valid until the next call_shapes_add(). */
const struct shape_count *call_shapes_all(const struct call_shapes *shapes, size_t *count);

/* A shared text; empty for 0. Not zero-terminated. */
struct text call_shapes_text(const struct call_shapes *shapes, shape_text number);

/* A shared SID; NULL for 0. */
const struct sid *call_shapes_sid(const struct call_shapes *shapes, shape_text number);

/* A call of that shape: everything is fetched, and the SIDs, the user's alone, are at *sid. */
struct call call_of_shape(const struct call_shapes *shapes, const struct call_shape *shape,
                          const struct sid **sid);

/* Joins the times of two counts: 0 stands for an unknown one. */
void join_times(uint64_t *first_us, uint64_t *last_us, uint64_t other_first, uint64_t other_last);

#endif
