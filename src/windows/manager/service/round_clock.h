/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the service looks at the processes next: when a pause is over, or sooner when something has
 * happened, but never without a rest after the last look. Times are those of GetTickCount64(), in
 * milliseconds. Pure: it is told the time.
 */
#ifndef RPCFW_WINDOWS_MANAGER_ROUND_CLOCK_H
#define RPCFW_WINDOWS_MANAGER_ROUND_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct round_clock {
    uint64_t next;     /* when the pause is over */
    uint64_t earliest; /* when the rest is */
};

/* All zero: the first look is due at once. */
bool round_clock_due(const struct round_clock *clock, uint64_t now);

/* A look has ended now: the next one is due after `pause`, or when hastened, after `rest`. */
void round_clock_done(struct round_clock *clock, uint64_t now, uint32_t pause, uint32_t rest);

/* Something has happened: as soon as the rest is over. */
void round_clock_hasten(struct round_clock *clock);

#endif
