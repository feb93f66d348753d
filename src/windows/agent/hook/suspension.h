/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All other threads of the process held still, and where each of them stands.
 *
 * hook.c and the agent's unload path use it, one thread at a time, never from DllMain. Between
 * suspend and resume some thread may own the heap's lock, the loader's or any other: the caller
 * does nothing there but read and write memory and make plain system calls. Memory for the list of
 * threads is taken beforehand.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_SUSPENSION_H
#define RPCFW_WINDOWS_AGENT_HOOK_SUSPENSION_H

#include <windows.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses from `begin` up to, not including, `end`. */
struct code_range {
    uintptr_t begin;
    uintptr_t end;
};

/* The position of a thread that has not begun to run: an address that no code has. */
#define SUSPENSION_NOWHERE UINTPTR_MAX

struct suspended_thread {
    HANDLE handle;
    DWORD id;
    uintptr_t position; /* RIP; 0 when it could not be read, SUSPENSION_NOWHERE before its first */
    uintptr_t start;    /* the routine that it was created for; 0 when that is not told */
    DWORD held_before;  /* how often somebody else had suspended it */
};

/* A list of threads; `{0}` before its first use, and reusable. */
struct suspension {
    struct suspended_thread *threads;
    size_t count;
    size_t capacity;
};

/*
 * Suspends every other thread of the process, in passes until one finds no new thread. Returns 0,
 * or a Win32 error with every thread running again: ERROR_NOT_ENOUGH_MEMORY, ERROR_PROC_NOT_FOUND
 * (no NtGetNextThread), ERROR_RETRY (threads appear faster than they can be held).
 */
DWORD suspension_begin(struct suspension *suspension);

/* Whether a held thread stands in one of the ranges, or at a place that is not known. */
bool suspension_touches(const struct suspension *suspension, const struct code_range *ranges,
                        size_t count);

/*
 * Whether a held thread was created to run a routine in one of the ranges: it may not have got
 * there yet, and will.
 */
bool suspension_started_in(const struct suspension *suspension, const struct code_range *ranges,
                           size_t count);

/*
 * Lets those threads go on that were created to run a routine in one of the ranges and that
 * somebody else has suspended: creating a thread from afar is creating it suspended and resuming
 * it, and who did the first may have died before the second. To be followed by suspension_end().
 */
void suspension_release_started_in(const struct suspension *suspension,
                                   const struct code_range *ranges, size_t count);

/* Lets the threads run. The list's memory stays for the next use. */
void suspension_end(struct suspension *suspension);

/* Gives the list's memory back. Only when no thread is held. */
void suspension_free(struct suspension *suspension);

#endif
