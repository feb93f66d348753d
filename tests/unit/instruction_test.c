/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "windows/agent/hook/instruction.h"

struct accepted {
    const char *text;
    const char *bytes;
    uint8_t length, rip, branch, branch_size;
    enum instruction_flow flow;
};

static const struct accepted accepted[] = {
    {"push rbp", "\x55", 1, 0, 0, 0, INSTRUCTION_NEXT},
    {"push r15", "\x41\x57", 2, 0, 0, 0, INSTRUCTION_NEXT},
    {"sub rsp, 38h", "\x48\x83\xec\x38", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"sub rsp, 12345678h", "\x48\x81\xec\x78\x56\x34\x12", 7, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov [rsp+8], rbx", "\x48\x89\x5c\x24\x08", 5, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov rax, [rip+1]", "\x48\x8b\x05\x01\x00\x00\x00", 7, 3, 0, 0, INSTRUCTION_NEXT},
    {"test byte [rip+1], 8", "\xf6\x05\x01\x00\x00\x00\x08", 7, 2, 0, 0, INSTRUCTION_NEXT},
    {"not byte [rip+1]", "\xf6\x15\x01\x00\x00\x00", 6, 2, 0, 0, INSTRUCTION_NEXT},
    {"test eax, imm32", "\xf7\xc0\x01\x02\x03\x04", 6, 0, 0, 0, INSTRUCTION_NEXT},
    {"test ax, imm16", "\x66\xf7\xc0\x01\x02", 5, 0, 0, 0, INSTRUCTION_NEXT},
    {"test rax, imm32", "\x66\x48\xf7\xc0\x01\x02\x03\x04", 8, 0, 0, 0, INSTRUCTION_NEXT},
    {"mul rcx", "\x48\xf7\xe1", 3, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov rax, imm64", "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", 10, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov eax, imm32", "\xb8\x01\x02\x03\x04", 5, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov ax, imm16", "\x66\xb8\x01\x02", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov al, moffs", "\xa0\x01\x02\x03\x04\x05\x06\x07\x08", 9, 0, 0, 0, INSTRUCTION_NEXT},
    {"enter 10h, 1", "\xc8\x10\x00\x01", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"push imm16", "\x66\x68\x01\x02", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov [disp32], eax", "\x89\x04\x25\x01\x02\x03\x04", 7, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov [rbp+rax+0], eax", "\x89\x44\x05\x00", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov [r13+0], eax", "\x41\x89\x45\x00", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"mov rax, gs:[30h]", "\x65\x48\x8b\x04\x25\x30\x00\x00\x00", 9, 0, 0, 0, INSTRUCTION_NEXT},
    {"endbr64", "\xf3\x0f\x1e\xfa", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"nop dword [rax+rax]", "\x0f\x1f\x44\x00\x00", 5, 0, 0, 0, INSTRUCTION_NEXT},
    {"data16 cs nopw", "\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00", 11, 0, 0, 0,
     INSTRUCTION_NEXT},
    {"lock inc [rip+0]", "\xf0\xff\x05\x00\x00\x00\x00", 7, 3, 0, 0, INSTRUCTION_NEXT},
    {"lock cmpxchg [rcx], edx", "\xf0\x0f\xb1\x11", 4, 0, 0, 0, INSTRUCTION_NEXT},
    {"movaps [rsp+20h], xmm6", "\x0f\x29\x74\x24\x20", 5, 0, 0, 0, INSTRUCTION_NEXT},
    {"pshufd xmm0, [rip+0], 1", "\x66\x0f\x70\x05\x00\x00\x00\x00\x01", 9, 4, 0, 0,
     INSTRUCTION_NEXT},
    {"pshufb xmm0, xmm1", "\x66\x0f\x38\x00\xc1", 5, 0, 0, 0, INSTRUCTION_NEXT},
    {"palignr xmm0, xmm1, 4", "\x66\x0f\x3a\x0f\xc1\x04", 6, 0, 0, 0, INSTRUCTION_NEXT},
    {"rep stosq", "\xf3\x48\xab", 3, 0, 0, 0, INSTRUCTION_NEXT},
    {"fld qword [rsp]", "\xdd\x04\x24", 3, 0, 0, 0, INSTRUCTION_NEXT},
    {"jz short", "\x74\x05", 2, 0, 1, 1, INSTRUCTION_CONDITIONAL},
    {"jz near", "\x0f\x84\x01\x02\x03\x04", 6, 0, 2, 4, INSTRUCTION_CONDITIONAL},
    {"loop", "\xe2\xfe", 2, 0, 1, 1, INSTRUCTION_CONDITIONAL},
    {"jmp short", "\xeb\x05", 2, 0, 1, 1, INSTRUCTION_JUMP},
    {"jmp near", "\xe9\x01\x02\x03\x04", 5, 0, 1, 4, INSTRUCTION_JUMP},
    {"call near", "\xe8\x01\x02\x03\x04", 5, 0, 1, 4, INSTRUCTION_CALL},
    {"jmp [rip+0]", "\xff\x25\x00\x00\x00\x00", 6, 2, 0, 0, INSTRUCTION_JUMP},
    {"call rax", "\xff\xd0", 2, 0, 0, 0, INSTRUCTION_CALL},
    {"ret", "\xc3", 1, 0, 0, 0, INSTRUCTION_RETURN},
    {"rep ret", "\xf3\xc3", 2, 0, 0, 0, INSTRUCTION_RETURN},
    {"ret 8", "\xc2\x08\x00", 3, 0, 0, 0, INSTRUCTION_RETURN},
    {"int3", "\xcc", 1, 0, 0, 0, INSTRUCTION_TRAP},
    {"ud2", "\x0f\x0b", 2, 0, 0, 0, INSTRUCTION_TRAP},
};

static const struct {
    const char *text;
    uint8_t bytes[16];
} refused[] = {
    {"call with 66", {0x66, 0xe8, 1, 2, 3, 4}},
    {"jz near with 66", {0x66, 0x0f, 0x84, 1, 2, 3, 4}},
    {"lock mov", {0xf0, 0x89, 0x01}},
    {"lock add with a register", {0xf0, 0x01, 0xc1}},
    {"lock cmp", {0xf0, 0x39, 0x01}},
    {"lock nop", {0xf0, 0x90}},
    {"lea with a register", {0x48, 0x8d, 0xc0}},
    {"mov cs, ax", {0x8e, 0xc8}},
    {"REX before a prefix", {0x48, 0x66, 0x89, 0x01}},
    {"two REX", {0x48, 0x48, 0x89, 0x01}},
    {"two segments", {0x64, 0x65, 0x89, 0x01}},
    {"F2 and F3", {0xf2, 0xf3, 0x0f, 0x10, 0x00}},
    {"push es", {0x06}},
    {"callf", {0x9a, 1, 2, 3, 4, 5, 6}},
    {"VEX", {0xc5, 0xf8, 0x28, 0xc1}},
    {"EVEX", {0x62, 0xf1, 0x7c, 0x48, 0x28, 0xc1}},
    {"XOP", {0x8f, 0xe8, 0x78, 0xc0, 0xc1, 1}},
    {"xbegin", {0xc7, 0xf8, 1, 2, 3, 4}},
    {"ff /7", {0xff, 0xf8}},
    {"ud1", {0x0f, 0xb9, 0xc0}},
    {"relative to eip", {0x67, 0x48, 0x8b, 0x05, 1, 0, 0, 0}},
    {"mov cr0, rax", {0x0f, 0x22, 0xc0}},
    {"16 bytes",
     {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
      0x90}},
};

/* Every row decodes as written, with anything behind it, and with no byte less. */
static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        const struct accepted *row = &accepted[i];
        uint8_t bytes[32];
        struct instruction got;
        memset(bytes, 0xff, sizeof bytes);
        memcpy(bytes, row->bytes, row->length);
        print_message("%s\n", row->text);
        assert_true(instruction_decode(bytes, sizeof bytes, &got));
        assert_int_equal(got.length, row->length);
        assert_int_equal(got.rip_offset, row->rip);
        assert_int_equal(got.branch_offset, row->branch);
        assert_int_equal(got.branch_size, row->branch_size);
        assert_int_equal(got.flow, row->flow);
        for (size_t available = 0; available < row->length; available++)
            assert_false(instruction_decode(bytes, available, &got));
        assert_true(instruction_decode(bytes, row->length, &got));
    }
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct instruction got;
        print_message("%s\n", refused[i].text);
        assert_false(instruction_decode(refused[i].bytes, sizeof refused[i].bytes, &got));
    }
}

/* The longest encoding there is: 15 bytes pass, 16 do not. */
static void limits_length(void **state)
{
    uint8_t bytes[32];
    struct instruction got;

    (void)state;
    memset(bytes, 0x66, sizeof bytes);
    bytes[14] = 0x90;
    assert_true(instruction_decode(bytes, sizeof bytes, &got));
    assert_int_equal(got.length, 15);
    bytes[14] = 0x66;
    bytes[15] = 0x90;
    assert_false(instruction_decode(bytes, sizeof bytes, &got));
    assert_false(instruction_decode(bytes, 0, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(limits_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
