/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/opcodes.h"

#define N66 (PREFIX_NONE | PREFIX_66)
#define NF3 (PREFIX_NONE | PREFIX_F3)
#define ALL (PREFIX_NONE | PREFIX_66 | PREFIX_F3 | PREFIX_F2)
#define ANY 0xff

/* Rows: an opcode alone; with any ModRM; with ModRM.reg as part of the opcode; an SSE instruction.
 */
#define ALONE(imm, prefixes)                                                                       \
    {                                                                                              \
        .immediate = IMMEDIATE_##imm, .plain = (prefixes)                                          \
    }
#define MODRM(imm, locks)                                                                          \
    {                                                                                              \
        .immediate = IMMEDIATE_##imm, .memory = N66, .direct = N66, .memory_fields = ANY,          \
        .direct_fields = ANY, .lockable_fields = (locks)                                           \
    }
#define GROUP(imm, in_memory, in_register, locks)                                                  \
    {                                                                                              \
        .immediate = IMMEDIATE_##imm, .memory = N66, .direct = N66, .memory_fields = (in_memory),  \
        .direct_fields = (in_register), .lockable_fields = (locks)                                 \
    }
#define SSE(imm, in_memory, in_register)                                                           \
    {                                                                                              \
        .immediate = IMMEDIATE_##imm, .memory = (in_memory), .direct = (in_register),              \
        .memory_fields = ANY, .direct_fields = ANY                                                 \
    }
#define SSE_GROUP(imm, prefixes, in_register)                                                      \
    {                                                                                              \
        .immediate = IMMEDIATE_##imm, .direct = (prefixes), .direct_fields = (in_register)         \
    }

/* add, or, adc, sbb, and, sub, xor, cmp: the six forms that are left in 64-bit mode. */
#define ARITHMETIC(base, locks)                                                                    \
    [(base)...(base) + 1] = MODRM(NONE, locks), [(base) + 2 ...(base) + 3] = MODRM(NONE, 0),       \
                       [(base) + 4] = ALONE(8, N66), [(base) + 5] = ALONE(OPERAND, N66)

