/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/sinks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "samba/service/event_fields.h"
#include "samba/service/event_words.h"

/* Events that wait for a file that cannot be written; the rest of the ring is the journal's. */
#define KEPT_FOR_FILE (EVENT_RING_CAPACITY / 4 * 3)

/* Fuller than that, a slow journal is not waited for. */
#define CROWDED (EVENT_RING_CAPACITY / 16 * 15)

/* A journal that is slower than that is called failing. */
#define JOURNAL_PATIENCE_MS 5000

/* For what the service says itself, which does not wait in the ring. */
#define TELL_TRIES      200
#define TELL_PAUSE_NS   1000000L

#define MESSAGE_SIZE    8192
#define TOLD_EVERY_MS   1000

#define PRIORITY_ERROR  3
#define PRIORITY_NOTICE 5

uint64_t service_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t service_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- Messages of the service ---- */

/* systemd names the device and inode of the stream that it reads. */
static bool stderr_is_journal(void)
{
    struct stat status;
    char text[64];
    const char *stream = getenv("JOURNAL_STREAM");
    if (!stream || fstat(STDERR_FILENO, &status) != 0)
        return false;
    snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    return strcmp(stream, text) == 0;
}

/* Sends the record that was made; a journal that is slow is given a moment. */
static int send_patiently(struct journal *journal)
{
    const struct timespec pause = {.tv_nsec = TELL_PAUSE_NS};
    int error = journal_send(journal);
    for (int i = 0; i < TELL_TRIES && error == -EAGAIN; i++) {
        nanosleep(&pause, NULL);
        error = journal_send(journal);
    }
    return error;
}

void sinks_tell(struct sinks *sinks, int priority, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    journal_begin(&sinks->journal, priority);
    journal_field(&sinks->journal, "MESSAGE", text, strlen(text));
    if (send_patiently(&sinks->journal) < 0 || !stderr_is_journal())
        fprintf(stderr, "rpcfw serve: %s\n", text);
}

/* ---- Conditions ---- */

/* Notes how a sink is. True: that is news. */
static bool set_state(struct sinks *sinks, struct sink_report *report, enum sink_state state,
                      int error, const char *what)
{
    if (report->state == (uint32_t)state && report->error == error)
        return false;
    service_page_change(sinks->page);
    if (state != SINK_FAILS)
        report->since_us = 0;
    else if (report->state != SINK_FAILS)
        report->since_us = service_now_us();
    report->state = state;
    report->error = error;
    snprintf(report->what, sizeof(report->what), "%s", what);
    service_page_changed(sinks->page);
    return true;
}

static void file_failed(struct sinks *sinks, int error)
{
    struct sink_report *report = &sinks->page->file;
    char what[sizeof(report->what)];
    back_off_failed(&sinks->file_back_off, service_now_ms());
    snprintf(what, sizeof(what), "%s %.150s", sinks->file.failed, sinks->file.path);
    if (set_state(sinks, report, SINK_FAILS, -error, what))
        sinks_tell(sinks, PRIORITY_ERROR, "audit file: %s: %s; events wait, then are lost",
                   report->what, strerror(-error));
}

static void file_succeeded(struct sinks *sinks)
{
    bool failed = sinks->page->file.state == SINK_FAILS;
    back_off_succeeded(&sinks->file_back_off);
    if (set_state(sinks, &sinks->page->file, SINK_GOOD, 0, "") && failed)
        sinks_tell(sinks, PRIORITY_NOTICE, "audit file: %s is written again", sinks->file.path);
}

static void journal_failed(struct sinks *sinks, int error)
{
    enum sink_state state = error == -ENOENT || error == -ECONNREFUSED ? SINK_ABSENT : SINK_FAILS;
    const char *what =
        state == SINK_ABSENT ? "no journal listens on this host" : "the journal takes no records";
    if (set_state(sinks, &sinks->page->journal, state, -error, what) && state == SINK_FAILS)
        sinks_tell(sinks, PRIORITY_ERROR, "%s: %s", what, strerror(-error));
}

/* ---- Counting ---- */

static void count(struct sinks *sinks, struct sink_report *report, uint64_t written, uint64_t lost)
{
    service_page_change(sinks->page);
    report->position += written + lost;
    report->written += written;
    report->lost += lost;
    report->untold += lost;
    service_page_changed(sinks->page);
}

