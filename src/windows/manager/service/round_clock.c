/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/round_clock.h"

bool round_clock_due(const struct round_clock *clock, uint64_t now)
{
    return now >= clock->next;
}

void round_clock_done(struct round_clock *clock, uint64_t now, uint32_t pause, uint32_t rest)
{
    clock->next = now + pause;
    clock->earliest = now + (rest < pause ? rest : pause);
}

void round_clock_hasten(struct round_clock *clock)
{
    if (clock->earliest < clock->next) {
        clock->next = clock->earliest;
    }
}
