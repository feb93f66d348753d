/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind data for trampolines: without it an exception that passes a moved instruction (a call in
 * the prologue, a fault) could not find the frames above, and the host would die of it.
 *
 * Pure, like trampoline.h: reads the UNWIND_INFO of the hooked function and writes the one of its
 * trampoline, the same prologue operations at the places where they now happen. hook.c hands it to
 * the system.
 *
 * Source: Microsoft, "x64 exception handling", struct UNWIND_INFO, versions 1 and 2.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_UNWIND_H
#define RPCFW_WINDOWS_AGENT_HOOK_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "windows/agent/hook/trampoline.h"

/* Header and 256 codes: enough for any function; what a trampoline keeps is far less. */
#define UNWIND_INFO_MAX_SIZE   (4 + 2 * 256)
#define UNWIND_TRAMPOLINE_SIZE 64

/*
 * Translates `info` (`available` bytes may be read) for `trampoline`. Exception handlers are left
 * out: their scopes are ranges of the function, not of the trampoline. Returns false for unwind
 * data that is damaged, of another version, or part of a chain.
 */
bool unwind_translate(const uint8_t *info, size_t available, const struct trampoline *trampoline,
                      uint8_t out[UNWIND_TRAMPOLINE_SIZE]);

#endif
