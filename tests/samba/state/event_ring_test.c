/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ring between processes: order, loss, putters and takers that die. Real processes, as root. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>

#include "samba/state/event_ring.h"
#include "samba/state/process_table.h"
#include "state_box.h"

#define PUTTERS         6
#define PUTS_OF_EACH    5000
#define KILLS           150
#define PUTTERS_TO_KILL 3

static int directory;
static struct state_mapping mapping;
static struct event_ring *ring;

static int begin(void **state)
{
    (void)state;
    directory = box_open();
    assert_int_equal(event_ring_map(directory, &mapping), 0);
    ring = event_ring_of(&mapping);
    return 0;
}

static int end(void **state)
{
    (void)state;
    state_file_unmap(&mapping);
    box_close(directory);
    return 0;
}

static struct ring_origin self(void)
{
    struct ring_origin origin = {.pid = (uint32_t)getpid()};
    origin.start_time = process_start_time(origin.pid);
    snprintf(origin.process_name, sizeof(origin.process_name), "putter-%u", (unsigned)origin.pid);
    return origin;
}

/* Every part of it tells the number, so that a torn event shows. */
static void make_event(struct event *event, uint32_t who, uint64_t number)
{
    memset(event, 0, sizeof(*event));
    event->kind = EVENT_CALL;
    event->time_us = number;
    event->generation = number ^ who;
    event->dropped = who;
    memset(event->principal, 'a' + (int)(number % 26), sizeof(event->principal) - 1);
    memset(event->detail, 'a' + (int)(number % 26), sizeof(event->detail) - 1);
}

static void assert_whole(const struct event *event)
{
    struct event same;
    make_event(&same, (uint32_t)event->dropped, event->time_us);
    assert_memory_equal(event, &same, sizeof(same));
}

static bool put(uint32_t who, uint64_t number)
{
    struct ring_origin origin = self();
    struct event event;
    make_event(&event, who, number);
    return event_ring_put(ring, &origin, &event);
}

static bool take(struct ring_origin *origin, struct event *event)
{
    if (!event_ring_look(ring, 0, origin, event))
        return false;
    event_ring_release(ring, 1);
    return true;
}

static void keeps_order_over_laps(void **state)
{
    struct ring_origin origin;
    struct event event;
    uint64_t taken = 0;
    (void)state;
    assert_false(take(&origin, &event));
    for (uint64_t i = 0; i < 3 * EVENT_RING_CAPACITY; i++) {
        assert_true(put(1, i));
        if (i % 3 == 2) {
            for (int j = 0; j < 3; j++) {
                assert_true(take(&origin, &event));
                assert_int_equal(event.time_us, taken++);
                assert_whole(&event);
                assert_int_equal(origin.pid, getpid());
            }
            assert_int_equal(event_ring_fill(ring), 0);
        }
    }
    assert_int_equal(event_ring_position(ring), 3 * EVENT_RING_CAPACITY);
}

static void counts_what_finds_it_full(void **state)
{
    struct ring_origin origin;
    struct event event;
    (void)state;
    for (uint64_t i = 0; i < EVENT_RING_CAPACITY; i++)
        assert_true(put(1, i));
    assert_int_equal(event_ring_fill(ring), EVENT_RING_CAPACITY);
    for (int i = 0; i < 5; i++)
        assert_false(put(1, 9999));
    assert_int_equal(event_ring_dropped(ring), 5);
    event_ring_dropped_told(ring, 3);
    assert_int_equal(event_ring_dropped(ring), 2);
    assert_true(take(&origin, &event));
    assert_int_equal(event.time_us, 0);
    assert_true(put(1, EVENT_RING_CAPACITY));
    assert_false(put(1, 9999));
    for (uint64_t i = 1; i <= EVENT_RING_CAPACITY; i++) {
        assert_true(take(&origin, &event));
        assert_int_equal(event.time_us, i);
    }
    assert_false(take(&origin, &event));
}

/* A service that is killed between looking and releasing leaves all to its successor. */
static void leaves_room_for_what_matters(void **state)
{
    const uint32_t spare = EVENT_RING_CAPACITY / 8;
    struct ring_origin origin = self();
    struct event event;
    uint32_t held = 0;

    (void)state;
    make_event(&event, 1, 1);
    while (event_ring_put_sparing(ring, &origin, &event, spare))
        held++;
    assert_int_equal(held, EVENT_RING_CAPACITY - spare);
    assert_int_equal(event_ring_dropped(ring), 1);
    for (uint32_t i = 0; i < spare; i++)
        assert_true(put(2, i));
    assert_false(put(2, spare));
    /* Room comes back for all of them. */
    assert_true(event_ring_look(ring, 0, &origin, &event));
    event_ring_release(ring, spare + 1);
    assert_true(event_ring_put_sparing(ring, &origin, &event, spare));
    assert_false(event_ring_put_sparing(ring, &origin, &event, spare));
}

