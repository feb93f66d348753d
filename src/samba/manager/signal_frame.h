/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stack of a function that a manager makes another process call, x86-64.
 *
 * It looks as if the kernel had delivered a signal: the function's return address leads to libc's
 * rt_sigreturn, which finds the interrupted context above it. So the process restores itself
 * whatever becomes of the manager. Pure: builds bytes, touches no process.
 * [Linux: arch/x86/kernel/signal_64.c, struct rt_sigframe; System V ABI: red zone, alignment]
 */
#ifndef RPCFW_SAMBA_MANAGER_SIGNAL_FRAME_H
#define RPCFW_SAMBA_MANAGER_SIGNAL_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#define SIGNAL_FRAME_TEXT_MAX 4096 /* with its zero */
#define SIGNAL_FRAME_SIZE     5120 /* room for any frame */

/* What is called and what is gone back to. */
struct signal_frame_call {
    struct user_regs_struct context; /* to restore, as it is */
    struct user_fpregs_struct floating;
    uint64_t signal_mask; /* to restore */
    uint64_t restorer;    /* address of rt_sigreturn's caller in libc */
    uint64_t function;
    uint64_t argument[2];
    const char *text; /* when not NULL, argument 0 becomes the address of a copy */
};

struct signal_frame {
    uint64_t address; /* where `bytes` go; also the stack pointer of the call */
    size_t size;
    struct user_regs_struct start; /* the registers that begin the call */
    unsigned char bytes[SIGNAL_FRAME_SIZE];
};

/* -1: the text is too long. */
int signal_frame_build(const struct signal_frame_call *call, struct signal_frame *frame);

/* The stack pointer with which the process will ask for rt_sigreturn. */
uint64_t signal_frame_return_stack(const struct signal_frame *frame);

#endif
