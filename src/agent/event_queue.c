/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/event_queue.h"

bool event_queue_init(struct event_queue *queue, struct event_cell *cells, size_t capacity)
{
    if (capacity < 2 || (capacity & (capacity - 1)) != 0)
        return false;
    for (size_t i = 0; i < capacity; i++)
        atomic_init(&cells[i].turn, i);
    queue->cells = cells;
    queue->mask = capacity - 1;
    atomic_init(&queue->tail, 0);
    atomic_init(&queue->signalled, false);
    queue->head = 0;
    atomic_init(&queue->drops, 0);
    return true;
}

/* The cell for one more event, which is then the caller's until it moves the turn on; NULL when the
 * queue is full. */
static struct event_cell *claim(struct event_queue *queue, size_t *position)
{
    size_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);

    for (;;) {
        struct event_cell *cell = &queue->cells[tail & queue->mask];
        size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);

        if (turn == tail) {
            if (atomic_compare_exchange_weak_explicit(&queue->tail, &tail, tail + 1,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                *position = tail;
                return cell;
            }
        } else if (turn - tail > SIZE_MAX / 2) {
            return NULL; /* the turn is behind: the event of the round before was not taken yet */
        } else {
            tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
        }
    }
}

enum event_queue_put event_queue_put(struct event_queue *queue, const struct event *event)
{
    size_t position;
    struct event_cell *cell = claim(queue, &position);

    if (!cell) {
        atomic_fetch_add_explicit(&queue->drops, 1, memory_order_relaxed);
        return EVENT_QUEUE_DROPPED;
    }
    cell->event = *event;
    atomic_store_explicit(&cell->turn, position + 1, memory_order_release);
    /*
     * Always an exchange and after the event is in place: who finds the flag set is seen, with its
     * event, by the taker that clears the flag.
     */
    if (atomic_exchange_explicit(&queue->signalled, true, memory_order_acq_rel))
        return EVENT_QUEUE_QUEUED;
    return EVENT_QUEUE_WAKE;
}

bool event_queue_take(struct event_queue *queue, struct event *event)
{
    struct event_cell *cell = &queue->cells[queue->head & queue->mask];
    size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);

    if (turn != queue->head + 1)
        return false;
    *event = cell->event;
    atomic_store_explicit(&cell->turn, queue->head + queue->mask + 1, memory_order_release);
    queue->head++;
    return true;
}

void event_queue_awake(struct event_queue *queue)
{
    atomic_exchange_explicit(&queue->signalled, false, memory_order_acq_rel);
}

uint64_t event_queue_take_dropped(struct event_queue *queue)
{
    return atomic_exchange_explicit(&queue->drops, 0, memory_order_relaxed);
}
