/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/gate.h"

#include <windows.h>

#include "windows/agent/hook/gate_layout.h"

volatile long gate_in_flight;
void *gate_trampolines[GATE_COUNT];

_Static_assert(sizeof(struct gate_frame) == GATE_FRAME_SIZE, "the assembler part zeroes the frame");
_Static_assert(GATE_FRAME_SIZE % 16 == 0, "the frame is zeroed 16 bytes at a time");
_Static_assert(GATE_STACK_SIZE % 16 == 8, "RSP is a multiple of 16 at every call");

extern const unsigned char gate_entries[GATE_COUNT][GATE_ENTRY_SIZE];

/* Named by the unwind data of the gate's body. */
EXCEPTION_DISPOSITION gate_handler(EXCEPTION_RECORD *record, void *stack, CONTEXT *context,
                                   DISPATCHER_CONTEXT *dispatcher);

void *gate_entry(unsigned index)
{
    return index < GATE_COUNT ? (void *)gate_entries[index] : NULL;
}

/*
 * Called while an exception removes a gate's frame. `stack` is RSP as the body has it, because the
 * body has no frame register. The state is cleared first: should two unwinds collide, the second
 * finds nothing left to do.
 */
EXCEPTION_DISPOSITION gate_handler(EXCEPTION_RECORD *record, void *stack, CONTEXT *context,
                                   DISPATCHER_CONTEXT *dispatcher)
{
    unsigned char *bytes = stack;
    volatile unsigned *state = (volatile unsigned *)(void *)(bytes + GATE_STACK_STATE);
    unsigned before = *state;

    (void)context;
    (void)dispatcher;
    if (!(record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)))
        return ExceptionContinueSearch;
    *state = 0;
    if (before == GATE_STATE_ENTERED)
        gate_leave((struct gate_frame *)(void *)(bytes + GATE_STACK_FRAME));
    if (before == GATE_STATE_ENTERED || before == GATE_STATE_COUNTED)
        InterlockedDecrement(&gate_in_flight);
    return ExceptionContinueSearch;
}
