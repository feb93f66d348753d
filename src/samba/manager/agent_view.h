/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What agents tell about themselves, read out of the process table and put in words.
 *
 * Called by the manager and the service; changes nothing. The table is written by processes that
 * may be hostile by now: texts are cut and cleaned, numbers without a meaning get a word too.
 */
#ifndef RPCFW_SAMBA_MANAGER_AGENT_VIEW_H
#define RPCFW_SAMBA_MANAGER_AGENT_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "samba/state/process_table.h"

struct call_numbers {
    uint64_t calls;
    uint64_t binds;
    uint64_t blocked;
    uint64_t would_block;
    uint64_t audited;
    uint64_t dropped;
};

struct agent_view {
    uint32_t pid;
    uint32_t state;   /* enum agent_state */
    uint32_t reason;  /* enum agent_reason */
    uint32_t loading; /* enum agent_loading */
    int32_t error;    /* errno behind the reason, or 0 */
    uint64_t generation;
    uint32_t policy_error; /* enum policy_view_error */
    struct call_numbers numbers;
    char release[17]; /* printable ASCII, as all that follow */
    char samba[17];
    char name[33];
    char detail[129];
};

/* The entry of a living process: of several, that of the agent which protects. False: none. */
bool agent_view_find(const struct process_table *table, pid_t pid, struct agent_view *view);

void call_numbers_read(const struct call_counters *counters, struct call_numbers *numbers);
void call_numbers_add(struct call_numbers *sum, const struct call_numbers *numbers);

const char *agent_state_text(uint32_t state);
const char *agent_loading_text(uint32_t loading);

/* One clause: why a process is not protected, with the agent's details; at most `size` bytes. */
void agent_reason_text(const struct agent_view *view, char *text, size_t size);

#endif