const struct opcode opcodes_one_byte[256] = {
    ARITHMETIC(0x00, ANY),
    ARITHMETIC(0x08, ANY),
    ARITHMETIC(0x10, ANY),
    ARITHMETIC(0x18, ANY),
    ARITHMETIC(0x20, ANY),
    ARITHMETIC(0x28, ANY),
    ARITHMETIC(0x30, ANY),
    ARITHMETIC(0x38, 0),
    [0x50 ... 0x5f] = ALONE(NONE, N66),
    [0x63] = MODRM(NONE, 0),
    [0x68] = ALONE(OPERAND, N66),
    [0x69] = MODRM(OPERAND, 0),
    [0x6a] = ALONE(8, N66),
    [0x6b] = MODRM(8, 0),
    [0x70 ... 0x7f] = ALONE(RELATIVE_8, PREFIX_NONE),
    [0x80] = GROUP(8, ANY, ANY, 0x7f),
    [0x81] = GROUP(OPERAND, ANY, ANY, 0x7f),
    [0x83] = GROUP(8, ANY, ANY, 0x7f),
    [0x84 ... 0x85] = MODRM(NONE, 0),
    [0x86 ... 0x87] = MODRM(NONE, ANY),
    [0x88 ... 0x8b] = MODRM(NONE, 0),
    [0x8c] = GROUP(NONE, 0x3f, 0x3f, 0),
    [0x8d] = SSE(NONE, N66, 0),
    [0x8e] = GROUP(NONE, 0x3d, 0x3d, 0),
    [0x8f] = GROUP(NONE, 0x01, 0x01, 0),
    [0x90] = ALONE(NONE, N66 | PREFIX_F3),
    [0x91 ... 0x99] = ALONE(NONE, N66),
    [0x9b ... 0x9f] = ALONE(NONE, N66),
    [0xa0 ... 0xa3] = ALONE(ADDRESS, N66),
    [0xa4 ... 0xa7] = ALONE(NONE, ALL),
    [0xa8] = ALONE(8, N66),
    [0xa9] = ALONE(OPERAND, N66),
    [0xaa ... 0xaf] = ALONE(NONE, ALL),
    [0xb0 ... 0xb7] = ALONE(8, N66),
    [0xb8 ... 0xbf] = ALONE(FULL, N66),
    [0xc0 ... 0xc1] = GROUP(8, 0xbf, 0xbf, 0),
    [0xc2] = ALONE(16, NF3 | PREFIX_F2),
    [0xc3] = ALONE(NONE, NF3 | PREFIX_F2),
    [0xc6] = GROUP(8, 0x01, 0x01, 0),
    [0xc7] = GROUP(OPERAND, 0x01, 0x01, 0),
    [0xc8] = ALONE(16_8, PREFIX_NONE),
    [0xc9] = ALONE(NONE, N66),
    [0xcc] = ALONE(NONE, PREFIX_NONE),
    [0xcd] = ALONE(8, PREFIX_NONE),
    [0xd0 ... 0xd3] = GROUP(NONE, 0xbf, 0xbf, 0),
    [0xd7] = ALONE(NONE, N66),
    /* D8 to DF, x87, have tables of their own; the row says that ModRM follows. */
    [0xd8 ... 0xdf] = SSE(NONE, PREFIX_NONE, PREFIX_NONE),
    [0xe0 ... 0xe3] = ALONE(RELATIVE_8, PREFIX_NONE),
    [0xe4 ... 0xe7] = ALONE(8, N66),
    [0xe8 ... 0xe9] = ALONE(RELATIVE_32, PREFIX_NONE | PREFIX_F2),
    [0xeb] = ALONE(RELATIVE_8, PREFIX_NONE),
    [0xec ... 0xef] = ALONE(NONE, N66),
    [0xf4 ... 0xf5] = ALONE(NONE, N66),
    [0xf6] = GROUP(TEST_8, 0xfd, 0xfd, 0x0c),
    [0xf7] = GROUP(TEST_OPERAND, 0xfd, 0xfd, 0x0c),
    [0xf8 ... 0xfd] = ALONE(NONE, N66),
    [0xfe] = GROUP(NONE, 0x03, 0x03, 0x03),
    [0xff] = GROUP(NONE, 0x57, 0x57, 0x03),
};

