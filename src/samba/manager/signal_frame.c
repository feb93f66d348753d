/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/signal_frame.h"

#include <signal.h>
#include <string.h>

#define RED_ZONE       128
#define DIRECTION_FLAG 0x400u
#define TRAP_FLAG      0x100u

/* [asm/ucontext.h] The frame tells its stack segment, and that it is to be taken as it is. */
#define FRAME_SIGCONTEXT_SS     0x2u
#define FRAME_STRICT_RESTORE_SS 0x4u

/* No mode of an alternate stack: rt_sigreturn then leaves the one that is set. */
#define STACK_MODE_INVALID 0x40

/* The part of struct rt_sigframe that rt_sigreturn reads. */
struct kernel_frame {
    uint64_t return_address;
    uint64_t flags;
    uint64_t link;
    stack_t alternate_stack;
    struct sigcontext context;
    uint64_t signal_mask;
};

_Static_assert(sizeof(stack_t) == 24 && sizeof(struct sigcontext) == 256 &&
                   sizeof(struct kernel_frame) == 312 &&
                   offsetof(struct sigcontext, fpstate) == 184,
               "struct rt_sigframe of x86-64");
_Static_assert(sizeof(struct user_fpregs_struct) == 512, "FXSAVE area");
_Static_assert(SIGNAL_FRAME_SIZE >= SIGNAL_FRAME_TEXT_MAX + 512 + 312 + 96, "room for any frame");

static void put_context(struct kernel_frame *frame, const struct user_regs_struct *from)
{
    struct sigcontext *to = &frame->context;
    to->r8 = from->r8;
    to->r9 = from->r9;
    to->r10 = from->r10;
    to->r11 = from->r11;
    to->r12 = from->r12;
    to->r13 = from->r13;
    to->r14 = from->r14;
    to->r15 = from->r15;
    to->rdi = from->rdi;
    to->rsi = from->rsi;
    to->rbp = from->rbp;
    to->rbx = from->rbx;
    to->rdx = from->rdx;
    to->rax = from->rax;
    to->rcx = from->rcx;
    to->rsp = from->rsp;
    to->rip = from->rip;
    to->eflags = from->eflags;
    to->cs = (unsigned short)from->cs;
    to->__pad0 = (unsigned short)from->ss; /* the kernel's name for it is ss */
}

/* Without a magic number in its reserved bytes the kernel takes the 512 bytes alone. */
static void put_floating(unsigned char *to, const struct user_fpregs_struct *from)
{
    enum { RESERVED = 464, RESERVED_SIZE = 48 };
    memcpy(to, from, sizeof(*from));
    memset(to + RESERVED, 0, RESERVED_SIZE);
}

int signal_frame_build(const struct signal_frame_call *call, struct signal_frame *frame)
{
    size_t text_size = call->text ? strlen(call->text) + 1 : 0;
    if (text_size > SIGNAL_FRAME_TEXT_MAX) {
        return -1;
    }
    uint64_t end = call->context.rsp - RED_ZONE;
    uint64_t text = end - text_size;
    uint64_t floating = (text - sizeof(call->floating)) & ~63ull;
    /* A function begins with a stack pointer 8 below a multiple of 16. */
    uint64_t top = ((floating - sizeof(struct kernel_frame)) & ~15ull) - 8;

    struct kernel_frame kernel = {
        .return_address = call->restorer,
        .flags = FRAME_SIGCONTEXT_SS | FRAME_STRICT_RESTORE_SS,
        .alternate_stack.ss_flags = STACK_MODE_INVALID,
        .signal_mask = call->signal_mask,
    };
    put_context(&kernel, &call->context);
    kernel.context.fpstate = (struct _fpstate *)(uintptr_t)floating;

    frame->address = top;
    frame->size = (size_t)(end - top);
    memset(frame->bytes, 0, sizeof(frame->bytes));
    memcpy(frame->bytes, &kernel, sizeof(kernel));
    put_floating(frame->bytes + (floating - top), &call->floating);
    if (call->text) {
        memcpy(frame->bytes + (text - top), call->text, text_size);
    }

    frame->start = call->context;
    frame->start.rip = call->function;
    frame->start.rsp = top;
    frame->start.rdi = call->text ? text : call->argument[0];
    frame->start.rsi = call->argument[1];
    frame->start.rax = 0;
    frame->start.orig_rax = UINT64_MAX; /* no system call to restart */
    frame->start.eflags &= ~(uint64_t)(DIRECTION_FLAG | TRAP_FLAG);
    return 0;
}

uint64_t signal_frame_return_stack(const struct signal_frame *frame)
{
    return frame->address + sizeof(uint64_t);
}
