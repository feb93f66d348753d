/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of the gate and their common body for 32-bit x86; gate.h says what they guarantee,
 * gate_layout_x86.h has the frame.
 *
 * Arguments lie on the stack and the callee removes them (stdcall), how many is not known here: four
 * words are copied, and what the original removes is removed again on the way back. The exception
 * handler is found through a record in the thread's chain, which begins at fs:0.
 */
#include "windows/agent/hook/gate_layout_x86.h"

        .text

/* One entry per hook: its number in eax, which carries no argument. */
        .balign GATE_ENTRY_SIZE
        .globl  _gate_entries
_gate_entries:
        .set    index, 0
        .rept   GATE_COUNT
        .balign GATE_ENTRY_SIZE
        movl    $index, %eax
        jmp     gate_body
        .set    index, index + 1
        .endr

        .balign 16
gate_body:
        pushl   %ebp
        movl    %esp, %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        subl    $GATE_STACK_SIZE, %esp
        andl    $-16, %esp
        movl    %esp, %esi
        lock incl _gate_in_flight

        movl    %eax, GATE_STACK_INDEX(%esi)
        movl    $GATE_STATE_ENTERED, GATE_STACK_STATE(%esi)
        .set    at, 0
        .rept   GATE_ARGUMENT_COUNT
        movl    8+at(%ebp), %ecx
        movl    %ecx, GATE_STACK_ARGUMENTS+at(%esi)
        .set    at, at + 4
        .endr
        leal    GATE_STACK_FRAME(%esi), %edi
        movl    $GATE_FRAME_SIZE / 4, %ecx
        xorl    %eax, %eax
        cld
        rep stosl

        movl    %fs:0, %ecx
        movl    %ecx, GATE_STACK_RECORD(%esi)
        movl    $_gate_handler, GATE_STACK_RECORD+4(%esi)
        leal    GATE_STACK_RECORD(%esi), %ecx
        movl    %ecx, %fs:0

        leal    GATE_STACK_FRAME(%esi), %ecx
        movl    %ecx, (%esp)
        movl    GATE_STACK_INDEX(%esi), %ecx
        movl    %ecx, 4(%esp)
        leal    GATE_STACK_ARGUMENTS(%esi), %ecx
        movl    %ecx, 8(%esp)
        call    _gate_enter

        .set    at, 0
        .rept   GATE_ARGUMENT_COUNT
        movl    GATE_STACK_ARGUMENTS+at(%esi), %ecx
        movl    %ecx, at(%esp)
        .set    at, at + 4
        .endr
        movl    GATE_STACK_INDEX(%esi), %eax
        call    *_gate_trampolines(,%eax,4)
        movl    %esp, %edi
        subl    %esi, %edi              /* bytes that the original removed */
        movl    %esi, %esp
        movl    %eax, GATE_STACK_RESULT(%esi)

        movl    $GATE_STATE_COUNTED, GATE_STACK_STATE(%esi)
        leal    GATE_STACK_FRAME(%esi), %ecx
        movl    %ecx, (%esp)
        call    _gate_leave

        movl    GATE_STACK_RECORD(%esi), %ecx
        movl    %ecx, %fs:0
        movl    GATE_STACK_RESULT(%esi), %eax
        movl    %edi, %ecx
        lock decl _gate_in_flight
        leal    -12(%ebp), %esp
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        popl    %edx                    /* the return address */
        addl    %ecx, %esp
        jmp     *%edx
        .globl  _gate_code_end
_gate_code_end:
