/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's stack frame on 32-bit x86, in bytes above ESP, shared by its assembler and its C part
 * and nobody else. ESP is a multiple of 16 in the body.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_GATE_LAYOUT_X86_H
#define RPCFW_WINDOWS_AGENT_HOOK_GATE_LAYOUT_X86_H

#include "windows/agent/hook/gate.h"

#define GATE_ARGUMENT_COUNT 4

/* First what the callees take. The exception record is the next record and the handler; the handler
 * finds the rest by its distance from it. */
#define GATE_STACK_RECORD    16
#define GATE_STACK_STATE     (GATE_STACK_RECORD + 8)
#define GATE_STACK_INDEX     (GATE_STACK_STATE + 4)
#define GATE_STACK_FRAME     (GATE_STACK_INDEX + 4)
#define GATE_STACK_ARGUMENTS (GATE_STACK_FRAME + GATE_FRAME_SIZE)
#define GATE_STACK_RESULT    (GATE_STACK_ARGUMENTS + 4 * GATE_ARGUMENT_COUNT)
#define GATE_STACK_SIZE      (GATE_STACK_RESULT + 16)

/* The state: what is left to do when the frame is unwound. */
#define GATE_STATE_COUNTED 1 /* the call is counted; gate_leave has begun or is done */
#define GATE_STATE_ENTERED 2 /* the call is counted, and gate_enter was called */

/* Bytes from one entry to the next. */
#define GATE_ENTRY_SIZE 16

#endif