/* How far a sink is ahead of the ring's head; puts it there when it is nowhere. */
static uint32_t ahead(struct sinks *sinks, struct sink_report *report)
{
    uint64_t head = event_ring_position(sinks->ring);
    if (report->position - head > EVENT_RING_CAPACITY)
        report->position = head;
    return (uint32_t)(report->position - head);
}

static bool look(struct sinks *sinks, struct sink_report *report, uint32_t further,
                 struct event_origin *origin, struct event *event)
{
    struct ring_origin from;
    uint32_t distance = ahead(sinks, report);
    if (!event_ring_look(sinks->ring, distance + further, &from, event))
        return false;
    /* The look may have moved the head over a cell that is never going to be filled. */
    if (ahead(sinks, report) != distance)
        return false;
    memcpy(origin->host, sinks->self.host, sizeof(origin->host));
    origin->pid = from.about ? from.about : from.pid;
    snprintf(origin->process_name, sizeof(origin->process_name), "%s", from.process_name);
    snprintf(origin->executable, sizeof(origin->executable), "%s", from.executable);
    return true;
}

/* ---- The file ---- */

static int append(struct sinks *sinks, size_t length, struct pending_write *pending,
                  size_t *written)
{
    *written = 0;
    int error = audit_file_place(&sinks->file, pending);
    if (error < 0)
        return error;
    service_page_change(sinks->page);
    sinks->page->pending = *pending;
    service_page_changed(sinks->page);
    return audit_file_append(&sinks->file, sinks->lines, length, written);
}

/* Writes a batch; 0 or -errno, and how many events. */
static int write_batch(struct sinks *sinks, uint64_t *events)
{
    struct sink_report *report = &sinks->page->file;
    size_t ends[SINKS_BATCH];
    size_t length = 0, written;
    uint32_t lines = 0;
    struct event_origin origin;
    struct event event;
    while (lines < SINKS_BATCH && look(sinks, report, lines, &origin, &event)) {
        length += event_json_write(&event, &origin, sinks->lines + length, EVENT_JSON_SIZE);
        ends[lines++] = length;
    }
    *events = 0;
    if (lines == 0)
        return 0;
    struct pending_write pending = {.position = report->position, .count = lines};
    int error = append(sinks, length, &pending, &written);
    while (*events < lines && ends[*events] <= written)
        ++*events;
    count(sinks, report, *events, 0);
    sinks->page->pending.count = 0;
    return error;
}

/* A write that a predecessor was killed in: what of it is in the file is not written again. */
static void recover(struct sinks *sinks)
{
    struct pending_write *pending = &sinks->page->pending;
    uint64_t lines = audit_file_recover(&sinks->file, pending);
    if (pending->position == sinks->page->file.position)
        count(sinks, &sinks->page->file, lines, 0);
    pending->count = 0;
}

/* Gives up the oldest events that wait for a file that cannot be written. */
static void make_room(struct sinks *sinks)
{
    struct sink_report *report = &sinks->page->file;
    struct event_origin origin;
    struct event event;
    while (event_ring_fill(sinks->ring) > KEPT_FOR_FILE + ahead(sinks, report) &&
           look(sinks, report, 0, &origin, &event))
        count(sinks, report, 0, 1);
}

/* Passes over what a sink that is off does not get. */
static void pass_over(struct sinks *sinks, struct sink_report *report)
{
    struct event_origin origin;
    struct event event;
    while (look(sinks, report, 0, &origin, &event))
        report->position++;
}

static bool run_file(struct sinks *sinks)
{
    struct sink_report *report = &sinks->page->file;
    uint64_t events = 0;
    if (report->state == SINK_OFF) {
        pass_over(sinks, report);
        return false;
    }
    if (!back_off_is_over(&sinks->file_back_off, service_now_ms())) {
        make_room(sinks);
        return false;
    }
    int error = audit_file_open(&sinks->file);
    if (error == 0)
        error = write_batch(sinks, &events);
    if (error < 0) {
        file_failed(sinks, error);
        make_room(sinks);
        return events > 0;
    }
    /* Only a write shows that the disk has room again. */
    if (events > 0)
        file_succeeded(sinks);
    return events > 0;
}

/* ---- The journal ---- */

