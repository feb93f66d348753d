/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guarded_call (guarded_call.h) for 32-bit x86: a record in the thread's chain of exception handlers
 * around the one call. Of the eight arguments the lower words are passed; the callee removes those
 * that it takes (stdcall), and what is left goes with the stack pointer.
 *
 * From EBP: 8 function, 12 arguments, 16 raised; -4 to -12 saved registers. The record, below them:
 * next, handler, saved EBP.
 */
/* Tests without Windows have one of another name. */
#ifndef RTL_UNWIND
#define RTL_UNWIND _RtlUnwind@16
#endif

        .text
        .balign 16
        .globl  _guarded_call
_guarded_call:
        pushl   %ebp
        movl    %esp, %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    16(%ebp), %eax
        movb    $0, (%eax)
        pushl   %ebp
        pushl   $guarded_handler
        pushl   %fs:0
        movl    %esp, %fs:0
        movl    %esp, %ebx
        movl    12(%ebp), %ecx
        .set    at, 56
        .rept   8
        pushl   at(%ecx)
        .set    at, at - 8
        .endr
        call    *8(%ebp)
        movl    %ebx, %esp
        popl    %fs:0
        jmp     finish
landing:
        popl    %fs:0
        movl    16(%ebp), %eax
        movb    $1, (%eax)
        xorl    %eax, %eax
finish:
        xorl    %edx, %edx              /* the result is 64 bits wide */
        leal    -12(%ebp), %esp
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret

/*
 * The handler (exception, record, context, dispatcher): takes every exception, has the frames below
 * unwound, and goes on at the landing with the stack as the record knows it. RtlUnwind keeps no
 * register but ESP. While frames are unwound, EXCEPTION_UNWINDING (2) or EXCEPTION_EXIT_UNWIND (4),
 * there is nothing to do here.
 */
        .balign 16
guarded_handler:
        movl    4(%esp), %eax
        testl   $6, 4(%eax)
        jnz     search
        movl    8(%esp), %ecx
        pushl   %ecx
        pushl   $0
        pushl   %eax
        pushl   $unwound
        pushl   %ecx
        call    RTL_UNWIND
unwound:
        popl    %ecx
        movl    %ecx, %esp
        movl    8(%ecx), %ebp
        jmp     landing
search:
        movl    $1, %eax                /* ExceptionContinueSearch */
        ret
