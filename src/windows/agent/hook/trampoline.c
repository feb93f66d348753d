/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/trampoline.h"

#include <string.h>

#include "windows/agent/hook/instruction.h"

#define OPCODE_NOP        0x90
#define OPCODE_JMP_LONG   0xe9
#define OPCODE_JMP_SHORT  0xeb
#define BRANCH_SCAN_LIMIT 4096 /* bytes of the function searched for branches back */

const char *trampoline_refusal_text(enum trampoline_refusal refusal)
{
    switch (refusal) {
    case TRAMPOLINE_OK:
        return "accepted";
    case TRAMPOLINE_UNKNOWN_INSTRUCTION:
        return "it begins with an instruction that the decoder does not know";
    case TRAMPOLINE_FUNCTION_TOO_SHORT:
        return "it ends before the five bytes that a hook needs";
    case TRAMPOLINE_SHORT_LOOP:
        return "it begins with a branch that has no long form (loop, jrcxz)";
    case TRAMPOLINE_BRANCH_INTO_PATCH:
        return "a branch leads back into the bytes that a hook replaces";
    case TRAMPOLINE_RETURN_INTO_PATCH:
        return "a call returns into the bytes that a hook replaces";
    case TRAMPOLINE_BREAKPOINT:
        return "it begins with a breakpoint or trap";
    case TRAMPOLINE_OUT_OF_REACH:
        return "an address it uses is more than 2 GiB from the trampoline";
    }
    return "unknown reason";
}

/* The distance of a 32-bit relative operand whose instruction ends at `next`. */
static bool put_distance(uint8_t *at, uint64_t next, uint64_t destination)
{
    int64_t distance = (int64_t)(destination - next);
    int32_t narrow = (int32_t)distance;

    if (distance != narrow)
        return false;
    memcpy(at, &narrow, sizeof narrow);
    return true;
}

