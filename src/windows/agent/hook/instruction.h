/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86 instruction lengths, in 64- and 32-bit mode, and what has to change when an instruction
 * moves.
 *
 * Owns nothing: a pure function over bytes, no Windows, no allocation, no state; any thread. The
 * trampoline builder calls it while hooks are prepared, never while a call is judged. It knows what
 * compilers put into the beginning of a function (general, x87, SSE and AES instructions) and
 * refuses everything else: a refusal costs one hook that is reported as impossible, a wrong length
 * would cost the host process.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 and
 * appendix A.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_INSTRUCTION_H
#define RPCFW_WINDOWS_AGENT_HOOK_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The architecture's limit, in bytes; a longer encoding faults. */
#define INSTRUCTION_MAX_LENGTH 15

/* Where control goes after the instruction. */
enum instruction_flow {
    INSTRUCTION_NEXT,        /* to the next one */
    INSTRUCTION_CALL,        /* away, and back to the next one */
    INSTRUCTION_CONDITIONAL, /* away or to the next one */
    INSTRUCTION_JUMP,        /* away */
    INSTRUCTION_RETURN,      /* back to the caller */
    INSTRUCTION_TRAP,        /* into the debugger or the exception dispatcher (int3, ud2, hlt) */
};

enum instruction_mode {
    INSTRUCTION_MODE_32,
    INSTRUCTION_MODE_64,
};

/* The mode that this code itself runs in, and the functions that it hooks. */
#if UINTPTR_MAX > UINT32_MAX
#define INSTRUCTION_OWN_MODE INSTRUCTION_MODE_64
#else
#define INSTRUCTION_OWN_MODE INSTRUCTION_MODE_32
#endif

struct instruction {
    uint8_t length;        /* bytes, 1–15 */
    uint8_t opcode_offset; /* of the last opcode byte */
    uint8_t rip_offset; /* of a 32-bit displacement relative to the next instruction; 0: none; never
                           in 32-bit mode, where addresses do not move with the code */
    uint8_t branch_offset; /* of a branch distance relative to the next instruction; 0: none */
    uint8_t branch_size;   /* of that distance in bytes: 1 or 4; 0: none */
    enum instruction_flow flow;
};

/*
 * Decodes the instruction at `bytes`, of which `available` may be read (any number). Returns false,
 * with *out unspecified, for an encoding that is invalid, cut short, or simply not in the tables.
 */
bool instruction_decode_in(enum instruction_mode mode, const uint8_t *bytes, size_t available,
                           struct instruction *out);

/* The same in this code's own mode. */
static inline bool instruction_decode(const uint8_t *bytes, size_t available,
                                      struct instruction *out)
{
    return instruction_decode_in(INSTRUCTION_OWN_MODE, bytes, available, out);
}

#endif
