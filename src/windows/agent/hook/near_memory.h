/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory within reach of a 32-bit relative jump.
 *
 * hook.c calls it while it prepares a set, from the agent's own threads; it owns nothing and keeps
 * no state.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_NEAR_MEMORY_H
#define RPCFW_WINDOWS_AGENT_HOOK_NEAR_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of [base, base + size) can reach `target`, and be reached from it, with room for an
 * instruction. */
bool near_memory_reaches(const void *base, size_t size, const void *target);

/*
 * Reserves and commits `size` bytes (at most 64 KiB), readable and writable, not executable, as
 * near below or above `target` as there is room. Free with VirtualFree(…, 0, MEM_RELEASE). NULL
 * when nothing within reach is free; GetLastError then tells ERROR_NOT_ENOUGH_MEMORY.
 */
void *near_memory_allocate(const void *target, size_t size);

#endif
