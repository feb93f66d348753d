/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between 64- and 32-bit x86 for the hook engine: where a thread stands, where a
 * function ends, and what the system must know of a trampoline to unwind through it (on 32-bit x86
 * nothing: frames are chained at run time). One file for each; called by hook.c, target.c and
 * suspension.c while hooks are prepared, installed and removed, never on the path of a call.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_MACHINE_H
#define RPCFW_WINDOWS_AGENT_HOOK_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "windows/agent/hook/target.h"
#include "windows/agent/hook/trampoline.h"

#define MACHINE_SLOTS     16   /* trampolines that a page describes */
#define MACHINE_PAGE_SIZE 4096 /* bytes of it, behind the page of code */

/* The instruction that a thread with this context runs next. */
uintptr_t machine_position(const CONTEXT *context);

/*
 * Narrows target->length to the function's end, where that is known, and finds its unwind data
 * (unwind_info, or NULL). Returns why it cannot be hooked, or NULL.
 */
const char *machine_find_bounds(struct target *target);

/*
 * Writes into `page`, which lies right behind a page of code, what describes the trampoline of that
 * slot, `code` bytes above the beginning of the page of code. Returns why it cannot, or NULL.
 */
const char *machine_describe(uint8_t *page, unsigned slot, uint32_t code,
                             const struct target *target, const struct trampoline *trampoline);

/* Tells the system of the first `slots` trampolines; false: it does not take it. */
bool machine_publish(uint8_t *page, unsigned slots);
void machine_withdraw(uint8_t *page);

#endif
