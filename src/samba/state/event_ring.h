/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events on their way from the agents to the service: the file "events", a bounded ring that all
 * protected processes map.
 *
 * Any number of processes put, the service takes. Nobody waits: no lock, no heap, and no system
 * call but the one that wakes a sleeping service. A put into a full ring is refused and counted.
 * The ring outlives every process: what a host left in it when it died is still written. A process
 * that is killed in the middle of a put leaves a cell that is never finished; the service steps
 * over it when its owner is dead, and counts it as dropped.
 */
#ifndef RPCFW_SAMBA_EVENT_RING_H
#define RPCFW_SAMBA_EVENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "samba/state/state_directory.h"

#define EVENT_RING_MAGIC    0x474e4952u /* "RING" */
#define EVENT_RING_VERSION  1u
#define EVENT_RING_CAPACITY 4096u /* a power of two */

/* Who an event comes from; fixed room, so that a cell needs no other. Zero-terminated UTF-8. */
struct ring_origin {
    uint32_t pid;
    char process_name[60];
    char executable[192];
};

struct event_ring;

/* Maps the ring for writing, creating it when it is missing. 0 or -errno; -EPROTO: another version
 * or another size of events. */
int event_ring_map(int directory, struct state_mapping *mapping);

/* False: full, counted. `event->function` is not carried over. Any process, any thread. */
bool event_ring_put(struct event_ring *ring, const struct ring_origin *origin,
                    const struct event *event);

/* ---- The service alone ---- */

/* Takes the oldest event; its texts are zero-terminated whatever the putter wrote, its function is
 * NULL. False: none is ready. */
bool event_ring_take(struct event_ring *ring, struct ring_origin *origin, struct event *event);

/* Sleeps until something is put or `timeout_ms` is over. */
void event_ring_wait(struct event_ring *ring, unsigned timeout_ms);

/* How many were dropped since this was asked last. */
uint64_t event_ring_take_dropped(struct event_ring *ring);

/* How many cells are taken now, for status. */
uint32_t event_ring_fill(const struct event_ring *ring);

#endif