static void put_message(struct journal *journal, const struct event_fields *fields)
{
    static char text[MESSAGE_SIZE];
    FILE *out = fmemopen(text, sizeof(text), "w");
    if (!out)
        return;
    event_words_print(out, fields, false);
    fflush(out);
    long length = ftell(out);
    fclose(out);
    if (length > 0)
        journal_field(journal, "MESSAGE", text, (size_t)length);
}

/* Makes a record of the fields of an event's JSON line. */
static bool make_record(struct sinks *sinks, const struct event *event,
                        const struct event_origin *origin)
{
    struct event_fields fields;
    const char *why;
    size_t length = event_json_write(event, origin, sinks->lines, EVENT_JSON_SIZE);
    if (length == 0 || !event_fields_read(sinks->lines, length - 1, &fields, &why))
        return false;
    journal_begin(&sinks->journal, event_priority(&fields));
    put_message(&sinks->journal, &fields);
    for (int i = 0; i < EVENT_FIELD_COUNT; i++) {
        const struct text *value = &fields.value[i];
        if (value->bytes)
            journal_field(&sinks->journal, event_field_journal_name(i), value->bytes,
                          value->length);
    }
    return true;
}

/* True: the journal is merely slow, and the event is to be sent again. */
static bool is_to_wait(struct sinks *sinks, int error)
{
    if (error != -EAGAIN && error != -ENOBUFS) {
        sinks->journal_busy_ms = 0;
        return false;
    }
    uint64_t now = service_now_ms();
    if (sinks->journal_busy_ms == 0)
        sinks->journal_busy_ms = now;
    return now - sinks->journal_busy_ms < JOURNAL_PATIENCE_MS &&
           event_ring_fill(sinks->ring) < CROWDED;
}

static enum sinks_progress run_journal(struct sinks *sinks)
{
    struct sink_report *report = &sinks->page->journal;
    struct event_origin origin;
    struct event event;
    uint32_t events = 0;
    if (report->state == SINK_OFF) {
        pass_over(sinks, report);
        return SINKS_IDLE;
    }
    while (events < SINKS_BATCH && look(sinks, report, 0, &origin, &event)) {
        int error = make_record(sinks, &event, &origin) ? journal_send(&sinks->journal) : -EINVAL;
        if (is_to_wait(sinks, error))
            return SINKS_BUSY;
        if (error < 0)
            journal_failed(sinks, error);
        else
            set_state(sinks, report, SINK_GOOD, 0, "");
        /* Where there is no journal, none is missing. */
        count(sinks, report, error == 0 || report->state == SINK_ABSENT,
              error < 0 && report->state != SINK_ABSENT);
        events++;
    }
    return events ? SINKS_MOVED : SINKS_IDLE;
}

/* ---- Both ---- */

enum sinks_progress sinks_run(struct sinks *sinks)
{
    enum sinks_progress progress = run_journal(sinks);
    if (run_file(sinks))
        progress = SINKS_MOVED;
    uint32_t file = ahead(sinks, &sinks->page->file);
    uint32_t journal = ahead(sinks, &sinks->page->journal);
    event_ring_release(sinks->ring, file < journal ? file : journal);
    return progress;
}

/* An event outside the ring, to the file; what cannot be written is lost and counted. */
static void event_to_file(struct sinks *sinks, const struct event *event)
{
    struct sink_report *report = &sinks->page->file;
    struct pending_write pending = {.count = 0};
    size_t written = 0;
    if (report->state == SINK_OFF)
        return;
    size_t length = event_json_write(event, &sinks->self, sinks->lines, EVENT_JSON_SIZE);
    int error = audit_file_open(&sinks->file);
    if (error == 0)
        error = append(sinks, length, &pending, &written);
    service_page_change(sinks->page);
    report->written += written == length;
    report->lost += written != length;
    report->untold += written != length;
    service_page_changed(sinks->page);
    if (error < 0)
        file_failed(sinks, error);
    else
        file_succeeded(sinks);
}

static void event_to_journal(struct sinks *sinks, const struct event *event)
{
    struct sink_report *report = &sinks->page->journal;
    if (report->state == SINK_OFF)
        return;
    int error = make_record(sinks, event, &sinks->self) ? send_patiently(&sinks->journal) : -EINVAL;
    if (error < 0)
        journal_failed(sinks, error);
    else
        set_state(sinks, report, SINK_GOOD, 0, "");
    service_page_change(sinks->page);
    report->written += error == 0;
    service_page_changed(sinks->page);
}

