/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/state/event_ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "samba/state/process_table.h"

#define RING_FILE "events"

/* More than ever compete for a cell; so that a damaged ring costs an event and not the host. */
#define CLAIM_TRIES 1000u

/*
 * The word of a cell says in one atomic value whose turn it is:
 *
 *   lap (24 bits)  how often the ring had been around when the cell was, or is to be, filled
 *   owner (38)     PID and the low bits of its start time: who fills it
 *   state (2)
 *
 * So there is no moment at which a cell is taken and nobody knows by whom, and a file of zeros is
 * an empty ring. A lap comes again after 2^36 events.
 */
enum cell_state { CELL_FREE, CELL_CLAIMED, CELL_READY };

#define STATE_MASK       3ull
#define PID_SHIFT        2
#define PID_MASK         0x3fffffull /* PID_MAX_LIMIT is 2^22 */
#define START_SHIFT      24
#define START_KNOWN      0x8000ull
#define START_MASK       0xffffull
#define LAP_SHIFT        40
#define LAP_MASK         0xffffffull
#define HALF_OF_ALL_LAPS 0x800000ull

struct ring_cell {
    _Alignas(64) _Atomic uint64_t word;
    struct ring_origin origin;
    struct event event;
};

enum taker { TAKER_AWAKE, TAKER_SLEEPS, TAKER_STIRRED };

/* Putters share `tail`, the service alone writes `head`; each has a cache line. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): that is what the padding is for */
struct event_ring {
    uint32_t magic;
    uint32_t version;
    uint32_t cell_size;
    uint32_t capacity;
    _Alignas(64) _Atomic uint64_t tail; /* the next position to put, or behind it */
    _Alignas(64) _Atomic uint64_t head; /* the next position to take */
    _Alignas(64) _Atomic uint64_t dropped;
    _Atomic uint64_t dropped_told;
    _Alignas(64) _Atomic uint32_t taker; /* enum taker; a futex */
    struct ring_cell cells[EVENT_RING_CAPACITY];
};

int event_ring_map(int directory, struct state_mapping *mapping)
{
    static const struct {
        uint32_t magic, version, cell_size, capacity;
    } fresh = {EVENT_RING_MAGIC, EVENT_RING_VERSION, sizeof(struct ring_cell), EVENT_RING_CAPACITY};
    int error = state_file_map_or_create(directory, RING_FILE, sizeof(struct event_ring), &fresh,
                                         sizeof(fresh), true, mapping);
    if (error < 0)
        return error;
    if (mapping->size >= sizeof(struct event_ring) &&
        memcmp(mapping->bytes, &fresh, sizeof(fresh)) == 0)
        return 0;
    state_file_unmap(mapping);
    return -EPROTO;
}

/* ---- Words ---- */

static uint64_t lap_of(uint64_t position)
{
    return (position / EVENT_RING_CAPACITY) & LAP_MASK;
}

static uint64_t word_of(uint64_t position, uint64_t owner, enum cell_state state)
{
    return lap_of(position) << LAP_SHIFT | owner | state;
}

/* How many laps the word is ahead of the position; negative: behind it. */
static int64_t laps_ahead(uint64_t word, uint64_t position)
{
    uint64_t ahead = ((word >> LAP_SHIFT) - lap_of(position)) & LAP_MASK;
    return ahead < HALF_OF_ALL_LAPS ? (int64_t)ahead : (int64_t)ahead - (int64_t)(LAP_MASK + 1);
}

static uint64_t start_bits(uint64_t start_time)
{
    return start_time ? (start_time | START_KNOWN) & START_MASK : 0;
}

static uint64_t owner_of(const struct ring_origin *origin)
{
    return (origin->pid & PID_MASK) << PID_SHIFT | start_bits(origin->start_time) << START_SHIFT;
}

static uint32_t pid_of(uint64_t word)
{
    return (uint32_t)(word >> PID_SHIFT & PID_MASK);
}

static bool owner_is_alive(uint64_t word)
{
    uint64_t start_time = process_start_time(pid_of(word));
    uint64_t start = word >> START_SHIFT & START_MASK;
    return start_time != 0 && (start == 0 || start == start_bits(start_time));
}

static struct ring_cell *cell_at(struct event_ring *ring, uint64_t position)
{
    return &ring->cells[position % EVENT_RING_CAPACITY];
}

/* ---- Putting ---- */

