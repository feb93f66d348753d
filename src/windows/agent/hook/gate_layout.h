/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's stack frame, in bytes above RSP, shared by its assembler and its C part and nobody
 * else.
 *
 * Windows x64 calling convention: 32 bytes of home space for the callees come first, RSP is a
 * multiple of 16 at a call, so the frame is a multiple of 16 plus the 8 that the return address
 * took.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_GATE_LAYOUT_H
#define RPCFW_WINDOWS_AGENT_HOOK_GATE_LAYOUT_H

#include "windows/agent/hook/gate.h"

#define GATE_STACK_ARGUMENTS 0x20
#define GATE_STACK_FRAME     0x40
#define GATE_STACK_STATE     (GATE_STACK_FRAME + GATE_FRAME_SIZE)
#define GATE_STACK_INDEX     (GATE_STACK_STATE + 8)
#define GATE_STACK_RESULT    (GATE_STACK_INDEX + 8)
#define GATE_STACK_SIZE      (GATE_STACK_RESULT + 8)

/* The state: what is left to do when the frame is unwound. */
#define GATE_STATE_COUNTED 1 /* the call is counted; gate_leave has begun or is done */
#define GATE_STATE_ENTERED 2 /* the call is counted, and gate_enter was called */

/* Bytes from one entry to the next. */
#define GATE_ENTRY_SIZE 16

#endif
