/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "windows/agent/hook/trampoline.h"
#include "windows/agent/hook/unwind.h"

#define TARGET 0x7ff800001000ULL

static const struct trampoline_addresses below = {
    .target = TARGET, .relay = TARGET - 0x10000, .trampoline = TARGET - 0x10000 + 16};

struct built {
    const char *text;
    const char *target;
    uint8_t length; /* of the target; 90 follows */
    uint8_t displaced;
    const char *code; /* of the trampoline, up to the jump back */
    uint8_t code_length;
    bool calls;
};

static const struct built built[] = {
    {"pushes", "\x41\x57\x41\x56\x41\x55", 6, 6, "\x41\x57\x41\x56\x41\x55", 6, false},
    {"sub, xor", "\x48\x83\xec\x38\x31\xd2", 6, 6, "\x48\x83\xec\x38\x31\xd2", 6, false},
    /* lea rcx, [rip+0x100]: 0x10007 + 0x100 from 16 bytes after the start of the relay */
    {"rip-relative", "\x48\x8d\x0d\x00\x01\x00\x00", 7, 7, "\x48\x8d\x0d\xf0\x00\x01\x00", 7,
     false},
    /* test byte [rip+0x100], 8: the immediate behind the displacement counts as part of the length
     */
    {"rip-relative with immediate", "\xf6\x05\x00\x01\x00\x00\x08", 7, 7,
     "\xf6\x05\xf0\x00\x01\x00\x08", 7, false},
    {"call", "\x48\x83\xec\x28\xe8\x00\x01\x00\x00", 9, 9,
     "\x48\x83\xec\x28\xe8\xf0\x00\x01\x00\x90", 10, true},
    {"long conditional", "\x0f\x84\x00\x01\x00\x00", 6, 6, "\x0f\x84\xf0\x00\x01\x00", 6, false},
    /* jz +0x10: 2 bytes grow to 6, so the distance loses 4 */
    {"short conditional", "\x31\xc0\x74\x10\x31\xc0", 6, 6,
     "\x31\xc0\x0f\x84\xfc\xff\x00\x00\x31\xc0", 10, false},
    {"short jump", "\x48\x31\xc0\xeb\x10", 5, 5, "\x48\x31\xc0\xe9\xfd\xff\x00\x00", 8, false},
    {"return at the end", "\x31\xc0\x31\xd2\xc3", 5, 5, "\x31\xc0\x31\xd2\xc3", 5, false},
    {"hook of another", "\xe9\x00\x01\x00\x00", 5, 5, "\xe9\xf0\x00\x01\x00", 5, false},
    {"import thunk", "\xff\x25\x00\x01\x00\x00", 6, 6, "\xff\x25\xf0\x00\x01\x00", 6, false},
    /* behind the patch: a branch back to the function's first byte, and to a byte that stays */
    {"self call", "\x31\xc0\x31\xd2\x31\xc9\xeb\xf8", 8, 6, "\x31\xc0\x31\xd2\x31\xc9", 6, false},
    {"loop beside the patch", "\x31\xc0\x31\xd2\x31\xc9\xeb\xfd", 8, 6, "\x31\xc0\x31\xd2\x31\xc9",
     6, false},
};

static const struct {
    const char *text;
    enum trampoline_refusal refusal;
    uint8_t length;
    uint8_t target[16];
} refused[] = {
    {"unknown", TRAMPOLINE_UNKNOWN_INSTRUCTION, 8, {0x31, 0xc0, 0x06, 0x90, 0x90, 0x90}},
    {"cut short", TRAMPOLINE_UNKNOWN_INSTRUCTION, 6, {0x31, 0xc0, 0x48, 0x81, 0xec, 0x00}},
    {"four bytes", TRAMPOLINE_FUNCTION_TOO_SHORT, 4, {0x90, 0x90, 0x90, 0x90}},
    {"no bytes", TRAMPOLINE_FUNCTION_TOO_SHORT, 0, {0}},
    {"early return", TRAMPOLINE_FUNCTION_TOO_SHORT, 8, {0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90}},
    {"early jump", TRAMPOLINE_FUNCTION_TOO_SHORT, 8, {0xeb, 0x10, 0x90, 0x90, 0x90, 0x90}},
    {"loop", TRAMPOLINE_SHORT_LOOP, 8, {0x31, 0xc0, 0xe2, 0x10, 0x90, 0x90}},
    {"jrcxz", TRAMPOLINE_SHORT_LOOP, 8, {0x31, 0xc0, 0xe3, 0x10, 0x90, 0x90}},
    {"among the moved", TRAMPOLINE_BRANCH_INTO_PATCH, 8, {0x31, 0xc0, 0x74, 0x00, 0x31, 0xc0}},
    {"to itself", TRAMPOLINE_BRANCH_INTO_PATCH, 8, {0x31, 0xc0, 0x74, 0xfe, 0x31, 0xc0}},
    {"back into the patch",
     TRAMPOLINE_BRANCH_INTO_PATCH,
     9,
     {0x31, 0xc0, 0x31, 0xd2, 0x31, 0xc9, 0x75, 0xfa, 0xc3}},
    {"early call", TRAMPOLINE_RETURN_INTO_PATCH, 8, {0xff, 0xd0, 0x90, 0x90, 0x90, 0x90}},
    {"breakpoint", TRAMPOLINE_BREAKPOINT, 8, {0xcc, 0x90, 0x90, 0x90, 0x90, 0x90}},
    {"trap", TRAMPOLINE_BREAKPOINT, 8, {0x31, 0xc0, 0x31, 0xc0, 0x0f, 0x0b}},
};

