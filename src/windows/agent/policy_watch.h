/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the policy in force: from the manager's sections into this process's policy slot.
 *
 * The control page is mapped while the agent lives, so that a call sees a new generation by one
 * read. Whoever sees one first maps and checks it, without waiting for anybody; a generation that
 * cannot be taken leaves the last good one in force and is not tried again by calls. No heap: the
 * views live in a fixed table.
 */
#ifndef RPCFW_WINDOWS_POLICY_WATCH_H
#define RPCFW_WINDOWS_POLICY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/policy_slot.h"
#include "windows/policy_section.h"

/* One more than generations can be alive, so that a view is free while the slot still refuses. */
#define POLICY_WATCH_VIEWS (POLICY_SLOT_ENTRIES + 1)

struct policy_watch_view {
    struct policy_image_view view;
    volatile LONG used;
};

struct policy_watch {
    struct policy_control_view control;
    struct policy_slot slot;
    struct policy_watch_view views[POLICY_WATCH_VIEWS];
    volatile LONG busy;       /* a thread is taking a generation */
    volatile LONG64 refused;  /* the newest generation that is of no use: calls leave it alone */
    volatile LONG64 retry_ms; /* GetTickCount64() before which calls do not try again */
};

/* Opens the control page and takes the newest policy. Nothing is held when it fails. */
enum policy_section_error policy_watch_start(struct policy_watch *watch);

/* Lets go of everything. No call may hold a policy any more. */
void policy_watch_stop(struct policy_watch *watch);

/* Whether a newer generation than the one in force was published and not refused yet. Any thread;
 * two reads. */
bool policy_watch_is_behind(struct policy_watch *watch);

/* Whether the newest generation is in force. Any thread. */
bool policy_watch_is_current(struct policy_watch *watch);

enum policy_watch_result {
    POLICY_WATCH_CURRENT, /* the newest generation is in force already, or another thread is taking
                             it */
    POLICY_WATCH_TAKEN,   /* it is in force now */
    POLICY_WATCH_REFUSED, /* *error says why; the last good one stays */
    POLICY_WATCH_LATER,   /* calls still hold all older generations: try again */
};

/* Takes the newest generation, with its number in *generation, even if it was refused before. Any
 * thread. */
enum policy_watch_result policy_watch_refresh(struct policy_watch *watch, uint64_t *generation,
                                              enum policy_section_error *error);

#endif
