/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/sinks/event_writer.h"

#include <stdio.h>
#include <string.h>

#include "agent/event_queue.h"
#include "windows/agent/rpc/utf16.h"
#include "windows/agent/sinks/account_names.h"
#include "windows/agent/sinks/debug_sink.h"
#include "windows/agent/sinks/eventlog_sink.h"
#include "windows/agent/sinks/json_sink.h"

#define QUEUE_CAPACITY    512
#define BATCH_SIZE        32
#define STACK_RESERVE     (256 * 1024) /* the RPC runtime runs on it, inside ReportEventW */
#define SINK_COUNT        3
#define UNIX_EPOCH_100NS  UINT64_C(116444736000000000) /* 1970-01-01 as a FILETIME */
#define REASON_QUEUE_FULL "the queue was full"
#define REASON_STOPPED    "there was no time left to write them"

enum { RUNNING, FINISHING, ABANDONING };

/* One sink of this writer, and what it has yet to be told of losses. */
struct outlet {
    const struct event_sink *sink;
    void *state;
    bool on;
    uint64_t unreported;
    char reason[EVENT_DETAIL_SIZE];
    struct back_off reports; /* spaces them out while losses go on */
};

struct event_writer {
    struct event_queue queue;
    struct event_origin origin;
    struct policy_slot *policy;
    HANDLE thread;
    HANDLE wake; /* auto-reset */
    atomic_int phase;
    atomic_ullong dropped; /* found so far; the queue knows of more */
    uint64_t generation;   /* whose options the sinks follow */
    struct sink_settings settings;
    struct sink_settings wanted;
    struct outlet outlets[SINK_COUNT];
    struct eventlog_sink eventlog;
    struct json_sink json;
    struct debug_sink debug;
    struct account_names accounts;
    struct event batch[BATCH_SIZE];
    struct event_cell cells[QUEUE_CAPACITY];
};