static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout)
{
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static void wake(struct event_ring *ring)
{
    uint32_t sleeps = TAKER_SLEEPS;
    if (atomic_load(&ring->taker) != TAKER_SLEEPS ||
        !atomic_compare_exchange_strong(&ring->taker, &sleeps, TAKER_AWAKE))
        return;
    int saved = errno;
    futex(&ring->taker, FUTEX_WAKE, 1, NULL);
    errno = saved;
}

/*
 * Claims the cell at the tail. The claim is made in the cell, and whoever sees it made moves the
 * tail on: a claimer who is killed before it does holds nobody up. NULL: full.
 */
static struct ring_cell *claim(struct event_ring *ring, uint64_t owner, uint64_t *position)
{
    uint64_t tail = atomic_load(&ring->tail);
    for (unsigned i = 0; i < CLAIM_TRIES; i++) {
        struct ring_cell *cell = cell_at(ring, tail);
        uint64_t word = word_of(tail, 0, CELL_FREE);
        bool claimed =
            atomic_compare_exchange_strong(&cell->word, &word, word_of(tail, owner, CELL_CLAIMED));
        int64_t ahead = laps_ahead(word, tail);
        *position = tail;
        if (ahead < 0)
            return NULL;
        if (ahead == 0)
            atomic_compare_exchange_strong(&ring->tail, &tail, tail + 1);
        if (claimed)
            return cell;
        tail = atomic_load(&ring->tail);
    }
    return NULL;
}

bool event_ring_put(struct event_ring *ring, const struct ring_origin *origin,
                    const struct event *event)
{
    uint64_t position;
    struct ring_cell *cell = claim(ring, owner_of(origin), &position);
    if (!cell) {
        atomic_fetch_add(&ring->dropped, 1);
        return false;
    }
    cell->origin = *origin;
    event_copy(&cell->event, event);
    cell->event.function = NULL;
    /* Sequentially consistent, like the look at the taker behind it: either it sees the event or
     * we see it asleep. */
    atomic_store(&cell->word, word_of(position, 0, CELL_READY));
    wake(ring);
    return true;
}

uint32_t event_ring_fill(const struct event_ring *ring)
{
    uint64_t fill = atomic_load(&ring->tail) - atomic_load(&ring->head);
    return fill > EVENT_RING_CAPACITY ? EVENT_RING_CAPACITY : (uint32_t)fill;
}

/* Putters at the same moment may each see the last free cell: the room is spared but for a few. */
bool event_ring_put_sparing(struct event_ring *ring, const struct ring_origin *origin,
                            const struct event *event, uint32_t spare)
{
    if (spare == 0 || EVENT_RING_CAPACITY - event_ring_fill(ring) > spare)
        return event_ring_put(ring, origin, event);
    event_ring_refuse(ring);
    return false;
}

void event_ring_refuse(struct event_ring *ring)
{
    atomic_fetch_add(&ring->dropped, 1);
}

/* ---- Taking ---- */

/* Whatever byte stands there. */
static bool bool_of(const bool *value)
{
    unsigned char byte;
    memcpy(&byte, value, 1);
    return byte != 0;
}

static void end_text(char *text, size_t size)
{
    text[size - 1] = '\0';
}

static void tidy_origin(struct ring_origin *origin)
{
    end_text(origin->process_name, sizeof(origin->process_name));
    end_text(origin->executable, sizeof(origin->executable));
}

static void tidy_event(struct event *event)
{
    if ((unsigned)event->kind >= EVENT_KIND_COUNT) {
        event_of_agent(event, EVENT_EVENTS_DROPPED, event->time_us, 0, "an event was damaged");
        event->dropped = 1;
    }
    event->function = NULL;
    event->truncated = bool_of(&event->truncated);
    event->served = bool_of(&event->served);
    event->verdict.block = bool_of(&event->verdict.block);
    event->verdict.audit = bool_of(&event->verdict.audit);
    event->verdict.dry = bool_of(&event->verdict.dry);
    event->verdict.verbose = bool_of(&event->verdict.verbose);
    if ((unsigned)event->protseq >= PROTSEQ_COUNT)
        event->protseq = PROTSEQ_UNKNOWN;
    end_text(event->rule_name, sizeof(event->rule_name));
    end_text(event->rule_file, sizeof(event->rule_file));
    end_text(event->endpoint, sizeof(event->endpoint));
    end_text(event->principal, sizeof(event->principal));
    end_text(event->detail, sizeof(event->detail));
}

static void free_head(struct event_ring *ring, uint64_t head)
{
    atomic_store(&cell_at(ring, head)->word, word_of(head + EVENT_RING_CAPACITY, 0, CELL_FREE));
    atomic_store(&ring->head, head + 1);
}

/*
 * Moves the head over a cell that is never going to be filled, and over one that a service gave
 * back when it was killed. False: there is none at the head.
 */
static bool step_over(struct event_ring *ring, uint64_t head)
{
    uint64_t word = atomic_load(&cell_at(ring, head)->word);
    if (laps_ahead(word, head) > 0) {
        atomic_store(&ring->head, head + 1);
        return true;
    }
    if (laps_ahead(word, head) < 0 || (word & STATE_MASK) != CELL_CLAIMED || owner_is_alive(word))
        return false;
    /* It may have finished before it died. */
    if (atomic_load(&cell_at(ring, head)->word) != word)
        return true;
    uint64_t tail = head;
    atomic_compare_exchange_strong(&ring->tail, &tail, head + 1);
    atomic_fetch_add(&ring->dropped, 1);
    free_head(ring, head);
    return true;
}

static bool is_ready(struct event_ring *ring, uint64_t position)
{
    return atomic_load(&cell_at(ring, position)->word) == word_of(position, 0, CELL_READY);
}

bool event_ring_look(struct event_ring *ring, uint32_t ahead, struct ring_origin *origin,
                     struct event *event)
{
    if (ahead >= EVENT_RING_CAPACITY)
        return false;
    uint64_t head = atomic_load(&ring->head);
    for (uint32_t i = 0; ahead == 0 && !is_ready(ring, head); i++) {
        if (i == EVENT_RING_CAPACITY || !step_over(ring, head))
            return false;
        head = atomic_load(&ring->head);
    }
    if (!is_ready(ring, head + ahead))
        return false;
    const struct ring_cell *cell = cell_at(ring, head + ahead);
    *origin = cell->origin;
    memcpy(event, &cell->event, sizeof(*event));
    tidy_origin(origin);
    tidy_event(event);
    return true;
}

void event_ring_release(struct event_ring *ring, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t head = atomic_load(&ring->head);
        if (!is_ready(ring, head))
            return;
        free_head(ring, head);
    }
}

