/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction decoder against libzydis: every instruction of the code sections of the PE files
 * given, and random bytes in the modes of these files. Usage: differential FILE.dll …
 *
 * Fails when the decoder accepts what Zydis rejects, when length or relocations differ, or when it
 * refuses more than it may. Exit status 77 (skipped) without files.
 */
#include <Zydis/Zydis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/agent/hook/instruction.h"

#define SKIPPED            77
#define RANDOM_SEED        0x5eed2026u
#define RANDOM_ROUNDS      6000000
#define MINIMUM_SHARE      0.98
#define FAILURES_SHOWN     20
#define FILE_SIZE_LIMIT    (64L << 20)
#define SECTION_EXECUTABLE 0x20000000u

struct tally {
    unsigned long long valid;    /* accepted by Zydis */
    unsigned long long accepted; /* by both */
    unsigned long long bytes;
    unsigned long failures;
};

/* Per mode, as enum instruction_mode numbers them. */
static ZydisDecoder zydis[2];
static enum instruction_mode mode;

static void fail(struct tally *tally, const char *where, const char *what, const uint8_t *bytes,
                 size_t available)
{
    if (++tally->failures > FAILURES_SHOWN)
        return;
    printf("FAIL %s: %s:", where, what);
    for (size_t i = 0; i < available && i < INSTRUCTION_MAX_LENGTH; i++)
        printf(" %02x", bytes[i]);
    putchar('\n');
}

static bool same_relocations(const ZydisDecodedInstruction *theirs, const struct instruction *ours)
{
    bool rip = mode == INSTRUCTION_MODE_64 && theirs->raw.modrm.offset &&
               theirs->raw.modrm.mod == 0 && theirs->raw.modrm.rm == 5;
    unsigned rip_offset = rip ? theirs->raw.disp.offset : 0;
    unsigned branch_offset = 0, branch_size = 0;

    if (theirs->raw.imm[0].is_relative) {
        branch_offset = theirs->raw.imm[0].offset;
        branch_size = theirs->raw.imm[0].size / 8;
    }
    return ours->rip_offset == rip_offset && ours->branch_offset == branch_offset &&
           ours->branch_size == branch_size;
}

static bool same_flow(const ZydisDecodedInstruction *theirs, const struct instruction *ours)
{
    switch (theirs->meta.category) {
    case ZYDIS_CATEGORY_CALL:
        return ours->flow == INSTRUCTION_CALL;
    case ZYDIS_CATEGORY_COND_BR:
        return ours->flow == INSTRUCTION_CONDITIONAL;
    case ZYDIS_CATEGORY_UNCOND_BR:
        return ours->flow == INSTRUCTION_JUMP;
    case ZYDIS_CATEGORY_RET:
        return ours->flow == INSTRUCTION_RETURN;
    default:
        return ours->flow == INSTRUCTION_NEXT || ours->flow == INSTRUCTION_TRAP;
    }
}

/* Compares at one address; returns how far to go on. */
static size_t compare(struct tally *tally, const char *where, const uint8_t *bytes,
                      size_t available)
{
    ZydisDecodedInstruction theirs;
    struct instruction ours;
    bool valid =
        ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&zydis[mode], NULL, bytes, available, &theirs));
    bool accepted = instruction_decode_in(mode, bytes, available, &ours);

    if (!valid) {
        if (accepted)
            fail(tally, where, "invalid encoding accepted", bytes, available);
        return 1;
    }
    tally->valid++;
    tally->bytes += theirs.length;
    if (!accepted)
        return theirs.length;
    tally->accepted++;
    if (ours.length != theirs.length)
        fail(tally, where, "length", bytes, available);
    else if (!same_relocations(&theirs, &ours))
        fail(tally, where, "relocation", bytes, available);
    else if (!same_flow(&theirs, &ours))
        fail(tally, where, "flow", bytes, available);
    else if (instruction_decode_in(mode, bytes, ours.length - 1u, &ours))
        fail(tally, where, "accepted although cut short", bytes, available);
    return theirs.length;
}

static uint32_t read_le(const uint8_t *at, unsigned size)
{
    uint32_t value = 0;
    while (size-- > 0)
        value = value << 8 | at[size];
    return value;
}

static void sweep(struct tally *tally, const char *name, const uint8_t *code, size_t size)
{
    for (size_t at = 0; at < size;)
        at += compare(tally, name, code + at, size - at);
}

