/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Protects Samba's processes that no agent came into by itself: those of a Samba that was started
 * with a cleaned environment, by hand, or before the agent was installed.
 *
 * A thread of its own, for bringing an agent in takes a while. Woken by the kernel when a program
 * is started, else every few seconds; and what it cannot protect it tells, once for each process,
 * as an event through the ring.
 */
#ifndef RPCFW_SAMBA_PROCESS_WATCH_H
#define RPCFW_SAMBA_PROCESS_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "samba/state/event_ring.h"
#include "samba/state/process_table.h"
#include "samba/state/service_page.h"

/* Processes that something was done about; the oldest are forgotten. */
#define WATCH_SEEN_MAX 8192

struct watched_process {
    uint32_t pid;
    uint64_t start_time;
    unsigned tries; /* to protect it that failed */
    bool told;      /* that it cannot be protected */
    bool unlisted;  /* the process table had no room for it */
};

struct process_watch {
    int directory;
    const char *agent_path;
    struct process_table *table;
    struct event_ring *ring;
    struct service_page *page;
    struct ring_origin self;
    int stop;   /* eventfd */
    int events; /* process_events.h; negative: not to be had */
    bool running;
    bool full_told; /* that the process table is full */
    pthread_t thread;
    unsigned next_seen;
    struct watched_process seen[WATCH_SEEN_MAX];
};

/* `agent_path`: what is loaded; NULL: the installed agent. Everything lives longer than the watch.
 * 0 or -errno. */
int process_watch_start(struct process_watch *watch, int directory, const char *agent_path,
                        struct process_table *table, struct event_ring *ring,
                        struct service_page *page);

/* Ends the thread; a process that is being protected is finished first. */
void process_watch_stop(struct process_watch *watch);

#endif
