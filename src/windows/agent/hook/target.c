/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/target.h"

#include <windows.h>
#include <string.h>

#include "windows/agent/hook/instruction.h"
#include "windows/agent/hook/machine.h"

#define JUMPS_FOLLOWED 8

/* Bytes that may be read from `address` on; with `executable`, only of code. */
static size_t readable_bytes(const void *address, bool executable, bool *in_image)
{
    MEMORY_BASIC_INFORMATION region;
    const DWORD code =
        PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;

    if (!VirtualQuery(address, &region, sizeof region) || region.State != MEM_COMMIT)
        return 0;
    if (region.Protect & (PAGE_GUARD | PAGE_NOACCESS) || region.Protect == PAGE_EXECUTE ||
        (executable && !(region.Protect & code)))
        return 0;
    if (in_image)
        *in_image = region.Type == MEM_IMAGE;
    return (size_t)((const uint8_t *)region.BaseAddress + region.RegionSize -
                    (const uint8_t *)address);
}

/* Where the jump at `code` leads, or NULL when it is none that can be told from the bytes. */
static uint8_t *jump_destination(uint8_t *code, size_t available)
{
    struct instruction jump;
    int32_t distance;
    uint8_t *destination;

    if (!instruction_decode(code, available, &jump) || jump.flow != INSTRUCTION_JUMP)
        return NULL;
    if (jump.branch_size == 1)
        return code + jump.length + (int8_t)code[jump.branch_offset];
    uint8_t offset = jump.branch_size ? jump.branch_offset : jump.rip_offset;
    if (!offset)
        return NULL;
    memcpy(&distance, code + offset, sizeof distance);
    uint8_t *end = code + jump.length + distance;
    if (jump.branch_size)
        return end;
    if (readable_bytes(end, false, NULL) < sizeof destination)
        return NULL;
    memcpy(&destination, end, sizeof destination);
    return destination;
}

/*
 * Follows jumps from module to module: import thunks, and the jump tables that linkers leave for
 * hot patches. A jump out of all modules is somebody's hook. It is not followed but moved like any
 * instruction, so that ours comes first and theirs goes on working.
 */
static uint8_t *follow_jumps(uint8_t *code)
{
    for (unsigned i = 0; i < JUMPS_FOLLOWED; i++) {
        bool in_image = false;
        uint8_t *next = jump_destination(code, readable_bytes(code, true, NULL));
        if (!next || readable_bytes(next, true, &in_image) == 0 || !in_image)
            break;
        code = next;
    }
    return code;
}

const char *target_resolve(void *function, struct target *out)
{
    *out = (struct target){.code = function};
    if (!function || readable_bytes(function, true, NULL) == 0)
        return "it is not code";
    out->code = follow_jumps(function);
    out->length = readable_bytes(out->code, true, NULL);
    const char *refusal = machine_find_bounds(out);
    if (!refusal && out->unwind_info)
        out->unwind_length = readable_bytes(out->unwind_info, false, NULL);
    return refusal;
}
