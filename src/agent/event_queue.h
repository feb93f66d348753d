/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way from the RPC threads to the writer.
 *
 * A bounded ring: any number of threads put, one thread takes. Nobody waits for anybody: no lock,
 * no heap, no system call. A put into a full queue is refused and counted, so that a slow event log
 * costs records and never a call. A thread that is ended in the middle of a put leaves its cell
 * unfinished and the queue stops there: later puts are then counted as dropped.
 */
#ifndef RPCFW_AGENT_EVENT_QUEUE_H
#define RPCFW_AGENT_EVENT_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"

struct event_cell {
    atomic_size_t turn; /* position whose put may use the cell; that position + 1: whose take may */
    struct event event;
};

/* `head` has a cache line of its own: the taker writes it for each event, and no putter reads it.
 */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): that is what the padding is for */
struct event_queue {
    struct event_cell *cells;
    size_t mask;              /* capacity - 1 */
    atomic_size_t tail;       /* the next position to put */
    atomic_ullong drops;      /* since event_queue_take_dropped() */
    atomic_bool signalled;    /* the taker was told that there is work */
    _Alignas(64) size_t head; /* the next position to take */
};

/*
 * `capacity` is a power of two, at least 2, and the number of `cells`, which stay the caller's and
 * live as long as the queue. False: it is not. Before any other thread knows the queue.
 */
bool event_queue_init(struct event_queue *queue, struct event_cell *cells, size_t capacity);

enum event_queue_put {
    EVENT_QUEUE_WAKE,    /* queued, and the taker may be asleep: wake it */
    EVENT_QUEUE_QUEUED,  /* queued, and somebody else wakes or woke the taker */
    EVENT_QUEUE_DROPPED, /* full: counted */
};

/* Copies the event into the queue. Any thread. */
enum event_queue_put event_queue_put(struct event_queue *queue, const struct event *event);

/* Takes the oldest event; false when there is none. The taker alone, like the two below. */
bool event_queue_take(struct event_queue *queue, struct event *event);

/* From now on the next put asks for a wake again: to be called after waking and before taking what
 * there is. */
void event_queue_awake(struct event_queue *queue);

/* How many events were dropped since the last time this was asked: each is told exactly once. */
uint64_t event_queue_take_dropped(struct event_queue *queue);

#endif
