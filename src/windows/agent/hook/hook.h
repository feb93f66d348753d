/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inline hooks, several at a time: all of a set are installed or none.
 *
 * The agent's own threads drive a set through prepare → install → remove → quiescent → free, one
 * thread at a time and never from DllMain (other threads are suspended on the way). The set owns
 * the relays, the trampolines and their unwind data. The hooked modules must stay loaded until the
 * set is freed.
 *
 * Nothing in a target changes before install, and nothing at all when a target is refused. Pages
 * are never writable and executable at once, except the target's own while the five bytes change.
 */
#ifndef RPCFW_WINDOWS_AGENT_HOOK_HOOK_H
#define RPCFW_WINDOWS_AGENT_HOOK_HOOK_H

#include <windows.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "windows/agent/hook/suspension.h"
#include "windows/agent/hook/trampoline.h"

#define HOOK_SET_CAPACITY 16

/* One wish: calls of `target` go to `entry`, which finds the original in *original. */
struct hook_request {
    const char *name; /* for reports; must outlive the set */
    void *target;     /* a function; import thunks and jumps within modules are followed */
    void *entry;      /* gate_entry(i) */
    void **original;  /* &gate_trampolines[i]; filled in by hook_set_prepare */
};

struct hook {
    const char *name;
    uint8_t *target;     /* what is patched, after the jumps were followed */
    const char *refusal; /* why it cannot be hooked; NULL: it can. Constant text */
    DWORD error;         /* the Win32 error behind the refusal, or 0 */
    bool shared;         /* an earlier hook of the set has the same target: not patched twice */
    uint8_t before[TRAMPOLINE_PATCH_SIZE];
    uint8_t patch[TRAMPOLINE_PATCH_SIZE];
};

/* Relays and trampolines that serve the targets within reach: a page of code, a page of unwind
 * data. */
struct hook_block {
    uint8_t *base;
    unsigned slots;
    bool unwind_known; /* the system was told about the unwind data */
};

/* `{0}` before prepare and after free. Read the members, write none. */
struct hook_set {
    struct hook hooks[HOOK_SET_CAPACITY];
    unsigned count;
    struct hook_block blocks[HOOK_SET_CAPACITY];
    unsigned block_count;
    struct suspension suspension;
    bool installed;
    const char *failure; /* why the last step failed; NULL after success. Constant text */
    DWORD error;         /* the Win32 error behind it, or 0 */
};

/*
 * Builds everything for `count` (1 to 16) requests. Returns false when any is refused, or on
 * failure: see hooks[].refusal and `failure`; the memory is given back, the reasons stay, and
 * hook_set_free is optional.
 */
bool hook_set_prepare(struct hook_set *set, const struct hook_request *requests, unsigned count);

/* Patches all targets at once. Returns false, with every target as it was, for the reason in
 * `failure`. */
bool hook_set_install(struct hook_set *set);

/*
 * Puts all original bytes back at once. Returns false, with every hook still in place, when someone
 * else has changed a patched target since (`failure` says so, and the hook's `refusal`), or when
 * the process cannot be held. Calls may still be on their way through the relays afterwards: see
 * hook_set_quiescent.
 */
bool hook_set_remove(struct hook_set *set);

/*
 * Whether, at one moment, *in_flight (may be NULL) was 0 and no other thread stood in the set's
 * relays and trampolines or in one of `ranges`. Once true after hook_set_remove, it stays true as
 * far as hooks lead there: then the set can be freed and the module of the gates unloaded.
 */
bool hook_set_quiescent(struct hook_set *set, const struct code_range *ranges, size_t count,
                        const volatile long *in_flight);

/*
 * The same, and no other thread was created to run a routine in one of `ranges`: none that has
 * begun there, wherever it stands now, and none that has yet to begin.
 */
bool hook_set_deserted(struct hook_set *set, const struct code_range *ranges, size_t count,
                       const volatile long *in_flight);

/*
 * Lets threads that were created for a routine in one of `ranges` and left suspended begin: whoever
 * created them died before resuming them, and hook_set_deserted would wait for them for ever.
 */
void hook_set_release_starts(struct hook_set *set, const struct code_range *ranges, size_t count);

/* Gives the memory back. Not while installed (it then does nothing), nor before the set is
 * quiescent. */
void hook_set_free(struct hook_set *set);

#endif
