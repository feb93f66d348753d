/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events on their way from the agents to the service: the file "events", a bounded ring that all
 * protected processes map.
 *
 * Any number of processes put, the service takes. Nobody waits: no lock, no heap, and no system
 * call but the one that wakes a sleeping service. A put into a full ring is refused and counted.
 * The ring outlives every process: what a host left in it when it died is still written. A process
 * that is killed in the middle of a put leaves a cell that is never finished; the service steps
 * over it when its owner is dead, and counts it as dropped. (A process that is held there by a
 * debugger holds up the events behind its own; event_ring_held_up_by() names it.)
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
    uint32_t pid;        /* of the putter */
    uint64_t start_time; /* process_start_time() of it; 0: not known, and then only its PID tells
                            whether a putter is dead */
    uint32_t about;      /* PID of the process that the event tells of; 0: the putter's */
    char process_name[64];
    char executable[192];
};

struct event_ring;

/* Maps the ring for writing, creating it when it is missing. 0 or -errno; -EPROTO: another version
 * or another size of events. */
int event_ring_map(int directory, struct state_mapping *mapping);

static inline struct event_ring *event_ring_of(const struct state_mapping *mapping)
{
    return (struct event_ring *)mapping->bytes;
}

/* False: full, counted. `event->function` is not carried over. Any process, any thread. */
bool event_ring_put(struct event_ring *ring, const struct ring_origin *origin,
                    const struct event *event);

/*
 * The same, but false, and counted, already when no more than `spare` cells are free: for events
 * that a client can make without end, so that those which matter more still find room behind them.
 */
bool event_ring_put_sparing(struct event_ring *ring, const struct ring_origin *origin,
                            const struct event *event, uint32_t spare);

/* Counts an event as dropped that was not even put: its maker makes too many. Any process. */
void event_ring_refuse(struct event_ring *ring);

/* How many cells are taken now, for status. Any process. */
uint32_t event_ring_fill(const struct event_ring *ring);

/*
 * ---- The service alone ----
 *
 * It looks at events, writes them, and releases them when they are written: a service that is
 * killed in between leaves them to its successor.
 */

/*
 * The event that is `ahead` (0: the oldest) of those not yet released;
 * its texts are zero-terminated and its numbers in range whatever the putter wrote, its function is
 * NULL. False: it is not ready, and none behind it is told before it.
 */
bool event_ring_look(struct event_ring *ring, uint32_t ahead, struct ring_origin *origin,
                     struct event *event);

/* Gives back the cells of the oldest `count` events that were looked at. */
void event_ring_release(struct event_ring *ring, uint32_t count);

/* Counts the releases of all times: tells, after a restart, what was released. */
uint64_t event_ring_position(const struct event_ring *ring);

/* Sleeps until something is put, event_ring_stir() is called or `timeout_ms` is over. */
void event_ring_wait(struct event_ring *ring, unsigned timeout_ms);

/* Makes the wait end, and the next one return at once if none is going on. Safe in a signal
 * handler. */
void event_ring_stir(struct event_ring *ring);

/* How many were dropped and not told yet; and that `count` of them are told now. */
uint64_t event_ring_dropped(const struct event_ring *ring);
void event_ring_dropped_told(struct event_ring *ring, uint64_t count);

/* The PID of the living process whose unfinished put holds up the events behind it; 0: none. */
uint32_t event_ring_held_up_by(const struct event_ring *ring);

#endif
