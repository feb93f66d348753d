/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to try again what failed.
 *
 * After the first failure wait one second, after each further one twice as long, a minute at most.
 * The owner's thread alone. Times are milliseconds of any clock that only goes forward.
 */
#ifndef RPCFW_AGENT_BACK_OFF_H
#define RPCFW_AGENT_BACK_OFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACK_OFF_FIRST_MS 1000
#define BACK_OFF_LAST_MS  60000

/* All zero: nothing failed yet. */
struct back_off {
    uint64_t next_ms; /* no sooner than this */
    uint32_t wait_ms; /* the last wait; 0: the last try succeeded */
};

bool back_off_is_over(const struct back_off *back_off, uint64_t now_ms);
void back_off_failed(struct back_off *back_off, uint64_t now_ms);
void back_off_succeeded(struct back_off *back_off);

#endif