const struct opcode opcodes_0f[256] = {
    [0x05] = ALONE(NONE, PREFIX_NONE),
    [0x0b] = ALONE(NONE, PREFIX_NONE),
    [0x0d] = GROUP(NONE, 0x02, 0, 0),
    [0x10 ... 0x11] = SSE(NONE, ALL, ALL),
    [0x12] = SSE(NONE, ALL, PREFIX_NONE | PREFIX_F3 | PREFIX_F2),
    [0x13] = SSE(NONE, N66, 0),
    [0x14 ... 0x15] = SSE(NONE, N66, N66),
    [0x16] = SSE(NONE, N66 | PREFIX_F3, NF3),
    [0x17] = SSE(NONE, N66, 0),
    [0x18] = GROUP(NONE, 0x0f, 0, 0),
    /* 1E with a register is endbr64 or a shadow-stack instruction: instruction.c tells them apart.
     */
    [0x1e] = SSE(NONE, 0, PREFIX_F3),
    [0x1f] = GROUP(NONE, 0x01, 0x01, 0),
    [0x28 ... 0x29] = SSE(NONE, N66, N66),
    [0x2a] = SSE(NONE, ALL, ALL),
    [0x2b] = SSE(NONE, N66, 0),
    [0x2c ... 0x2d] = SSE(NONE, ALL, ALL),
    [0x2e ... 0x2f] = SSE(NONE, N66, N66),
    [0x31] = ALONE(NONE, PREFIX_NONE),
    [0x40 ... 0x4f] = MODRM(NONE, 0),
    [0x50] = SSE(NONE, 0, N66),
    [0x51] = SSE(NONE, ALL, ALL),
    [0x52 ... 0x53] = SSE(NONE, NF3, NF3),
    [0x54 ... 0x57] = SSE(NONE, N66, N66),
    [0x58 ... 0x5a] = SSE(NONE, ALL, ALL),
    [0x5b] = SSE(NONE, N66 | PREFIX_F3, N66 | PREFIX_F3),
    [0x5c ... 0x5f] = SSE(NONE, ALL, ALL),
    [0x60 ... 0x6b] = SSE(NONE, N66, N66),
    [0x6c ... 0x6d] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x6e] = SSE(NONE, N66, N66),
    [0x6f] = SSE(NONE, N66 | PREFIX_F3, N66 | PREFIX_F3),
    [0x70] = SSE(8, ALL, ALL),
    [0x71 ... 0x72] = SSE_GROUP(8, N66, 0x54),
    [0x73] = SSE_GROUP(8, N66, 0x44),
    [0x74 ... 0x76] = SSE(NONE, N66, N66),
    [0x77] = ALONE(NONE, PREFIX_NONE),
    [0x7c ... 0x7d] = SSE(NONE, PREFIX_66 | PREFIX_F2, PREFIX_66 | PREFIX_F2),
    [0x7e ... 0x7f] = SSE(NONE, N66 | PREFIX_F3, N66 | PREFIX_F3),
    [0x80 ... 0x8f] = ALONE(RELATIVE_32, PREFIX_NONE),
    [0x90 ... 0x9f] = MODRM(NONE, 0),
    [0xa0 ... 0xa1] = ALONE(NONE, N66),
    [0xa2] = ALONE(NONE, PREFIX_NONE),
    [0xa3] = MODRM(NONE, 0),
    [0xa4] = MODRM(8, 0),
    [0xa5] = MODRM(NONE, 0),
    [0xa8 ... 0xa9] = ALONE(NONE, N66),
    [0xab] = MODRM(NONE, ANY),
    [0xac] = MODRM(8, 0),
    [0xad] = MODRM(NONE, 0),
    /* fxsave, fxrstor, ldmxcsr, stmxcsr; lfence, mfence, sfence. */
    [0xae] = {.memory = PREFIX_NONE,
              .direct = PREFIX_NONE,
              .memory_fields = 0x0f,
              .direct_fields = 0xe0},
    [0xaf] = MODRM(NONE, 0),
    [0xb0 ... 0xb1] = MODRM(NONE, ANY),
    [0xb3] = MODRM(NONE, ANY),
    [0xb6 ... 0xb7] = MODRM(NONE, 0),
    [0xb8] = SSE(NONE, PREFIX_F3, PREFIX_F3),
    [0xba] = GROUP(8, 0xf0, 0xf0, 0xe0),
    [0xbb] = MODRM(NONE, ANY),
    [0xbc ... 0xbd] = SSE(NONE, N66 | PREFIX_F3, N66 | PREFIX_F3),
    [0xbe ... 0xbf] = MODRM(NONE, 0),
    [0xc0 ... 0xc1] = MODRM(NONE, ANY),
    [0xc2] = SSE(8, ALL, ALL),
    [0xc3] = SSE(NONE, PREFIX_NONE, 0),
    [0xc4] = SSE(8, N66, N66),
    [0xc5] = SSE(8, 0, N66),
    [0xc6] = SSE(8, N66, N66),
    /* cmpxchg8b, cmpxchg16b; rdrand, rdseed. */
    [0xc7] = {.memory = PREFIX_NONE,
              .direct = N66,
              .memory_fields = 0x02,
              .direct_fields = 0xc0,
              .lockable_fields = 0x02},
    [0xc8 ... 0xcf] = ALONE(NONE, PREFIX_NONE),
    [0xd0] = SSE(NONE, PREFIX_66 | PREFIX_F2, PREFIX_66 | PREFIX_F2),
    [0xd1 ... 0xd5] = SSE(NONE, N66, N66),
    [0xd6] = SSE(NONE, PREFIX_66, PREFIX_66 | PREFIX_F3 | PREFIX_F2),
    [0xd7] = SSE(NONE, 0, N66),
    [0xd8 ... 0xe5] = SSE(NONE, N66, N66),
    [0xe6] = SSE(NONE, PREFIX_66 | PREFIX_F3 | PREFIX_F2, PREFIX_66 | PREFIX_F3 | PREFIX_F2),
    [0xe7] = SSE(NONE, N66, 0),
    [0xe8 ... 0xef] = SSE(NONE, N66, N66),
    [0xf0] = SSE(NONE, PREFIX_F2, 0),
    [0xf1 ... 0xf6] = SSE(NONE, N66, N66),
    [0xf7] = SSE(NONE, 0, N66),
    [0xf8 ... 0xfe] = SSE(NONE, N66, N66),
};

