/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/guarded_call.h"

_Static_assert(sizeof(bool) == 1, "guarded_call writes one byte");
_Static_assert(GUARDED_ARGUMENTS == 8, "guarded_call passes that many");

#ifdef __x86_64__ /* 32-bit x86: guarded_call_x86.S */
/*
 * What a compiler with __try would emit: a frame whose scope table says "execute the handler" for
 * the one call instruction. Eight arguments are always passed; by the calling convention a function
 * leaves alone what it does not take. The nop keeps the return address inside the scope. At the
 * landing pad the unwinder has put back RBX and RSP.
 */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl guarded_call\n"
        ".seh_proc guarded_call\n"
        "guarded_call:\n"
        "    pushq %rbx\n"
        "    .seh_pushreg %rbx\n"
        "    subq $0x40, %rsp\n"
        "    .seh_stackalloc 0x40\n"
        "    .seh_endprologue\n"
        "    movq %r8, %rbx\n"
        "    movb $0, (%rbx)\n"
        "    movq %rcx, %rax\n"
        "    movq %rdx, %r10\n"
        "    movq 0x20(%r10), %r11\n"
        "    movq %r11, 0x20(%rsp)\n"
        "    movq 0x28(%r10), %r11\n"
        "    movq %r11, 0x28(%rsp)\n"
        "    movq 0x30(%r10), %r11\n"
        "    movq %r11, 0x30(%rsp)\n"
        "    movq 0x38(%r10), %r11\n"
        "    movq %r11, 0x38(%rsp)\n"
        "    movq 0x00(%r10), %rcx\n"
        "    movq 0x08(%r10), %rdx\n"
        "    movq 0x10(%r10), %r8\n"
        "    movq 0x18(%r10), %r9\n"
        ".Lguarded_begin:\n"
        "    call *%rax\n"
        "    nop\n"
        ".Lguarded_end:\n"
        "    addq $0x40, %rsp\n"
        "    popq %rbx\n"
        "    ret\n"
        ".Lguarded_landing:\n"
        "    movb $1, (%rbx)\n"
        "    xorl %eax, %eax\n"
        "    addq $0x40, %rsp\n"
        "    popq %rbx\n"
        "    ret\n"
        "    .seh_handler __C_specific_handler, @except\n"
        "    .seh_handlerdata\n"
        "    .long 1\n"
        "    .rva .Lguarded_begin\n"
        "    .rva .Lguarded_end\n"
        "    .long 1\n"
        "    .rva .Lguarded_landing\n"
        ".text\n"
        ".seh_endproc\n");
#endif
