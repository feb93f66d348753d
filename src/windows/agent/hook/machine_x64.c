/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/machine.h"

#include "windows/agent/hook/unwind.h"

#define UNKNOWN_LENGTH   64 /* bytes looked at where no table tells the end */
#define FUNCTIONS_OFFSET (MACHINE_SLOTS * UNWIND_TRAMPOLINE_SIZE)

_Static_assert(FUNCTIONS_OFFSET + MACHINE_SLOTS * sizeof(RUNTIME_FUNCTION) <= MACHINE_PAGE_SIZE,
               "unwind data and function table fit one page");

static RUNTIME_FUNCTION *functions_of(uint8_t *page)
{
    return (RUNTIME_FUNCTION *)(void *)(page + FUNCTIONS_OFFSET);
}

uintptr_t machine_position(const CONTEXT *context)
{
    return context->Rip;
}

const char *machine_find_bounds(struct target *target)
{
    DWORD64 base = 0;
    const RUNTIME_FUNCTION *entry =
        RtlLookupFunctionEntry((DWORD64)(uintptr_t)target->code, &base, NULL);

    if (!entry) {
        if (target->length > UNKNOWN_LENGTH)
            target->length = UNKNOWN_LENGTH;
        return NULL;
    }
    if (base + entry->BeginAddress != (DWORD64)(uintptr_t)target->code)
        return "it is not the start of a function";
    if (target->length > entry->EndAddress - entry->BeginAddress)
        target->length = entry->EndAddress - entry->BeginAddress;
    target->unwind_info = (const uint8_t *)(uintptr_t)(base + entry->UnwindData);
    return NULL;
}

const char *machine_describe(uint8_t *page, unsigned slot, uint32_t code,
                             const struct target *target, const struct trampoline *trampoline)
{
    static const uint8_t no_frame[4] = {1};
    RUNTIME_FUNCTION *function = functions_of(page) + slot;
    DWORD info = slot * UNWIND_TRAMPOLINE_SIZE;
    const uint8_t *source = target->unwind_info ? target->unwind_info : no_frame;
    size_t available = target->unwind_info ? target->unwind_length : sizeof no_frame;

    if (!target->unwind_info && trampoline->calls)
        return "it calls in its first bytes but has no unwind data";
    if (!unwind_translate(source, available, trampoline, page + info))
        return "its unwind data is of a kind that cannot be moved";
    function->BeginAddress = code;
    function->EndAddress = code + trampoline->code_length;
    function->UnwindData = MACHINE_PAGE_SIZE + info;
    return NULL;
}

bool machine_publish(uint8_t *page, unsigned slots)
{
    return RtlAddFunctionTable(functions_of(page), slots,
                               (DWORD64)(uintptr_t)(page - MACHINE_PAGE_SIZE));
}

void machine_withdraw(uint8_t *page)
{
    RtlDeleteFunctionTable(functions_of(page));
}