uint64_t event_time_now(void)
{
    FILETIME now;

    GetSystemTimePreciseAsFileTime(&now);
    return (((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) - UNIX_EPOCH_100NS) / 10;
}

/* ---- What the policy says about sinks ---- */

static void read_settings(struct sink_settings *settings, const struct policy_image *image)
{
    const char *path = image_text(image, image->json_path);
    size_t length = strlen(path);
    bool cut = false;

    memset(settings, 0, sizeof(*settings));
    settings->eventlog = !(image->options & IMAGE_OPTION_EVENTLOG_OFF);
    settings->json = length > 0 && !(image->options & IMAGE_OPTION_JSON_OFF);
    utf16_from_utf8(path, length, (uint16_t *)settings->json_path, SINK_PATH_SIZE, &cut);
    if (cut)
        memset(settings->json_path, 0, sizeof(settings->json_path));
}

static void open_sinks(struct event_writer *writer)
{
    for (int i = 0; i < SINK_COUNT; i++) {
        struct outlet *outlet = &writer->outlets[i];
        outlet->sink->close(outlet->state);
        outlet->on = outlet->sink->open(outlet->state, &writer->settings);
        if (!outlet->on)
            outlet->unreported = 0;
    }
}

/* Follows the options of the policy in force, if it is another one. */
static void follow_policy(struct event_writer *writer)
{
    struct policy_ref ref = policy_slot_acquire(writer->policy);
    bool changed = ref.image && ref.generation != writer->generation;

    if (changed) {
        writer->generation = ref.generation;
        read_settings(&writer->wanted, ref.image);
    }
    policy_slot_release(writer->policy, ref);
    if (!changed || memcmp(&writer->wanted, &writer->settings, sizeof(writer->settings)) == 0)
        return;
    writer->settings = writer->wanted;
    open_sinks(writer);
}

/* ---- Losses ---- */

static void note_loss(struct event_writer *writer, uint64_t lost, const char *reason)
{
    if (lost == 0)
        return;
    atomic_fetch_add_explicit(&writer->dropped, lost, memory_order_relaxed);
    for (int i = 0; i < SINK_COUNT; i++) {
        struct outlet *outlet = &writer->outlets[i];
        if (!outlet->on)
            continue;
        outlet->unreported += lost;
        memcpy(outlet->reason, reason, strlen(reason) + 1);
    }
}

static void note_sink_loss(struct event_writer *writer, const struct outlet *outlet, size_t lost,
                           DWORD error)
{
    char reason[EVENT_DETAIL_SIZE];

    if (lost == 0)
        return;
    snprintf(reason, sizeof(reason), "the %s could not be written: Windows error %lu",
             outlet->sink->name, (unsigned long)error);
    note_loss(writer, lost, reason);
}

/* A report that is lost is no further loss: what it tells of is told by the next one. */
static void report_loss(struct event_writer *writer, struct outlet *outlet, ULONGLONG now_ms)
{
    struct event event;
    DWORD error;

    event_of_agent(&event, EVENT_EVENTS_DROPPED, event_time_now(), writer->generation,
                   outlet->reason);
    event.dropped = outlet->unreported;
    back_off_failed(&outlet->reports, now_ms);
    if (!outlet->sink->wants(&event) ||
        outlet->sink->write(outlet->state, &writer->origin, &event, 1, &error) == 0)
        outlet->unreported = 0;
}

static void report_losses(struct event_writer *writer, bool at_once)
{
    ULONGLONG now_ms = GetTickCount64();

    note_loss(writer, event_queue_take_dropped(&writer->queue), REASON_QUEUE_FULL);
    for (int i = 0; i < SINK_COUNT; i++) {
        struct outlet *outlet = &writer->outlets[i];
        bool due = back_off_is_over(&outlet->reports, now_ms);
        if (outlet->on && outlet->unreported > 0 && (due || at_once))
            report_loss(writer, outlet, now_ms);
        else if (due)
            back_off_succeeded(&outlet->reports); /* no loss for as long as the last wait */
    }
}

/* How long to sleep when no event comes: until the next report is due. */
static DWORD sleep_ms(const struct event_writer *writer)
{
    ULONGLONG now_ms = GetTickCount64();
    DWORD sleep = INFINITE;

    for (int i = 0; i < SINK_COUNT; i++) {
        const struct outlet *outlet = &writer->outlets[i];
        if (!outlet->on || outlet->unreported == 0)
            continue;
        ULONGLONG due_ms = outlet->reports.next_ms;
        DWORD wait = due_ms > now_ms ? (DWORD)(due_ms - now_ms) : 0;
        if (wait < sleep)
            sleep = wait;
    }
    return sleep;
}

/* ---- The thread ---- */

/* Gives a sink what it wants of the events, in as few pieces as they make. */
static void write_wanted(struct event_writer *writer, struct outlet *outlet,
                         const struct event *events, size_t count)
{
    size_t done = 0;
    while (done < count) {
        DWORD error = ERROR_SUCCESS;
        size_t piece = 0;
        while (done + piece < count && outlet->sink->wants(&events[done + piece]))
            piece++;
        if (piece == 0) {
            done++;
            continue;
        }
        size_t lost =
            outlet->sink->write(outlet->state, &writer->origin, events + done, piece, &error);
        note_sink_loss(writer, outlet, lost, error);
        done += piece;
    }
}

static bool is_wanted(const struct event_writer *writer, const struct event *event)
{
    for (int i = 0; i < SINK_COUNT; i++) {
        const struct outlet *outlet = &writer->outlets[i];
        if (outlet->on && outlet->sink->wants(event))
            return true;
    }
    return false;
}

/* What the RPC threads left open because it can take long. There is no time for it at the end. */
static void name_callers(struct event_writer *writer, struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool may_ask = atomic_load(&writer->phase) != ABANDONING;
        if (is_wanted(writer, &events[i]))
            account_names_resolve(&writer->accounts, &events[i], may_ask);
    }
}

static void write_run(struct event_writer *writer, struct event *events, size_t count)
{
    name_callers(writer, events, count);
    for (int i = 0; i < SINK_COUNT; i++) {
        if (writer->outlets[i].on)
            write_wanted(writer, &writer->outlets[i], events, count);
    }
}

/* An event of a newer generation ends the run, for the sinks that it belongs to may be others. */
static size_t run_length(const struct event *events, size_t count, uint64_t generation)
{
    size_t length = 0;

    while (length < count && events[length].generation <= generation)
        length++;
    return length;
}