uint64_t event_ring_position(const struct event_ring *ring)
{
    return atomic_load(&ring->head);
}

/*
 * Whoever wakes the taker pays for it with a system call and, on a busy machine, with its turn on
 * the processor. So the taker rests once it was woken, counted as awake: what is put meanwhile
 * wakes nobody, and the ring has room for 400,000 events a second.
 */
#define NAP_MS 10

void event_ring_wait(struct event_ring *ring, unsigned timeout_ms)
{
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                                     .tv_nsec = (long)(timeout_ms % 1000) * 1000000L};
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    uint32_t awake = TAKER_AWAKE;
    bool woken = false;
    if (atomic_compare_exchange_strong(&ring->taker, &awake, TAKER_SLEEPS) &&
        !is_ready(ring, atomic_load(&ring->head)))
        woken = futex(&ring->taker, FUTEX_WAIT, TAKER_SLEEPS, &timeout) == 0;
    bool stirred = atomic_exchange(&ring->taker, TAKER_AWAKE) == TAKER_STIRRED;
    if (woken && !stirred)
        nanosleep(&nap, NULL);
}

void event_ring_stir(struct event_ring *ring)
{
    atomic_store(&ring->taker, TAKER_STIRRED);
    futex(&ring->taker, FUTEX_WAKE, 1, NULL);
}

uint64_t event_ring_dropped(const struct event_ring *ring)
{
    return atomic_load(&ring->dropped) - atomic_load(&ring->dropped_told);
}

void event_ring_dropped_told(struct event_ring *ring, uint64_t count)
{
    atomic_fetch_add(&ring->dropped_told, count);
}

uint32_t event_ring_held_up_by(const struct event_ring *ring)
{
    uint64_t head = atomic_load(&ring->head);
    uint64_t word = atomic_load(&ring->cells[head % EVENT_RING_CAPACITY].word);
    bool claimed = laps_ahead(word, head) == 0 && (word & STATE_MASK) == CELL_CLAIMED;
    return claimed && owner_is_alive(word) ? pid_of(word) : 0;
}
