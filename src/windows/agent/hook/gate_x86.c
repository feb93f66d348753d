/* SPDX-License-Identifier: Apache-2.0 */
/* Free of Windows' headers, so that tests can run it without Windows. */
#include "windows/agent/hook/gate.h"

#include <stddef.h>

#include "windows/agent/hook/gate_layout_x86.h"

/* [MS winnt.h] EXCEPTION_UNWINDING, EXCEPTION_EXIT_UNWIND; EXCEPTION_DISPOSITION. */
#define FLAGS_OF_UNWINDING 0x6u
#define CONTINUE_SEARCH    1

volatile long gate_in_flight;
void *gate_trampolines[GATE_COUNT];

_Static_assert(sizeof(struct gate_frame) == GATE_FRAME_SIZE, "the assembler part zeroes the frame");
_Static_assert(GATE_STACK_FRAME % 16 == 0, "the frame is aligned as its type says");

extern const unsigned char gate_entries[GATE_COUNT][GATE_ENTRY_SIZE];

/* The beginning of EXCEPTION_RECORD. */
struct exception {
    uint32_t code;
    uint32_t flags;
};

/* Named by the gate's body. */
int gate_handler(const struct exception *exception, void *record, void *context, void *dispatcher);

void *gate_entry(unsigned index)
{
    return index < GATE_COUNT ? (void *)(uintptr_t)gate_entries[index] : NULL;
}

/*
 * Called while an exception removes a gate's frame. The state is cleared first: should two unwinds
 * collide, the second finds nothing left to do.
 */
int gate_handler(const struct exception *exception, void *record, void *context, void *dispatcher)
{
    unsigned char *stack = (unsigned char *)record - GATE_STACK_RECORD;
    volatile unsigned *state = (volatile unsigned *)(void *)(stack + GATE_STACK_STATE);
    unsigned before = *state;

    (void)context;
    (void)dispatcher;
    if (!(exception->flags & FLAGS_OF_UNWINDING))
        return CONTINUE_SEARCH;
    *state = 0;
    if (before == GATE_STATE_ENTERED)
        gate_leave((struct gate_frame *)(void *)(stack + GATE_STACK_FRAME));
    if (before == GATE_STATE_ENTERED || before == GATE_STATE_COUNTED)
        __atomic_sub_fetch(&gate_in_flight, 1, __ATOMIC_SEQ_CST);
    return CONTINUE_SEARCH;
}
