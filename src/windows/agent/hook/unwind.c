/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/unwind.h"

#include <string.h>

#define HEADER_SIZE  4
#define FLAG_CHAINED 4

enum unwind_operation {
    UNWIND_PUSH_NONVOLATILE = 0,
    UNWIND_ALLOCATE_LARGE = 1,
    UNWIND_ALLOCATE_SMALL = 2,
    UNWIND_SET_FRAME_REGISTER = 3,
    UNWIND_SAVE_NONVOLATILE = 4,
    UNWIND_SAVE_NONVOLATILE_FAR = 5,
    UNWIND_EPILOGUE = 6, /* version 2 */
    UNWIND_SAVE_XMM128 = 8,
    UNWIND_SAVE_XMM128_FAR = 9,
};

/* How many 16-bit slots the operation takes; 0: not one that a prologue may have. */
static unsigned slots_of(uint8_t operation, uint8_t argument)
{
    switch (operation) {
    case UNWIND_PUSH_NONVOLATILE:
    case UNWIND_ALLOCATE_SMALL:
    case UNWIND_SET_FRAME_REGISTER:
        return 1;
    case UNWIND_ALLOCATE_LARGE:
        return argument == 0 ? 2 : argument == 1 ? 3 : 0;
    case UNWIND_SAVE_NONVOLATILE:
    case UNWIND_EPILOGUE:
    case UNWIND_SAVE_XMM128:
        return 2;
    case UNWIND_SAVE_NONVOLATILE_FAR:
    case UNWIND_SAVE_XMM128_FAR:
        return 3;
    default:
        return 0;
    }
}

static bool translate_offset(const struct trampoline *trampoline, uint8_t target_end,
                             uint8_t *code_end)
{
    for (unsigned i = 0; i < trampoline->step_count; i++) {
        if (trampoline->steps[i].target_end == target_end) {
            *code_end = trampoline->steps[i].code_end;
            return true;
        }
    }
    return false;
}

bool unwind_translate(const uint8_t *info, size_t available, const struct trampoline *trampoline,
                      uint8_t out[UNWIND_TRAMPOLINE_SIZE])
{
    if (available < HEADER_SIZE)
        return false;
    unsigned version = info[0] & 7;
    unsigned count = info[2];
    if (version < 1 || version > 2 || (info[0] >> 3) & FLAG_CHAINED ||
        available - HEADER_SIZE < 2 * (size_t)count)
        return false;

    memset(out, 0, UNWIND_TRAMPOLINE_SIZE);
    out[0] = 1;
    /* All of it counts as prologue, so that no walker looks for an epilogue in it. */
    out[1] = trampoline->code_length;
    uint8_t *code = out + HEADER_SIZE;
    for (unsigned slot = 0; slot < count;) {
        const uint8_t *from = info + HEADER_SIZE + 2 * (size_t)slot;
        uint8_t operation = from[1] & 15;
        unsigned slots = slots_of(operation, from[1] >> 4);
        if (slots == 0 || slots > count - slot || (operation == UNWIND_EPILOGUE && version != 2))
            return false;
        slot += slots;
        /* What happens behind the moved instructions has not happened in the trampoline. */
        if (operation == UNWIND_EPILOGUE || from[0] > trampoline->displaced)
            continue;
        if ((size_t)(out + UNWIND_TRAMPOLINE_SIZE - code) < 2 * (size_t)slots ||
            !translate_offset(trampoline, from[0], code))
            return false;
        memcpy(code + 1, from + 1, 2 * (size_t)slots - 1);
        if (operation == UNWIND_SET_FRAME_REGISTER)
            out[3] = info[3];
        code += 2 * slots;
        out[2] = (uint8_t)(out[2] + slots);
    }
    return true;
}