static void what_was_not_released_is_there_again(void **state)
{
    struct ring_origin origin;
    struct event event;
    (void)state;
    for (uint64_t i = 0; i < 10; i++)
        assert_true(put(1, i));
    pid_t child = box_fork();
    if (child == 0) {
        for (uint32_t i = 0; i < 10; i++) {
            if (!event_ring_look(ring, i, &origin, &event) || event.time_us != i)
                _exit(1);
        }
        event_ring_release(ring, 4);
        raise(SIGKILL);
    }
    assert_int_equal(box_wait(child), 128 + SIGKILL);
    for (uint64_t i = 4; i < 10; i++) {
        assert_true(take(&origin, &event));
        assert_int_equal(event.time_us, i);
    }
    assert_false(event_ring_look(ring, 0, &origin, &event));
    assert_false(event_ring_look(ring, EVENT_RING_CAPACITY, &origin, &event));
}

static void put_many(uint32_t who)
{
    const struct timespec pause = {.tv_nsec = 200000};
    for (uint64_t i = 0; i < PUTS_OF_EACH; i++) {
        while (!put(who, i))
            nanosleep(&pause, NULL);
    }
    _exit(0);
}

static void loses_and_tears_nothing_of_many_putters(void **state)
{
    uint64_t next[PUTTERS] = {0};
    pid_t children[PUTTERS];
    struct ring_origin origin;
    struct event event;
    (void)state;
    for (uint32_t i = 0; i < PUTTERS; i++) {
        children[i] = box_fork();
        if (children[i] == 0)
            put_many(i);
    }
    for (uint64_t taken = 0; taken < PUTTERS * PUTS_OF_EACH;) {
        if (!take(&origin, &event)) {
            event_ring_wait(ring, 1000);
            continue;
        }
        assert_true(event.dropped < PUTTERS);
        assert_whole(&event);
        assert_int_equal(event.time_us, next[event.dropped]++);
        assert_int_equal(origin.pid, children[event.dropped]);
        taken++;
    }
    for (uint32_t i = 0; i < PUTTERS; i++)
        assert_int_equal(box_wait(children[i]), 0);
    assert_false(take(&origin, &event));
}

static void put_for_ever(uint32_t who)
{
    for (uint64_t i = 0;; i++)
        put(who, i);
}

static void survives_putters_that_are_killed(void **state)
{
    struct ring_origin origin;
    struct event event;
    uint64_t taken = 0;
    (void)state;
    for (uint32_t i = 0; i < KILLS; i++) {
        const struct timespec moment = {.tv_nsec = 100000 + (long)(i * 7919 % 997) * 1000};
        pid_t children[PUTTERS_TO_KILL];
        for (uint32_t j = 0; j < PUTTERS_TO_KILL; j++) {
            children[j] = box_fork();
            if (children[j] == 0)
                put_for_ever(j);
        }
        nanosleep(&moment, NULL);
        for (uint32_t j = 0; j < PUTTERS_TO_KILL; j++)
            kill(children[j], SIGKILL);
        for (uint32_t j = 0; j < PUTTERS_TO_KILL; j++)
            box_wait(children[j]);
        while (take(&origin, &event)) {
            assert_whole(&event);
            taken++;
        }
        assert_int_equal(event_ring_fill(ring), 0);
    }
    assert_true(taken > 0);
    assert_true(put(1, 1));
    assert_true(take(&origin, &event));
}

/* Dies between claiming a cell and finishing it: the event that it copies cannot be read. */
static void put_half(void)
{
    struct ring_origin origin = self();
    void *nothing = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    event_ring_put(ring, &origin, nothing);
    _exit(0);
}

static void steps_over_what_a_dead_putter_left(void **state)
{
    struct ring_origin origin;
    struct event event;
    (void)state;
    assert_true(put(1, 1));
    pid_t child = box_fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        put_half();
    }
    assert_int_equal(box_wait(child), 128 + SIGSEGV);
    assert_true(put(1, 2));
    assert_int_equal(event_ring_fill(ring), 3);
    assert_true(take(&origin, &event));
    assert_int_equal(event.time_us, 1);
    assert_int_equal(event_ring_held_up_by(ring), 0);
    assert_true(take(&origin, &event));
    assert_int_equal(event.time_us, 2);
    assert_int_equal(event_ring_dropped(ring), 1);
    assert_int_equal(event_ring_fill(ring), 0);
}

static void wait_for_ever(int number)
{
    (void)number;
    for (;;)
        pause();
}

