/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/event_queue.h"

#define PRODUCERS         4
#define EVENTS_PER_THREAD 20000
#define SMALL_CAPACITY    4
#define THREADED_CAPACITY 64

static struct event numbered(uint64_t number)
{
    struct event event;

    memset(&event, 0, sizeof(event));
    event.time_us = number;
    event.generation = number ^ 0x5555;
    return event;
}

static void capacity_must_be_a_power_of_two(void **state)
{
    struct event_cell cells[3];
    struct event_queue queue;

    (void)state;
    assert_false(event_queue_init(&queue, cells, 0));
    assert_false(event_queue_init(&queue, cells, 1));
    assert_false(event_queue_init(&queue, cells, 3));
    assert_true(event_queue_init(&queue, cells, 2));
}

static void keeps_order_over_many_rounds(void **state)
{
    struct event_cell cells[SMALL_CAPACITY];
    struct event_queue queue;
    struct event event;

    (void)state;
    assert_true(event_queue_init(&queue, cells, SMALL_CAPACITY));
    assert_false(event_queue_take(&queue, &event));
    for (uint64_t i = 0; i < 100; i += 3) {
        for (uint64_t j = 0; j < 3; j++) {
            event = numbered(i + j);
            assert_int_not_equal(event_queue_put(&queue, &event), EVENT_QUEUE_DROPPED);
        }
        for (uint64_t j = 0; j < 3; j++) {
            assert_true(event_queue_take(&queue, &event));
            assert_int_equal(event.time_us, i + j);
            assert_int_equal(event.generation, (i + j) ^ 0x5555);
        }
        assert_false(event_queue_take(&queue, &event));
    }
}

static void full_queue_drops_the_newest_and_counts(void **state)
{
    struct event_cell cells[SMALL_CAPACITY];
    struct event_queue queue;
    struct event event;

    (void)state;
    assert_true(event_queue_init(&queue, cells, SMALL_CAPACITY));
    for (uint64_t i = 0; i < SMALL_CAPACITY + 3; i++) {
        event = numbered(i);
        assert_int_equal(event_queue_put(&queue, &event) == EVENT_QUEUE_DROPPED,
                         i >= SMALL_CAPACITY);
    }
    assert_int_equal(event_queue_take_dropped(&queue), 3);
    assert_int_equal(event_queue_take_dropped(&queue), 0);
    for (uint64_t i = 0; i < SMALL_CAPACITY; i++) {
        assert_true(event_queue_take(&queue, &event));
        assert_int_equal(event.time_us, i);
    }
    assert_false(event_queue_take(&queue, &event));
    event = numbered(77);
    assert_int_not_equal(event_queue_put(&queue, &event), EVENT_QUEUE_DROPPED);
    assert_true(event_queue_take(&queue, &event));
    assert_int_equal(event.time_us, 77);
    assert_int_equal(event_queue_take_dropped(&queue), 0);
}

static void wakes_once_until_the_taker_is_awake(void **state)
{
    struct event_cell cells[SMALL_CAPACITY];
    struct event_queue queue;
    struct event event = numbered(1);

    (void)state;
    assert_true(event_queue_init(&queue, cells, SMALL_CAPACITY));
    assert_int_equal(event_queue_put(&queue, &event), EVENT_QUEUE_WAKE);
    assert_int_equal(event_queue_put(&queue, &event), EVENT_QUEUE_QUEUED);
    event_queue_awake(&queue);
    assert_int_equal(event_queue_put(&queue, &event), EVENT_QUEUE_WAKE);
    assert_int_equal(event_queue_put(&queue, &event), EVENT_QUEUE_QUEUED);
    assert_int_equal(event_queue_put(&queue, &event), EVENT_QUEUE_DROPPED);
}

/* ---- Several producers ---- */

struct shared {
    struct event_queue queue;
    atomic_uint finished;
    atomic_ullong refused;
    atomic_uint wakes; /* as a semaphore would hold them */
};

struct producer {
    struct shared *shared;
    uint64_t number;
};

static void *produce(void *argument)
{
    const struct producer *producer = argument;
    struct shared *shared = producer->shared;

    for (uint64_t i = 0; i < EVENTS_PER_THREAD; i++) {
        struct event event = numbered(producer->number * EVENTS_PER_THREAD + i);
        enum event_queue_put put = event_queue_put(&shared->queue, &event);
        if (put == EVENT_QUEUE_DROPPED) {
            atomic_fetch_add(&shared->refused, 1);
            sched_yield();
        } else if (put == EVENT_QUEUE_WAKE) {
            atomic_fetch_add(&shared->wakes, 1);
        }
    }
    atomic_fetch_add(&shared->finished, 1);
    return NULL;
}

struct tally {
    uint64_t taken;
    uint64_t dropped;
    int64_t last[PRODUCERS]; /* sequence number that each producer's last event had */
    bool torn;
    bool disordered;
};

static void take_all(struct event_queue *queue, struct tally *tally)
{
    struct event event;

    while (event_queue_take(queue, &event)) {
        uint64_t producer = event.time_us / EVENTS_PER_THREAD;
        int64_t sequence = (int64_t)(event.time_us % EVENTS_PER_THREAD);
        tally->torn |= event.generation != (event.time_us ^ 0x5555) || producer >= PRODUCERS;
        if (tally->torn)
            return;
        tally->disordered |= sequence <= tally->last[producer];
        tally->last[producer] = sequence;
        tally->taken++;
    }
    tally->dropped += event_queue_take_dropped(queue);
}

/* Takes only after a wake, as the writer does: a lost wake leaves events behind and fails the
 * count. */
static void consume(struct shared *shared, struct tally *tally)
{
    bool last_round;

    do {
        last_round = atomic_load(&shared->finished) == PRODUCERS;
        if (atomic_exchange(&shared->wakes, 0) > 0) {
            event_queue_awake(&shared->queue);
            take_all(&shared->queue, tally);
        }
        sched_yield();
    } while (!last_round);
}

static void nothing_is_lost_torn_or_counted_twice(void **state)
{
    static struct event_cell cells[THREADED_CAPACITY];
    static struct shared shared;
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    struct tally tally = {.last = {-1, -1, -1, -1}};

    (void)state;
    assert_true(event_queue_init(&shared.queue, cells, THREADED_CAPACITY));
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){&shared, i};
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    consume(&shared, &tally);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    tally.dropped += event_queue_take_dropped(&shared.queue);

    assert_false(tally.torn);
    assert_false(tally.disordered);
    assert_int_equal(tally.dropped, atomic_load(&shared.refused));
    assert_int_equal(tally.taken + tally.dropped, PRODUCERS * EVENTS_PER_THREAD);
    assert_true(tally.taken > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_must_be_a_power_of_two),
        cmocka_unit_test(keeps_order_over_many_rounds),
        cmocka_unit_test(full_queue_drops_the_newest_and_counts),
        cmocka_unit_test(wakes_once_until_the_taker_is_awake),
        cmocka_unit_test(nothing_is_lost_torn_or_counted_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