static void write_batch(struct event_writer *writer, size_t count)
{
    struct event *events = writer->batch;

    while (count > 0) {
        if (events[0].generation > writer->generation)
            follow_policy(writer);
        /* A policy that was refused has a number too, but never gets into the slot. */
        uint64_t newest =
            events[0].generation > writer->generation ? events[0].generation : writer->generation;
        size_t run = run_length(events, count, newest);
        write_run(writer, events, run);
        events += run;
        count -= run;
    }
}

static size_t take_batch(struct event_writer *writer)
{
    size_t count = 0;

    while (count < BATCH_SIZE && event_queue_take(&writer->queue, &writer->batch[count]))
        count++;
    return count;
}

static void drain(struct event_writer *writer)
{
    size_t count;

    while ((count = take_batch(writer)) > 0) {
        if (atomic_load(&writer->phase) == ABANDONING)
            note_loss(writer, count, REASON_STOPPED);
        else
            write_batch(writer, count);
        report_losses(writer, false);
    }
}

static DWORD WINAPI writer_main(void *argument)
{
    struct event_writer *writer = argument;
    bool finishing;

    follow_policy(writer);
    do {
        WaitForSingleObject(writer->wake, sleep_ms(writer));
        finishing = atomic_load(&writer->phase) != RUNNING;
        event_queue_awake(&writer->queue);
        drain(writer);
        report_losses(writer, finishing);
    } while (!finishing);
    for (int i = 0; i < SINK_COUNT; i++)
        writer->outlets[i].sink->close(writer->outlets[i].state);
    return 0;
}

/* ---- Its owner ---- */

static void free_writer(struct event_writer *writer)
{
    if (writer->wake)
        CloseHandle(writer->wake);
    if (writer->thread)
        CloseHandle(writer->thread);
    VirtualFree(writer, 0, MEM_RELEASE);
}

static void init_writer(struct event_writer *writer, const struct event_origin *origin,
                        struct policy_slot *policy)
{
    event_queue_init(&writer->queue, writer->cells, QUEUE_CAPACITY);
    atomic_init(&writer->phase, RUNNING);
    atomic_init(&writer->dropped, 0);
    writer->origin = *origin;
    writer->policy = policy;
    writer->settings.eventlog = true;
    writer->outlets[0] = (struct outlet){.sink = &eventlog_sink, .state = &writer->eventlog};
    writer->outlets[1] = (struct outlet){.sink = &json_sink, .state = &writer->json};
    writer->outlets[2] = (struct outlet){.sink = &debug_sink, .state = &writer->debug};
    account_names_init(&writer->accounts, NULL, NULL);
    open_sinks(writer);
}

struct event_writer *event_writer_start(const struct event_origin *origin,
                                        struct policy_slot *policy)
{
    struct event_writer *writer =
        VirtualAlloc(NULL, sizeof(*writer), MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    DWORD error;

    if (!writer)
        return NULL;
    init_writer(writer, origin, policy);
    writer->wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (writer->wake)
        writer->thread = CreateThread(NULL, STACK_RESERVE, writer_main, writer,
                                      STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (writer->thread)
        return writer;
    error = GetLastError();
    free_writer(writer);
    SetLastError(error);
    return NULL;
}

void event_writer_put(struct event_writer *writer, const struct event *event)
{
    if (event_queue_put(&writer->queue, event) == EVENT_QUEUE_WAKE)
        SetEvent(writer->wake);
}

static bool end_within(struct event_writer *writer, int phase, DWORD timeout_ms)
{
    atomic_store(&writer->phase, phase);
    SetEvent(writer->wake);
    return WaitForSingleObject(writer->thread, timeout_ms) == WAIT_OBJECT_0;
}

bool event_writer_stop(struct event_writer *writer, DWORD timeout_ms)
{
    if (!end_within(writer, FINISHING, timeout_ms) && !end_within(writer, ABANDONING, timeout_ms))
        return false;
    free_writer(writer);
    return true;
}

uint64_t event_writer_dropped(struct event_writer *writer)
{
    return atomic_load_explicit(&writer->dropped, memory_order_relaxed) +
           atomic_load_explicit(&writer->queue.drops, memory_order_relaxed);
}