const struct opcode opcodes_0f38[256] = {
    [0x00 ... 0x0b] = SSE(NONE, N66, N66),
    [0x10] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x14 ... 0x15] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x17] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x1c ... 0x1e] = SSE(NONE, N66, N66),
    [0x20 ... 0x25] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x28 ... 0x29] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x2a] = SSE(NONE, PREFIX_66, 0),
    [0x2b] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x30 ... 0x35] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0x37 ... 0x41] = SSE(NONE, PREFIX_66, PREFIX_66),
    [0xc8 ... 0xcd] = SSE(NONE, PREFIX_NONE, PREFIX_NONE),
    [0xdb ... 0xdf] = SSE(NONE, PREFIX_66, PREFIX_66),
    /* movbe in memory; crc32 with F2. */
    [0xf0 ... 0xf1] = SSE(NONE, N66 | PREFIX_F2, PREFIX_F2),
    [0xf6] = SSE(NONE, PREFIX_66 | PREFIX_F3, PREFIX_66 | PREFIX_F3),
};

const struct opcode opcodes_0f3a[256] = {
    [0x08 ... 0x0e] = SSE(8, PREFIX_66, PREFIX_66), [0x0f] = SSE(8, N66, N66),
    [0x14 ... 0x17] = SSE(8, PREFIX_66, PREFIX_66), [0x20 ... 0x22] = SSE(8, PREFIX_66, PREFIX_66),
    [0x40 ... 0x42] = SSE(8, PREFIX_66, PREFIX_66), [0x44] = SSE(8, PREFIX_66, PREFIX_66),
    [0x60 ... 0x63] = SSE(8, PREFIX_66, PREFIX_66), [0xcc] = SSE(8, PREFIX_NONE, PREFIX_NONE),
    [0xdf] = SSE(8, PREFIX_66, PREFIX_66),
};

/* Undocumented aliases (fstpnce, ffreep and the like) are left out. */
const uint8_t opcodes_x87_memory[8] = {0xff, 0xfd, 0xff, 0xaf, 0xff, 0xdf, 0xff, 0xff};

const uint64_t opcodes_x87_direct[8] = {
    0xffffffffffffffffULL, /* D8: every arithmetic operation */
    0xffff7f330001ffffULL, /* D9: fld, fxch, fnop, fchs, fabs, ftst, fxam, constants,
                              transcendentals */
    0x00000200ffffffffULL, /* DA: fcmovcc, fucompp */
    0x00ffff0cffffffffULL, /* DB: fcmovncc, fnclex, fninit, fucomi, fcomi */
    0xffffffff0000ffffULL, /* DC: arithmetic with the destination reversed */
    0x0000ffffffff00ffULL, /* DD: ffree, fst, fstp, fucom, fucomp */
    0xffffffff0200ffffULL, /* DE: arithmetic and pop, fcompp */
    0x00ffff0100000000ULL, /* DF: fnstsw, fucomip, fcomip */
};
