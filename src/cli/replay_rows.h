/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replay found: recorded calls by what becomes of them, by rule, method, source and user.
 *
 * Made once from all shapes of the recorded calls; then shown. One owner, one thread.
 */
#ifndef RPCFW_CLI_REPLAY_ROWS_H
#define RPCFW_CLI_REPLAY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/events/call_shapes.h"
#include "core/decide.h"

/* In the order in which they are shown. */
enum replay_change {
    CHANGE_NEWLY_BLOCKED,
    CHANGE_BLOCKED, /* as before */
    CHANGE_NEWLY_ALLOWED,
    CHANGE_WOULD_BLOCK, /* let through by a dry rule; against an old policy: newly */
    CHANGE_NEWLY_AUDITED,
    CHANGE_NO_LONGER_AUDITED,
    CHANGE_NONE,
    CHANGE_COUNT
};

struct replay_row {
    /* What is compared byte by byte. */
    struct guid interface;
    struct ipaddr client_addr;
    uint32_t change; /* enum replay_change */
    uint32_t rule;
    uint32_t old_rule; /* VERDICT_NO_RULE also without an old policy */
    uint32_t known;    /* FACT_BITs of what the row shows */
    shape_text principal;
    shape_text sid; /* only where there is no principal */
    uint32_t opnum;
    /* What is summed up. */
    uint64_t count;
    uint64_t first_us;
    uint64_t last_us;
};

struct replay_result {
    struct replay_row *rows; /* by change, then the most frequent first; none is CHANGE_NONE */
    size_t row_count;
    uint64_t calls;
    uint64_t changes[CHANGE_COUNT]; /* calls of each */
    uint64_t blocked;               /* calls that the policy blocks */
    uint64_t hung;                  /* calls whose verdict hangs on what their records lack */
    uint64_t hung_on[FACT_COUNT];   /* the same, by what they lack */
};

/*
 * Decides every shape with `image`, and with `old` unless that is NULL; without it, what the
 * records say happened stands for the old verdict. False: out of memory. Free result->rows.
 */
bool replay_shapes(const struct call_shapes *shapes, const struct policy_image *image,
                   const struct policy_image *old, struct replay_result *result);

#endif
