/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the gate and their common body; gate.h says what they guarantee. */
#include "windows/agent/hook/gate_layout.h"

        .text

/* One entry per hook: its number in eax, which carries no argument. No stack is used, so no unwind data. */
        .balign GATE_ENTRY_SIZE
        .globl  gate_entries
gate_entries:
        .set    index, 0
        .rept   GATE_COUNT
        .balign GATE_ENTRY_SIZE
        movl    $index, %eax
        jmp     gate_body
        .set    index, index + 1
        .endr

        .balign 16
        .seh_proc gate_body
gate_body:
        subq    $GATE_STACK_SIZE, %rsp
        .seh_stackalloc GATE_STACK_SIZE
        .seh_endprologue
        lock incl gate_in_flight(%rip)

        movq    %rcx, GATE_STACK_ARGUMENTS(%rsp)
        movq    %rdx, GATE_STACK_ARGUMENTS+8(%rsp)
        movq    %r8, GATE_STACK_ARGUMENTS+16(%rsp)
        movq    %r9, GATE_STACK_ARGUMENTS+24(%rsp)
        movl    %eax, GATE_STACK_INDEX(%rsp)
        movl    $GATE_STATE_ENTERED, GATE_STACK_STATE(%rsp)
        xorps   %xmm5, %xmm5
        .set    at, 0
        .rept   GATE_FRAME_SIZE / 16
        movaps  %xmm5, GATE_STACK_FRAME+at(%rsp)
        .set    at, at + 16
        .endr

        leaq    GATE_STACK_FRAME(%rsp), %rcx
        movl    %eax, %edx
        leaq    GATE_STACK_ARGUMENTS(%rsp), %r8
        call    gate_enter

        movq    GATE_STACK_ARGUMENTS(%rsp), %rcx
        movq    GATE_STACK_ARGUMENTS+8(%rsp), %rdx
        movq    GATE_STACK_ARGUMENTS+16(%rsp), %r8
        movq    GATE_STACK_ARGUMENTS+24(%rsp), %r9
        movl    GATE_STACK_INDEX(%rsp), %eax
        leaq    gate_trampolines(%rip), %r10
        call    *(%r10,%rax,8)
        movq    %rax, GATE_STACK_RESULT(%rsp)

        movl    $GATE_STATE_COUNTED, GATE_STACK_STATE(%rsp)
        leaq    GATE_STACK_FRAME(%rsp), %rcx
        call    gate_leave

        movq    GATE_STACK_RESULT(%rsp), %rax
        lock decl gate_in_flight(%rip)
        addq    $GATE_STACK_SIZE, %rsp
        ret
        .globl  gate_code_end
gate_code_end:
        .seh_handler gate_handler, @unwind
        .seh_endproc
