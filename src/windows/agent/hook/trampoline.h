/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trampolines: the first instructions of a hooked function, moved elsewhere so that they still
 * work, and the jump that takes their place.
 *
 *     target:     jmp relay          (5 bytes, E9)
 *     relay:      jmp [entry]        (within 2 GiB of the target; the entry may be anywhere)
 *     trampoline: moved instructions, jmp target + displaced
 *
 * Pure: bytes and addresses in, bytes out; no Windows, no allocation, no state; any thread. hook.c
 * calls it while it prepares a set. Only the five patched bytes of the target change; displaced
 * bytes after them stay, so a branch to one of those is harmless.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_TRAMPOLINE_H
#define RPCFW_WINDOWS_AGENT_HOOK_TRAMPOLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAMPOLINE_PATCH_SIZE 5
#define TRAMPOLINE_CODE_SIZE  64
#define TRAMPOLINE_STEPS      5
#define RELAY_SIZE            14

enum trampoline_refusal {
    TRAMPOLINE_OK,
    TRAMPOLINE_UNKNOWN_INSTRUCTION,
    TRAMPOLINE_FUNCTION_TOO_SHORT,
    TRAMPOLINE_SHORT_LOOP,
    TRAMPOLINE_BRANCH_INTO_PATCH,
    TRAMPOLINE_RETURN_INTO_PATCH,
    TRAMPOLINE_BREAKPOINT,
    TRAMPOLINE_OUT_OF_REACH,
};

struct trampoline {
    uint8_t code[TRAMPOLINE_CODE_SIZE];
    uint8_t code_length;
    uint8_t displaced; /* bytes of the target that the moved instructions took: 5 to 19 */
    bool calls;        /* one of them is a call: its return address lies in the trampoline */
    uint8_t step_count;
    struct {
        uint8_t target_end; /* where the instruction ended, bytes from the start of the target */
        uint8_t code_end;   /* where its copy ends, bytes from the start of the trampoline */
    } steps[TRAMPOLINE_STEPS];
    uint8_t patch[TRAMPOLINE_PATCH_SIZE];
};

/* The absolute addresses at which the three pieces will run. */
struct trampoline_addresses {
    uint64_t target;
    uint64_t relay;
    uint64_t trampoline;
};

/*
 * Builds *out for a function of which `available` bytes may be read at `target`; give the whole
 * function where its end is known, because the rest is searched for branches into the patched bytes
 * (as far as it decodes). Short conditional and unconditional branches become long ones. On refusal
 * *out is unspecified.
 */
enum trampoline_refusal trampoline_build(const uint8_t *target, size_t available,
                                         const struct trampoline_addresses *at,
                                         struct trampoline *out);

/* A constant sentence fragment for people: "…". */
const char *trampoline_refusal_text(enum trampoline_refusal refusal);

/* Writes the relay: an indirect jump with its absolute destination behind it. */
void relay_build(uint8_t relay[RELAY_SIZE], uint64_t destination);

#endif
