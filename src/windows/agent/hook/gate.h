/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: what a hooked function runs through on its way in and out.
 *
 * One entry per hook. An entry counts the call in flight, calls gate_enter with the saved
 * arguments, then the original function through its trampoline, then gate_leave, and returns what
 * the original returned. It runs on the threads of the host, inside its RPC calls; it takes no lock
 * and no memory but its own stack frame.
 *
 * What is guaranteed to whoever implements gate_enter and gate_leave:
 *  - the frame is zeroed before gate_enter and is the same memory for both;
 *  - for each gate_enter that was called, gate_leave is called exactly once: after the original has
 * returned, or while an exception unwinds, be it raised by the original or by gate_enter itself (so
 * gate_leave must read from the frame how far gate_enter came);
 *  - gate_in_flight falls exactly once per call, after gate_leave;
 *  - before the count rises and after it has fallen the gate calls nothing. So when gate_in_flight
 * is 0 and no thread stands in this module or in a relay, nobody will return into the module.
 * hook_set_quiescent tells.
 *
 * Limits: integer arguments only, at most four, as the RPC runtime's entry points have; an integer
 * or no result. A thread that ends inside the original (ExitThread) without unwinding stays
 * counted.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_GATE_H
#define RPCFW_WINDOWS_AGENT_HOOK_GATE_H

/* The assembler part includes this file for the numbers alone. */
#define GATE_COUNT      16
#define GATE_FRAME_SIZE 128 /* bytes that gate_enter and gate_leave share; multiple of 16 */

#ifndef __ASSEMBLER__

#include <stdint.h>

struct gate_frame {
    _Alignas(16) unsigned char bytes[GATE_FRAME_SIZE];
};

/* The first arguments in their order: rcx, rdx, r8, r9, or the words on the stack of 32-bit x86. A
 * function with fewer leaves the rest undefined. */
struct gate_arguments {
    uintptr_t value[4];
};

/* Calls between the two counts, on all gates together. Read it with hook_set_quiescent. */
extern volatile long gate_in_flight;

/* Where each gate finds its original; hook requests point here, and hook_set_prepare fills it in.
 */
extern void *gate_trampolines[GATE_COUNT];

/* The code to hook a function with: the `entry` of hook request number `index`, below GATE_COUNT.
 */
void *gate_entry(unsigned index);

/* One past the last byte of gate code, which begins at gate_entry(0): for hosts that watch less
 * than a module. */
extern const unsigned char gate_code_end[];

/*
 * Implemented by the agent. `args` (struct gate_arguments) are the caller's values; a change to
 * them reaches the original. gate_enter may raise to refuse the call.
 */
void gate_enter(struct gate_frame *frame, unsigned hook_index, const void *args);

/* Implemented by the agent. Must not raise. */
void gate_leave(struct gate_frame *frame);

#endif
#endif
