/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy in force in this process, and whether a newer one was published.
 *
 * Asked before each call: one load and one comparison. Only when the number changed are files
 * opened, mapped and validated, on the calling thread, before the call is judged; so each call is
 * judged by exactly one generation. A generation that cannot be taken leaves the last good one in
 * force and is tried again when a second has passed or another is published. Owned by the judge;
 * one thread.
 */
#ifndef RPCFW_SAMBA_POLICY_WATCH_H
#define RPCFW_SAMBA_POLICY_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "samba/state/control_page.h"

struct policy_watch {
    const struct control_page *control; /* NULL: no policy ever */
    struct policy_view view;            /* of generation 0: nothing is judged */
    uint64_t refused;                   /* this generation could not be taken; 0: none */
    uint64_t retry_ms;                  /* not before this moment of CLOCK_MONOTONIC_COARSE */
    enum policy_view_error error;       /* why it was refused */
};

static inline bool policy_watch_is_behind(const struct policy_watch *watch)
{
    return watch->control && atomic_load_explicit(&watch->control->generation,
                                                  memory_order_acquire) != watch->view.generation;
}

enum policy_watch_result {
    POLICY_WATCH_SAME,
    POLICY_WATCH_TAKEN,   /* view.generation is in force from now on */
    POLICY_WATCH_REFUSED, /* `refused` and `error` say what and why; told once for a generation */
};

/* Takes the newest generation if it is another than the one in force. */
enum policy_watch_result policy_watch_refresh(struct policy_watch *watch);

/* Lets go of the policy. */
void policy_watch_close(struct policy_watch *watch);

#endif
