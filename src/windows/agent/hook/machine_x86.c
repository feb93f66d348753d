/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/machine.h"

#define UNKNOWN_LENGTH 64 /* bytes looked at: no table tells where a function ends */

uintptr_t machine_position(const CONTEXT *context)
{
    return context->Eip;
}

const char *machine_find_bounds(struct target *target)
{
    if (target->length > UNKNOWN_LENGTH)
        target->length = UNKNOWN_LENGTH;
    return NULL;
}

const char *machine_describe(uint8_t *page, unsigned slot, uint32_t code,
                             const struct target *target, const struct trampoline *trampoline)
{
    (void)page;
    (void)slot;
    (void)code;
    (void)target;
    (void)trampoline;
    return NULL;
}

bool machine_publish(uint8_t *page, unsigned slots)
{
    (void)page;
    (void)slots;
    return true;
}

void machine_withdraw(uint8_t *page)
{
    (void)page;
}