static void waits_for_a_putter_that_lives(void **state)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    struct ring_origin origin;
    struct event event;
    (void)state;
    pid_t child = box_fork();
    if (child == 0) {
        signal(SIGSEGV, wait_for_ever);
        put_half();
    }
    for (int i = 0; i < 500 && event_ring_fill(ring) == 0; i++)
        nanosleep(&moment, NULL);
    assert_true(put(1, 2));
    assert_false(take(&origin, &event));
    assert_int_equal(event_ring_held_up_by(ring), child);
    kill(child, SIGKILL);
    /* A zombie is dead too. */
    for (int i = 0; i < 500 && !take(&origin, &event); i++)
        nanosleep(&moment, NULL);
    assert_int_equal(event.time_us, 2);
    assert_int_equal(event_ring_dropped(ring), 1);
    box_wait(child);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleeps_until_something_is_put(void **state)
{
    const struct timespec moment = {.tv_nsec = 100000000};
    struct ring_origin origin;
    struct event event;
    (void)state;
    uint64_t start = now_ms();
    event_ring_wait(ring, 50);
    assert_true(now_ms() - start >= 45);
    pid_t child = box_fork();
    if (child == 0) {
        nanosleep(&moment, NULL);
        _exit(!put(1, 7));
    }
    start = now_ms();
    event_ring_wait(ring, 20000);
    assert_true(now_ms() - start < 10000);
    assert_int_equal(box_wait(child), 0);
    assert_true(take(&origin, &event));
    event_ring_stir(ring);
    start = now_ms();
    event_ring_wait(ring, 20000);
    assert_true(now_ms() - start < 10000);
    start = now_ms();
    event_ring_wait(ring, 50);
    assert_true(now_ms() - start >= 45);
}

/* Whatever a putter writes, the taker gets texts that end and numbers with a meaning. */
static void tidies_what_it_takes(void **state)
{
    static struct event event;
    struct ring_origin origin;
    (void)state;
    memset(&origin, 'A', sizeof(origin));
    origin.pid = (uint32_t)getpid();
    origin.start_time = 0;
    memset(&event, 0xee, sizeof(event));
    assert_true(event_ring_put(ring, &origin, &event));
    memset(&event, 0xee, sizeof(event));
    event.kind = EVENT_CALL;
    assert_true(event_ring_put(ring, &origin, &event));
    assert_true(take(&origin, &event));
    assert_int_equal(event.kind, EVENT_EVENTS_DROPPED);
    assert_int_equal(event.dropped, 1);
    assert_true(take(&origin, &event));
    assert_null(event.function);
    assert_true(event.truncated);
    assert_int_equal(event.protseq, PROTSEQ_UNKNOWN);
    assert_int_equal(strlen(event.endpoint), sizeof(event.endpoint) - 1);
    assert_int_equal(strlen(event.principal), sizeof(event.principal) - 1);
    assert_int_equal(strlen(event.rule_name), sizeof(event.rule_name) - 1);
    assert_int_equal(strlen(event.rule_file), sizeof(event.rule_file) - 1);
    assert_int_equal(strlen(event.detail), sizeof(event.detail) - 1);
    assert_int_equal(strlen(origin.process_name), sizeof(origin.process_name) - 1);
    assert_int_equal(strlen(origin.executable), sizeof(origin.executable) - 1);
}

/* Damage costs events, not the host: every put returns. */
static void a_damaged_ring_holds_nobody(void **state)
{
    struct ring_origin origin;
    struct event event;
    (void)state;
    memset((char *)mapping.bytes + 64, 0xff, mapping.size - 64);
    put(1, 1);
    take(&origin, &event);
    memset((char *)mapping.bytes + 64, 0x55, mapping.size - 64);
    put(1, 1);
    take(&origin, &event);
    assert_true(event_ring_fill(ring) <= EVENT_RING_CAPACITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_order_over_laps, begin, end),
        cmocka_unit_test_setup_teardown(counts_what_finds_it_full, begin, end),
        cmocka_unit_test_setup_teardown(leaves_room_for_what_matters, begin, end),
        cmocka_unit_test_setup_teardown(what_was_not_released_is_there_again, begin, end),
        cmocka_unit_test_setup_teardown(loses_and_tears_nothing_of_many_putters, begin, end),
        cmocka_unit_test_setup_teardown(survives_putters_that_are_killed, begin, end),
        cmocka_unit_test_setup_teardown(steps_over_what_a_dead_putter_left, begin, end),
        cmocka_unit_test_setup_teardown(waits_for_a_putter_that_lives, begin, end),
        cmocka_unit_test_setup_teardown(sleeps_until_something_is_put, begin, end),
        cmocka_unit_test_setup_teardown(tidies_what_it_takes, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_ring_holds_nobody, begin, end),
    };
    if (geteuid() != 0)
        return BOX_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