static int64_t distance(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void builds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof built / sizeof *built; i++) {
        const struct built *row = &built[i];
        struct trampoline t;
        uint8_t target[32];
        memset(target, 0x90, sizeof target);
        memcpy(target, row->target, row->length);
        print_message("%s\n", row->text);
        assert_int_equal(trampoline_build(target, sizeof target, &below, &t), TRAMPOLINE_OK);
        assert_int_equal(t.displaced, row->displaced);
        assert_int_equal(t.calls, row->calls);
        assert_int_equal(t.code_length, row->code_length + 5);
        assert_memory_equal(t.code, row->code, row->code_length);
        assert_int_equal(t.code[row->code_length], 0xe9);
        assert_int_equal(below.trampoline + t.code_length + distance(t.code + row->code_length + 1),
                         TARGET + row->displaced);
        assert_int_equal(t.patch[0], 0xe9);
        assert_int_equal(TARGET + 5 + distance(t.patch + 1), below.relay);
        assert_int_equal(t.steps[t.step_count - 1].target_end, t.displaced);
    }
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct trampoline t;
        print_message("%s\n", refused[i].text);
        assert_int_equal(trampoline_build(refused[i].target, refused[i].length, &below, &t),
                         refused[i].refusal);
        assert_true(strlen(trampoline_refusal_text(refused[i].refusal)) > 10);
    }
}

/* Both ends of the 2 GiB that a 32-bit distance spans, for the patch and for a moved operand. */
static void refuses_what_is_out_of_reach(void **state)
{
    static const uint8_t plain[8] = {0x31, 0xc0, 0x31, 0xc0, 0x31, 0xc0, 0x90, 0x90};
    static const uint8_t relative[8] = {0x48, 0x8d, 0x0d, 0xff, 0xff, 0xff, 0x7f, 0xc3};
    struct trampoline_addresses at = {.target = TARGET, .trampoline = TARGET + 0x1000};
    struct trampoline t;

    (void)state;
    at.relay = TARGET + 5 + 0x7fffffff;
    assert_int_equal(trampoline_build(plain, sizeof plain, &at, &t), TRAMPOLINE_OK);
    at.relay = TARGET + 5 + 0x80000000;
    assert_int_equal(trampoline_build(plain, sizeof plain, &at, &t), TRAMPOLINE_OUT_OF_REACH);
    at.relay = TARGET + 5 - 0x80000001;
    assert_int_equal(trampoline_build(plain, sizeof plain, &at, &t), TRAMPOLINE_OUT_OF_REACH);
    at.relay = TARGET;
    at.trampoline = TARGET;
    assert_int_equal(trampoline_build(relative, sizeof relative, &at, &t), TRAMPOLINE_OK);
    at.trampoline = TARGET - 1;
    assert_int_equal(trampoline_build(relative, sizeof relative, &at, &t), TRAMPOLINE_OUT_OF_REACH);
}

