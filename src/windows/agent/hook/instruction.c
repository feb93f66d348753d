/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/instruction.h"

#include "windows/agent/hook/opcodes.h"

/* The bytes given, and what the prefixes said. */
struct decoder {
    bool wide; /* 64-bit mode */
    const uint8_t *bytes;
    size_t limit; /* bytes that may be read: at most 15 */
    size_t at;
    bool operand_size; /* 66 */
    bool address_size; /* 67 */
    bool lock;         /* F0 */
    bool segment;
    uint8_t repeat; /* F2 or F3, or 0 */
    uint8_t rex;    /* 40–4F, or 0 */
};

#define REX_W 8
#define REX_R 4

enum prefix_kind { PREFIX_ACCEPTED, PREFIX_REFUSED, PREFIX_END };

static bool take(struct decoder *d, uint8_t *byte)
{
    if (d->at >= d->limit)
        return false;
    *byte = d->bytes[d->at++];
    return true;
}

static bool skip(struct decoder *d, size_t count)
{
    if (d->limit - d->at < count)
        return false;
    d->at += count;
    return true;
}

static enum prefix_kind once(bool *flag)
{
    if (*flag)
        return PREFIX_REFUSED;
    *flag = true;
    return PREFIX_ACCEPTED;
}

/* Assemblers repeat 66 to pad; any other repetition means that these bytes are not code. */
static enum prefix_kind note_prefix(struct decoder *d, uint8_t byte)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
        return once(&d->segment);
    case 0x66:
        d->operand_size = true;
        return PREFIX_ACCEPTED;
    case 0x67:
        return once(&d->address_size);
    case 0xf0:
        return once(&d->lock);
    case 0xf2:
    case 0xf3:
        if (d->repeat)
            return PREFIX_REFUSED;
        d->repeat = byte;
        return PREFIX_ACCEPTED;
    default:
        return PREFIX_END;
    }
}

/* Leaves the first byte of the opcode in *byte. REX counts only right before it; anywhere else is
 * refused. */
static bool take_prefixes(struct decoder *d, uint8_t *byte)
{
    for (;;) {
        if (!take(d, byte))
            return false;
        enum prefix_kind kind = note_prefix(d, *byte);
        if (kind == PREFIX_REFUSED)
            return false;
        if (kind == PREFIX_END)
            break;
    }
    if (d->wide && (*byte & 0xf0) == 0x40) {
        struct decoder probe = *d;
        d->rex = *byte;
        if (!take(d, byte) || (*byte & 0xf0) == 0x40 || note_prefix(&probe, *byte) != PREFIX_END)
            return false;
    }
    return true;
}

/* The row of the opcode that begins with `first`; *opcode becomes its last byte. */
static const struct opcode *take_opcode(struct decoder *d, uint8_t first, uint8_t *opcode,
                                        const struct opcode **map)
{
    *opcode = first;
    *map = opcodes_one_byte;
    if (first == 0x0f) {
        if (!take(d, opcode))
            return NULL;
        *map = opcodes_0f;
        if (*opcode == 0x38 || *opcode == 0x3a) {
            *map = *opcode == 0x38 ? opcodes_0f38 : opcodes_0f3a;
            if (!take(d, opcode))
                return NULL;
        }
    }
    return &(*map)[*opcode];
}

static unsigned active_prefix(const struct decoder *d)
{
    if (d->repeat)
        return d->repeat == 0xf2 ? PREFIX_F2 : PREFIX_F3;
    return d->operand_size ? PREFIX_66 : PREFIX_NONE;
}

static bool modrm_allowed(const struct decoder *d, const struct opcode *row,
                          const struct opcode *map, uint8_t opcode, uint8_t modrm)
{
    unsigned field = 1u << ((modrm >> 3) & 7);
    bool direct = modrm >= 0xc0;

    if (!((direct ? row->direct : row->memory) & active_prefix(d)))
        return false;
    if (!((direct ? row->direct_fields : row->memory_fields) & field))
        return false;
    if (d->lock && (direct || !(row->lockable_fields & field)))
        return false;
    if (map == opcodes_one_byte && opcode >= 0xd8 && opcode <= 0xdf) {
        unsigned group = opcode - 0xd8u;
        return direct ? (opcodes_x87_direct[group] >> (modrm & 0x3f)) & 1
                      : (opcodes_x87_memory[group] & field) != 0;
    }
    if (map == opcodes_one_byte && (opcode == 0x8c || opcode == 0x8e))
        return !(d->rex & REX_R); /* segment registers 8 to 15 do not exist */
    if (map == opcodes_0f && opcode == 0x1e)
        return modrm == (d->wide ? 0xfa : 0xfb) && !d->rex; /* endbr64, endbr32 */
    if (map == opcodes_0f && opcode == 0xae && direct)
        return (modrm & 7) == 0;
    return true;
}

/* The SIB byte and displacement that `modrm` asks for. */
static bool take_address(struct decoder *d, uint8_t modrm, struct instruction *out)
{
    unsigned mode = modrm >> 6;
    unsigned base = modrm & 7;

    if (mode == 3)
        return true;
    if (mode == 0 && base == 5) {
        if (!d->wide)
            return skip(d, 4);
        if (d->address_size)
            return false; /* relative to EIP: no compiler emits it, and moving it would be guesswork
                           */
        out->rip_offset = (uint8_t)d->at;
        return skip(d, 4);
    }
    if (base == 4) {
        uint8_t sib;
        if (!take(d, &sib))
            return false;
        base = sib & 7;
    }
    if (mode == 0)
        return base != 5 || skip(d, 4);
    return skip(d, mode == 1 ? 1 : 4);
}

