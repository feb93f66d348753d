/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opcode tables of the instruction decoder: one row per opcode, a zero row for what is refused.
 *
 * Constant data, used by instruction.c alone. A new instruction is a new row; the differential test
 * against libzydis tells whether the row is right.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_OPCODES_H
#define RPCFW_WINDOWS_AGENT_HOOK_OPCODES_H

#include <stdint.h>

/* What follows the opcode and its operand bytes. */
enum opcode_immediate {
    IMMEDIATE_NONE,
    IMMEDIATE_8,
    IMMEDIATE_16,
    IMMEDIATE_16_8,    /* enter */
    IMMEDIATE_OPERAND, /* 16 bits with the prefix 66, else 32 */
    IMMEDIATE_FULL,    /* the same, and 64 with REX.W */
    IMMEDIATE_ADDRESS, /* an absolute 64-bit address */
    IMMEDIATE_RELATIVE_8,
    IMMEDIATE_RELATIVE_32,
    IMMEDIATE_TEST_8,       /* group 3: an immediate with /0 only */
    IMMEDIATE_TEST_OPERAND, /* the same, 16 or 32 bits */
};

/*
 * The prefixes that select or may accompany an instruction, as bits. At most one of F2 and F3 is
 * ever present; where it is, 66 is not looked at (string instructions) or not allowed (all others).
 */
enum opcode_prefix {
    PREFIX_NONE = 1,
    PREFIX_66 = 2,
    PREFIX_F3 = 4,
    PREFIX_F2 = 8,
};

struct opcode {
    uint8_t immediate;       /* enum opcode_immediate */
    uint8_t plain;           /* prefixes allowed; an opcode without ModRM */
    uint8_t memory;          /* prefixes allowed with a memory operand; with ModRM */
    uint8_t direct;          /* prefixes allowed with a register operand; with ModRM */
    uint8_t memory_fields;   /* the values of ModRM.reg allowed with a memory operand, as bits */
    uint8_t direct_fields;   /* the same with a register operand */
    uint8_t lockable_fields; /* the same with the prefix LOCK and a memory operand */
};

extern const struct opcode opcodes_one_byte[256];
extern const struct opcode opcodes_0f[256];
extern const struct opcode opcodes_0f38[256];
extern const struct opcode opcodes_0f3a[256];

/* x87: for D8 to DF, the values of ModRM.reg allowed with memory, and ModRM & 3F allowed without,
 * as bits. */
extern const uint8_t opcodes_x87_memory[8];
extern const uint64_t opcodes_x87_direct[8];

#endif
