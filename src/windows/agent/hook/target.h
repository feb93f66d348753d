/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function to be hooked: where it really begins, how long it is, how it unwinds.
 *
 * hook.c asks while it prepares a set; nothing is changed or kept. The facts come from VirtualQuery
 * and from the module's own unwind tables.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_TARGET_H
#define RPCFW_WINDOWS_AGENT_HOOK_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target {
    uint8_t *code;
    size_t length; /* bytes that may be read; the whole function where its tables tell */
    const uint8_t *unwind_info; /* NULL: a function without stack frame */
    size_t unwind_length;       /* bytes that may be read there */
};

/* Returns NULL and fills *out, or why `function` cannot be hooked: constant text. */
const char *target_resolve(void *function, struct target *out);

#endif