void sinks_event(struct sinks *sinks, const struct event *event)
{
    event_to_journal(sinks, event);
    event_to_file(sinks, event);
}

/* Events that found the ring full reached neither. */
static void count_dropped(struct sinks *sinks)
{
    uint64_t dropped = event_ring_dropped(sinks->ring);
    if (dropped == 0)
        return;
    service_page_change(sinks->page);
    sinks->page->file.lost += dropped;
    sinks->page->file.untold += dropped;
    sinks->page->journal.lost += dropped;
    sinks->page->journal.untold += dropped;
    service_page_changed(sinks->page);
    event_ring_dropped_told(sinks->ring, dropped);
}

static bool make_loss_event(struct sinks *sinks, struct sink_report *report, const char *reason,
                            uint64_t *told_ms, struct event *event)
{
    uint64_t now = service_now_ms();
    if (report->untold == 0 || report->state == SINK_FAILS ||
        (*told_ms != 0 && now - *told_ms < TOLD_EVERY_MS))
        return false;
    *told_ms = now;
    event_of_agent(event, EVENT_EVENTS_DROPPED, service_now_us(), sinks->generation, reason);
    event->dropped = report->untold;
    service_page_change(sinks->page);
    report->untold = 0;
    service_page_changed(sinks->page);
    return true;
}

void sinks_tell_losses(struct sinks *sinks)
{
    struct event event;
    count_dropped(sinks);
    if (make_loss_event(sinks, &sinks->page->file,
                        "more than could be written, or the file could not be",
                        &sinks->file_told_ms, &event))
        event_to_file(sinks, &event);
    if (make_loss_event(sinks, &sinks->page->journal, "more than the journal could take",
                        &sinks->journal_told_ms, &event))
        event_to_journal(sinks, &event);
}

void sinks_retry(struct sinks *sinks)
{
    audit_file_close(&sinks->file);
    back_off_succeeded(&sinks->file_back_off);
}

/* ---- Beginning and end ---- */

static void describe_self(struct event_origin *self)
{
    memset(self, 0, sizeof(*self));
    self->pid = (uint32_t)getpid();
    snprintf(self->process_name, sizeof(self->process_name), "rpcfw");
    if (gethostname(self->host, sizeof(self->host) - 1) != 0)
        self->host[0] = '\0';
    ssize_t length = readlink("/proc/self/exe", self->executable, sizeof(self->executable) - 1);
    self->executable[length > 0 ? length : 0] = '\0';
}

static void set_off(struct sinks *sinks, struct sink_report *report, bool off)
{
    if (off)
        set_state(sinks, report, SINK_OFF, 0, "");
    else if (report->state == SINK_OFF)
        set_state(sinks, report, SINK_GOOD, 0, "");
}

void sinks_use_policy(struct sinks *sinks, const struct policy_image *image, uint64_t generation)
{
    uint32_t options = image ? image->options : 0;
    const char *path = image ? image_text(image, image->json_path) : "";
    sinks->generation = generation;
    set_off(sinks, &sinks->page->file, options & IMAGE_OPTION_JSON_OFF);
    set_off(sinks, &sinks->page->journal, options & IMAGE_OPTION_JOURNAL_OFF);
    if (strcmp(sinks->file.path, *path ? path : AUDIT_FILE) == 0)
        return;
    if (audit_file_set_path(&sinks->file, *path ? path : NULL) < 0) {
        sinks_tell(sinks, PRIORITY_ERROR, "audit file: its path is too long; it stays %s",
                   sinks->file.path);
        return;
    }
    back_off_succeeded(&sinks->file_back_off);
    service_page_change(sinks->page);
    snprintf(sinks->page->file_path, sizeof(sinks->page->file_path), "%s", sinks->file.path);
    service_page_changed(sinks->page);
}

void sinks_open(struct sinks *sinks, struct event_ring *ring, struct service_page *page)
{
    memset(sinks, 0, sizeof(*sinks));
    sinks->ring = ring;
    sinks->page = page;
    describe_self(&sinks->self);
    audit_file_init(&sinks->file);
    journal_open(&sinks->journal);
    audit_file_set_path(&sinks->file, *page->file_path ? page->file_path : NULL);
    ahead(sinks, &page->file);
    ahead(sinks, &page->journal);
    recover(sinks);
}

void sinks_close(struct sinks *sinks)
{
    audit_file_close(&sinks->file);
    journal_close(&sinks->journal);
}