/* The executable sections of a PE image for x86, in the mode of its machine ([PE-COFF] 2 to 4). */
static bool sweep_image(struct tally tallies[2], const char *name, const uint8_t *file, size_t size)
{
    if (size < 0x40 || memcmp(file, "MZ", 2) != 0)
        return false;
    size_t header = read_le(file + 0x3c, 4);
    if (header > size || size - header < 24 || memcmp(file + header, "PE\0", 4) != 0)
        return false;
    uint32_t machine = read_le(file + header + 4, 2);
    if (machine != 0x8664 && machine != 0x14c)
        return false;
    mode = machine == 0x8664 ? INSTRUCTION_MODE_64 : INSTRUCTION_MODE_32;
    size_t count = read_le(file + header + 6, 2);
    size_t table = header + 24 + read_le(file + header + 20, 2);
    if (table > size || (size - table) / 40 < count)
        return false;
    for (const uint8_t *section = file + table; count-- > 0; section += 40) {
        size_t length = read_le(section + 8, 4);
        size_t raw_length = read_le(section + 16, 4);
        size_t offset = read_le(section + 20, 4);
        if (!(read_le(section + 36, 4) & SECTION_EXECUTABLE))
            continue;
        if (length > raw_length)
            length = raw_length;
        if (offset > size || size - offset < length)
            return false;
        sweep(&tallies[mode], name, file + offset, length);
    }
    return true;
}

static bool sweep_file(struct tally tallies[2], const char *path)
{
    bool done = false;
    uint8_t *content = NULL;
    FILE *stream = fopen(path, "rb");

    if (!stream || fseek(stream, 0, SEEK_END) != 0)
        goto out;
    long size = ftell(stream);
    if (size <= 0 || size > FILE_SIZE_LIMIT || fseek(stream, 0, SEEK_SET) != 0)
        goto out;
    content = malloc((size_t)size);
    if (!content || fread(content, 1, (size_t)size, stream) != (size_t)size)
        goto out;
    done = sweep_image(tallies, path, content, (size_t)size);
out:
    free(content);
    if (stream)
        fclose(stream);
    return done;
}

/* xorshift32: the same bytes on every machine. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Random bytes; in three rounds of four, in front of them what real encodings begin with. */
static size_t random_bytes(uint32_t *state, uint8_t bytes[32])
{
    static const uint8_t prefixes[] = {0x66, 0x66, 0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x2e, 0x3e, 0x65};
    static const uint8_t maps[][2] = {{0x0f, 0}, {0x0f, 0x38}, {0x0f, 0x3a}};
    size_t at = 0;
    uint32_t choice = next_random(state);

    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(next_random(state) >> 7);
    if (choice & 3) {
        for (unsigned n = (choice >> 2) & 3; n-- > 1;)
            bytes[at++] = prefixes[next_random(state) % sizeof prefixes];
        if (choice & 16)
            bytes[at++] = 0x40 | ((choice >> 8) & 15);
        unsigned map = (choice >> 5) & 3;
        if (map < 3) {
            bytes[at++] = maps[map][0];
            if (maps[map][1])
                bytes[at] = maps[map][1];
        }
    }
    return (choice >> 16) & 1 ? 32 : 1 + (choice >> 17) % 16;
}

static void print(const char *what, const struct tally *tally)
{
    printf("%s: %llu bytes, %llu instructions valid for Zydis, %llu accepted (%.3f %%), "
           "%lu failures\n",
           what, tally->bytes, tally->valid, tally->accepted,
           tally->valid ? 100.0 * (double)tally->accepted / (double)tally->valid : 0.0,
           tally->failures);
}

static bool start_zydis(void)
{
    return ZYAN_SUCCESS(ZydisDecoderInit(&zydis[INSTRUCTION_MODE_64], ZYDIS_MACHINE_MODE_LONG_64,
                                         ZYDIS_STACK_WIDTH_64)) &&
           ZYAN_SUCCESS(ZydisDecoderInit(&zydis[INSTRUCTION_MODE_32], ZYDIS_MACHINE_MODE_LEGACY_32,
                                         ZYDIS_STACK_WIDTH_32));
}

static bool try_random_bytes(void)
{
    struct tally random = {0};
    uint32_t state = RANDOM_SEED;
    uint8_t bytes[32];

    for (unsigned i = 0; i < RANDOM_ROUNDS; i++) {
        size_t available = random_bytes(&state, bytes);
        compare(&random, "random", bytes, available);
    }
    printf("seed %#x, %d byte strings, ", RANDOM_SEED, RANDOM_ROUNDS);
    print("random", &random);
    return random.failures == 0;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"32-bit", "64-bit"};
    struct tally images[2] = {{0}, {0}};
    bool good = true;

    if (argc < 2) {
        puts("SKIP: no PE files to decode");
        return SKIPPED;
    }
    if (!start_zydis()) {
        puts("FAIL: libzydis does not start");
        return 1;
    }
    for (int i = 1; i < argc; i++)
        sweep_file(images, argv[i]);
    for (int each = INSTRUCTION_MODE_32; each <= INSTRUCTION_MODE_64; each++) {
        const struct tally *tally = &images[each];
        if (tally->valid == 0)
            continue;
        mode = (enum instruction_mode)each;
        print(names[each], tally);
        good = try_random_bytes() && good && tally->failures == 0;
        if ((double)tally->accepted >= MINIMUM_SHARE * (double)tally->valid)
            continue;
        printf("FAIL: less than %.0f %% of the instructions accepted\n", 100 * MINIMUM_SHARE);
        good = false;
    }
    return good && images[0].valid + images[1].valid > 0 ? 0 : 1;
}
