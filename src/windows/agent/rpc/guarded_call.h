/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls a function that may raise a structured exception.
 *
 * Some functions of the RPC runtime raise instead of returning a status, and some runtimes export
 * names behind which nothing but a raise stands. An exception that left the agent would end the
 * host, so whatever describes a call goes through here. Any thread; no state, no allocation.
 *
 * The function must be one that can be unwound. The stubs by which Wine exports what it lacks
 * cannot (they move the stack pointer and have no unwind data): rpc_runtime_load() leaves them out.
 */
#ifndef RPCFW_WINDOWS_GUARDED_CALL_H
#define RPCFW_WINDOWS_GUARDED_CALL_H

#include <stdbool.h>
#include <stdint.h>

/* The most that one guarded function takes. */
#define GUARDED_ARGUMENTS 8

typedef void guarded_function(void);

/*
 * Calls `function`, of at most GUARDED_ARGUMENTS integer or pointer arguments, and returns its RAX.
 * When it raised, *raised is true and the result 0. Every exception is caught, for the functions
 * called here belong to others and the caller can do without their answer. Frames below are
 * unwound, so their handlers run.
 */
uint64_t guarded_call(guarded_function *function, const uint64_t arguments[GUARDED_ARGUMENTS],
                      bool *raised);

#endif