static void relays(void **state)
{
    static const uint8_t expected[RELAY_SIZE] = {0xff, 0x25, 0,    0,    0,    0,    0x88,
                                                 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    uint8_t relay[RELAY_SIZE];

    (void)state;
    relay_build(relay, 0x1122334455667788ULL);
    assert_memory_equal(relay, expected, sizeof expected);
}

/* push rbp; sub rsp, 20h; lea rbp, [rsp+20h]: a short branch in front makes the copy longer. */
static void translates_unwind_data(void **state)
{
    static const uint8_t target[16] = {0x74, 0x40, 0x55, 0x48, 0x83, 0xec, 0x20, 0x48,
                                       0x8d, 0x6c, 0x24, 0x20, 0x90, 0x90, 0x90, 0x90};
    static const uint8_t info[] = {0x09, 12, 3, 0x25, 12, 0x03, 7, 0x32, 3, 0x50, 0, 0};
    uint8_t out[UNWIND_TRAMPOLINE_SIZE];
    struct trampoline t;

    (void)state;
    assert_int_equal(trampoline_build(target, sizeof target, &below, &t), TRAMPOLINE_OK);
    assert_int_equal(t.displaced, 7);
    assert_true(unwind_translate(info, sizeof info, &t, out));
    /* Version 1 without a handler; the frame register is set later, so it is not kept. */
    const uint8_t expected[] = {0x01, t.code_length, 2, 0, 11, 0x32, 7, 0x50};
    assert_memory_equal(out, expected, sizeof expected);
}

static void keeps_the_frame_register_and_long_operations(void **state)
{
    /* sub rsp, 1000h; then lea rbp: one instruction of 7 bytes, two slots. */
    static const uint8_t target[16] = {0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x90};
    static const uint8_t info[] = {0x01, 7, 2, 0, 7, 0x01, 0x00, 0x02};
    static const uint8_t frame[] = {0x01, 7, 1, 0x25, 7, 0x03, 0, 0};
    uint8_t out[UNWIND_TRAMPOLINE_SIZE];
    struct trampoline t;

    (void)state;
    assert_int_equal(trampoline_build(target, sizeof target, &below, &t), TRAMPOLINE_OK);
    assert_true(unwind_translate(info, sizeof info, &t, out));
    const uint8_t expected[] = {0x01, t.code_length, 2, 0, 7, 0x01, 0x00, 0x02};
    assert_memory_equal(out, expected, sizeof expected);
    assert_true(unwind_translate(frame, sizeof frame, &t, out));
    assert_int_equal(out[3], 0x25);
}

static void skips_the_epilogues_of_version_2(void **state)
{
    static const uint8_t target[16] = {0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x90};
    static const uint8_t info[] = {0x02, 7, 4, 0, 3, 0x16, 9, 0x06, 7, 0x01, 0x00, 0x02};
    uint8_t out[UNWIND_TRAMPOLINE_SIZE];
    struct trampoline t;

    (void)state;
    assert_int_equal(trampoline_build(target, sizeof target, &below, &t), TRAMPOLINE_OK);
    assert_true(unwind_translate(info, sizeof info, &t, out));
    assert_int_equal(out[0], 1);
    assert_int_equal(out[2], 2);
}

static void refuses_damaged_unwind_data(void **state)
{
    static const uint8_t target[16] = {0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x90};
    static const struct {
        const char *text;
        uint8_t length;
        uint8_t info[12];
    } rows[] = {
        {"cut in the header", 3, {0x01, 7, 0}},
        {"codes cut short", 5, {0x01, 7, 1, 0, 7}},
        {"version 3", 4, {0x03, 7, 0, 0}},
        {"a chain", 4, {0x21, 7, 0, 0}},
        {"slots beyond the count", 8, {0x01, 7, 1, 0, 7, 0x01, 0, 2}},
        {"unknown operation", 6, {0x01, 7, 1, 0, 7, 0x07}},
        {"epilogue in version 1", 8, {0x01, 7, 2, 0, 7, 0x06, 0, 0}},
        {"offset within an instruction", 6, {0x01, 7, 1, 0, 3, 0x02}},
    };
    uint8_t out[UNWIND_TRAMPOLINE_SIZE];
    struct trampoline t;

    (void)state;
    assert_int_equal(trampoline_build(target, sizeof target, &below, &t), TRAMPOLINE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].text);
        assert_false(unwind_translate(rows[i].info, rows[i].length, &t, out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_what_is_out_of_reach),
        cmocka_unit_test(relays),
        cmocka_unit_test(translates_unwind_data),
        cmocka_unit_test(keeps_the_frame_register_and_long_operations),
        cmocka_unit_test(skips_the_epilogues_of_version_2),
        cmocka_unit_test(refuses_damaged_unwind_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