static int64_t read_distance(const uint8_t *at, unsigned size)
{
    int32_t wide;

    if (size == 1)
        return (int8_t)*at;
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static enum trampoline_refusal copy_plain(struct trampoline *t, const uint8_t *bytes,
                                          const struct instruction *instruction, uint64_t from,
                                          uint64_t to)
{
    uint8_t *copy = t->code + t->code_length;
    uint8_t relative =
        instruction->rip_offset ? instruction->rip_offset : instruction->branch_offset;

    memcpy(copy, bytes, instruction->length);
    t->code_length = (uint8_t)(t->code_length + instruction->length);
    if (!relative)
        return TRAMPOLINE_OK;
    uint64_t destination =
        from + instruction->length + (uint64_t)read_distance(bytes + relative, 4);
    return put_distance(copy + relative, to + instruction->length, destination)
               ? TRAMPOLINE_OK
               : TRAMPOLINE_OUT_OF_REACH;
}

static enum trampoline_refusal widen_branch(struct trampoline *t, const uint8_t *bytes,
                                            const struct instruction *instruction, uint64_t from,
                                            uint64_t to)
{
    uint8_t *copy = t->code + t->code_length;
    uint8_t opcode = bytes[instruction->opcode_offset];
    uint8_t length = 0;

    if (opcode >= 0x70 && opcode <= 0x7f) {
        copy[length++] = 0x0f;
        copy[length++] = (uint8_t)(opcode + 0x10);
    } else if (opcode == OPCODE_JMP_SHORT) {
        copy[length++] = OPCODE_JMP_LONG;
    } else {
        return TRAMPOLINE_SHORT_LOOP;
    }
    uint64_t destination =
        from + instruction->length + (uint64_t)read_distance(bytes + instruction->branch_offset, 1);
    bool reached = put_distance(copy + length, to + length + 4, destination);
    t->code_length = (uint8_t)(t->code_length + length + 4);
    return reached ? TRAMPOLINE_OK : TRAMPOLINE_OUT_OF_REACH;
}

/* Moves the instruction at `bytes`, `at->target + t->displaced`, to the end of the trampoline. */
static enum trampoline_refusal move_instruction(struct trampoline *t, const uint8_t *bytes,
                                                const struct instruction *instruction,
                                                const struct trampoline_addresses *at)
{
    uint64_t from = at->target + t->displaced;
    uint64_t to = at->trampoline + t->code_length;
    enum trampoline_refusal refusal = instruction->branch_size == 1
                                          ? widen_branch(t, bytes, instruction, from, to)
                                          : copy_plain(t, bytes, instruction, from, to);

    if (refusal != TRAMPOLINE_OK)
        return refusal;
    t->displaced = (uint8_t)(t->displaced + instruction->length);
    t->steps[t->step_count].target_end = t->displaced;
    t->steps[t->step_count].code_end = t->code_length;
    t->step_count++;
    t->calls |= instruction->flow == INSTRUCTION_CALL;
    return TRAMPOLINE_OK;
}

/* What the flow of the instruction, which ends at `end`, says about patching over it. */
static enum trampoline_refusal check_flow(const struct instruction *instruction, size_t end)
{
    bool inside = end < TRAMPOLINE_PATCH_SIZE;

    switch (instruction->flow) {
    case INSTRUCTION_TRAP:
        return TRAMPOLINE_BREAKPOINT;
    case INSTRUCTION_CALL:
        /* Some thread may wait in the callee, and would come back into the middle of the jump. */
        return inside ? TRAMPOLINE_RETURN_INTO_PATCH : TRAMPOLINE_OK;
    case INSTRUCTION_JUMP:
    case INSTRUCTION_RETURN:
        return inside ? TRAMPOLINE_FUNCTION_TOO_SHORT : TRAMPOLINE_OK;
    default:
        return TRAMPOLINE_OK;
    }
}

static enum trampoline_refusal move_all(struct trampoline *t, const uint8_t *target,
                                        size_t available, const struct trampoline_addresses *at)
{
    while (t->displaced < TRAMPOLINE_PATCH_SIZE) {
        struct instruction instruction;
        if (!instruction_decode(target + t->displaced, available - t->displaced, &instruction))
            return TRAMPOLINE_UNKNOWN_INSTRUCTION;
        enum trampoline_refusal refusal =
            check_flow(&instruction, t->displaced + (size_t)instruction.length);
        if (refusal == TRAMPOLINE_OK)
            refusal = move_instruction(t, target + t->displaced, &instruction, at);
        if (refusal != TRAMPOLINE_OK)
            return refusal;
    }
    return TRAMPOLINE_OK;
}

/*
 * Whether a branch of the function leads where it may not: from the moved instructions to any of
 * them, from the rest into the patch. A branch to the very first byte from there is a call of the
 * function, hook included.
 */
static bool branches_back(const uint8_t *target, size_t available, size_t displaced)
{
    struct instruction instruction;
    size_t limit = available < BRANCH_SCAN_LIMIT ? available : BRANCH_SCAN_LIMIT;

    for (size_t at = 0; at < limit; at += instruction.length) {
        if (!instruction_decode(target + at, limit - at, &instruction))
            return false;
        if (!instruction.branch_size)
            continue;
        int64_t to =
            (int64_t)(at + instruction.length) +
            read_distance(target + at + instruction.branch_offset, instruction.branch_size);
        if (at < displaced ? to >= 0 && to < (int64_t)displaced
                           : to > 0 && to < TRAMPOLINE_PATCH_SIZE)
            return true;
    }
    return false;
}

enum trampoline_refusal trampoline_build(const uint8_t *target, size_t available,
                                         const struct trampoline_addresses *at,
                                         struct trampoline *out)
{
    *out = (struct trampoline){0};
    if (available < TRAMPOLINE_PATCH_SIZE)
        return TRAMPOLINE_FUNCTION_TOO_SHORT;
    enum trampoline_refusal refusal = move_all(out, target, available, at);
    if (refusal != TRAMPOLINE_OK)
        return refusal;
    if (branches_back(target, available, out->displaced))
        return TRAMPOLINE_BRANCH_INTO_PATCH;

    /* A call must not return right onto a jump: stack walkers take that for the end of a function.
     */
    if (out->calls)
        out->code[out->code_length++] = OPCODE_NOP;
    uint8_t *jump = out->code + out->code_length;
    jump[0] = OPCODE_JMP_LONG;
    out->code_length = (uint8_t)(out->code_length + 5);
    out->patch[0] = OPCODE_JMP_LONG;
    if (!put_distance(jump + 1, at->trampoline + out->code_length, at->target + out->displaced) ||
        !put_distance(out->patch + 1, at->target + TRAMPOLINE_PATCH_SIZE, at->relay))
        return TRAMPOLINE_OUT_OF_REACH;
    return TRAMPOLINE_OK;
}

#if UINTPTR_MAX <= UINT32_MAX
/* Where an indirect jump would need an address of its own: the register that carries no argument.
 */
void relay_build(uint8_t relay[RELAY_SIZE], uint64_t destination)
{
    const uint32_t address = (uint32_t)destination;

    memset(relay, OPCODE_NOP, RELAY_SIZE);
    relay[0] = 0xb8; /* mov eax, address */
    memcpy(relay + 1, &address, sizeof address);
    relay[5] = 0xff; /* jmp eax */
    relay[6] = 0xe0;
}
#else
void relay_build(uint8_t relay[RELAY_SIZE], uint64_t destination)
{
    static const uint8_t jump[6] = {0xff, 0x25}; /* jmp [rip + 0] */

    memcpy(relay, jump, sizeof jump);
    memcpy(relay + sizeof jump, &destination, sizeof destination);
}
#endif
