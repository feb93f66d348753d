/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/back_off.h"

bool back_off_is_over(const struct back_off *back_off, uint64_t now_ms)
{
    return now_ms >= back_off->next_ms;
}

void back_off_failed(struct back_off *back_off, uint64_t now_ms)
{
    if (back_off->wait_ms == 0)
        back_off->wait_ms = BACK_OFF_FIRST_MS;
    else if (back_off->wait_ms > BACK_OFF_LAST_MS / 2)
        back_off->wait_ms = BACK_OFF_LAST_MS;
    else
        back_off->wait_ms *= 2;
    back_off->next_ms = now_ms + back_off->wait_ms;
}

void back_off_succeeded(struct back_off *back_off)
{
    back_off->next_ms = 0;
    back_off->wait_ms = 0;
}