static bool take_branch(struct decoder *d, uint8_t size, struct instruction *out)
{
    /* With 66 Intel ignores the prefix and AMD cuts RIP to 16 bits. */
    if (d->operand_size || d->address_size)
        return false;
    out->branch_offset = (uint8_t)d->at;
    out->branch_size = size;
    return skip(d, size);
}

static bool take_immediate(struct decoder *d, uint8_t immediate, unsigned field,
                           struct instruction *out)
{
    bool wide = d->rex & REX_W;
    size_t operand = d->operand_size && !wide ? 2 : 4;

    switch ((enum opcode_immediate)immediate) {
    case IMMEDIATE_NONE:
        return true;
    case IMMEDIATE_8:
        return skip(d, 1);
    case IMMEDIATE_16:
        return skip(d, 2);
    case IMMEDIATE_16_8:
        return skip(d, 3);
    case IMMEDIATE_OPERAND:
        return skip(d, operand);
    case IMMEDIATE_FULL:
        return skip(d, wide ? 8 : operand);
    case IMMEDIATE_ADDRESS:
        return !d->address_size && skip(d, d->wide ? 8 : 4);
    case IMMEDIATE_RELATIVE_8:
        return take_branch(d, 1, out);
    case IMMEDIATE_RELATIVE_32:
        return take_branch(d, 4, out);
    case IMMEDIATE_TEST_8:
        return field != 0 || skip(d, 1);
    case IMMEDIATE_TEST_OPERAND:
        return field != 0 || skip(d, operand);
    }
    return false;
}

static enum instruction_flow flow_of(const struct opcode *map, uint8_t opcode, unsigned field)
{
    if (map == opcodes_0f) {
        if (opcode >= 0x80 && opcode <= 0x8f)
            return INSTRUCTION_CONDITIONAL;
        return opcode == 0x0b ? INSTRUCTION_TRAP : INSTRUCTION_NEXT;
    }
    if (map != opcodes_one_byte)
        return INSTRUCTION_NEXT;
    if ((opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xe0 && opcode <= 0xe3))
        return INSTRUCTION_CONDITIONAL;
    switch (opcode) {
    case 0xc2:
    case 0xc3:
        return INSTRUCTION_RETURN;
    case 0xcc:
    case 0xcd:
    case 0xf4:
        return INSTRUCTION_TRAP;
    case 0xe8:
        return INSTRUCTION_CALL;
    case 0xe9:
    case 0xeb:
        return INSTRUCTION_JUMP;
    case 0xff:
        return field == 2 ? INSTRUCTION_CALL : field == 4 ? INSTRUCTION_JUMP : INSTRUCTION_NEXT;
    default:
        return INSTRUCTION_NEXT;
    }
}

/*
 * What 32-bit mode has in the place of REX: inc and dec. What else it has more is left out, for
 * compilers begin no function with it; and what 64-bit mode alone has is refused.
 */
static bool decode_inc_or_dec(const struct decoder *d, uint8_t opcode, struct instruction *out)
{
    if (d->wide || (opcode & 0xf0) != 0x40 || d->lock || d->repeat)
        return false;
    out->opcode_offset = (uint8_t)(d->at - 1);
    out->length = (uint8_t)d->at;
    return true;
}

static bool is_for_64_bits_alone(const struct opcode *map, uint8_t opcode)
{
    return map == opcodes_0f && opcode == 0x05; /* syscall */
}

bool instruction_decode_in(enum instruction_mode mode, const uint8_t *bytes, size_t available,
                           struct instruction *out)
{
    struct decoder d = {
        .wide = mode == INSTRUCTION_MODE_64,
        .bytes = bytes,
        .limit = available < INSTRUCTION_MAX_LENGTH ? available : INSTRUCTION_MAX_LENGTH,
    };
    const struct opcode *map;
    uint8_t first, opcode, modrm = 0;

    *out = (struct instruction){0};
    if (!take_prefixes(&d, &first))
        return false;
    if (decode_inc_or_dec(&d, first, out))
        return true;
    if (!d.wide && d.address_size)
        return false; /* 16-bit addresses */
    const struct opcode *row = take_opcode(&d, first, &opcode, &map);
    if (!row || (!d.wide && is_for_64_bits_alone(map, opcode)))
        return false;
    /* Outside the one-byte map 66 beside F2 or F3 changes meaning from instruction to instruction.
     */
    if (map != opcodes_one_byte && d.repeat && d.operand_size)
        return false;
    out->opcode_offset = (uint8_t)(d.at - 1);
    if (row->memory || row->direct) {
        if (!take(&d, &modrm) || !modrm_allowed(&d, row, map, opcode, modrm) ||
            !take_address(&d, modrm, out))
            return false;
    } else if (!(row->plain & active_prefix(&d)) || d.lock) {
        return false;
    }
    if (!take_immediate(&d, row->immediate, (modrm >> 3) & 7, out))
        return false;
    out->flow = flow_of(map, opcode, (modrm >> 3) & 7);
    out->length = (uint8_t)d.at;
    return true;
}
