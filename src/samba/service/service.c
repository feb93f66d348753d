/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "samba/service/notify.h"
#include "samba/service/policy_at_start.h"
#include "samba/service/process_watch.h"
#include "samba/service/sinks.h"
#include "samba/state/control_page.h"
#include "samba/state/process_table.h"

#define LOCK_FILE "service-lock"

/* After events there are often more: for that long it looks by itself, so that no host spends a
 * system call on waking it. */
#define NAP_MS    10
#define NAPS_MAX  5
#define SLEEP_MS  5000
#define REAP_MS   10000
#define LOSSES_MS 1000
#define DRAIN_MS  5000

struct service {
    int directory;
    int lock;
    struct state_mapping control;
    struct state_mapping ring;
    struct state_mapping table;
    struct state_mapping page;
    struct sinks sinks;
    struct process_watch watch;
    uint64_t generation; /* whose options the sinks follow */
    uint64_t reaped_ms;
    uint64_t losses_ms;
    uint64_t alive_ms; /* when the watchdog was told last */
    uint64_t watchdog_ms;
};

/* ---- Signals ---- */

static volatile sig_atomic_t asked_to_stop;
static volatile sig_atomic_t asked_to_reopen;
static struct event_ring *ring_to_stir;

static void on_signal(int number)
{
    int saved = errno;
    if (number == SIGHUP)
        asked_to_reopen = 1;
    else
        asked_to_stop = 1;
    event_ring_stir(ring_to_stir);
    errno = saved;
}

static void catch_signals(struct event_ring *ring)
{
    struct sigaction action = {.sa_handler = on_signal};
    ring_to_stir = ring;
    sigfillset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- Start ---- */

static int refuse(const char *what, int error)
{
    fprintf(stderr, "rpcfw serve: %s: %s\n", what, strerror(-error));
    return CLI_ERROR;
}

/* One service on a host. */
static int take_lock(struct service *service)
{
    service->lock =
        openat(service->directory, LOCK_FILE,
               O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR);
    if (service->lock < 0)
        return refuse(STATE_DIRECTORY "/" LOCK_FILE, -errno);
    if (flock(service->lock, LOCK_EX | LOCK_NB) == 0)
        return CLI_DONE;
    struct service_page other;
    bool known = service_page_read(service->directory, &other) == 0;
    fprintf(stderr, "rpcfw serve: the service runs already, as process %u\n",
            known ? (unsigned)other.pid : 0);
    return CLI_ERROR;
}

static int map_control(int directory, struct state_mapping *mapping)
{
    return control_page_map(directory, false, mapping);
}

/*
 * Maps a file of the state. One that another release made is replaced: its agents keep the old one,
 * and are replaced in their turn when the watch finds no entry of theirs in the new table.
 */
static int map_file(const struct service *service, const char *name,
                    int (*map)(int directory, struct state_mapping *mapping),
                    struct state_mapping *mapping)
{
    char path[64];
    snprintf(path, sizeof(path), STATE_DIRECTORY "/%s", name);
    int error = map(service->directory, mapping);
    if (error == -EPROTO) {
        fprintf(stderr, "rpcfw serve: %s is of another release: it is replaced\n", path);
        if (unlinkat(service->directory, name, 0) != 0)
            return refuse(path, -errno);
        error = map(service->directory, mapping);
    }
    return error < 0 ? refuse(path, error) : CLI_DONE;
}

static int map_state(struct service *service)
{
    int code = map_file(service, "control", map_control, &service->control);
    if (code == CLI_DONE)
        code = map_file(service, "processes", process_table_map, &service->table);
    if (code == CLI_DONE)
        code = map_file(service, "events", event_ring_map, &service->ring);
    if (code == CLI_DONE)
        code = map_file(service, "service", service_page_map, &service->page);
    return code;
}

static int open_state(struct service *service)
{
    service->directory = state_directory_open(true);
    if (service->directory < 0) {
        int error = service->directory;
        return error == -EPERM
                   ? refuse(STATE_DIRECTORY " is not a directory of root's alone", error)
                   : refuse(STATE_DIRECTORY, error);
    }
    int code = take_lock(service);
    return code == CLI_DONE ? map_state(service) : code;
}

static void introduce(struct service_page *page)
{
    service_page_change(page);
    page->pid = (uint32_t)getpid();
    page->start_time = process_start_time(page->pid);
    page->started_us = service_now_us();
    page->watch = SERVICE_WATCH_OFF;
    service_page_changed(page);
}

static void tell_event(struct service *service, enum event_kind kind, const char *detail)
{
    struct event event;
    event_of_agent(&event, kind, service_now_us(), service->generation, detail);
    sinks_event(&service->sinks, &event);
}

static void follow_policy(struct service *service)
{
    struct policy_view view;
    uint64_t generation = atomic_load(&control_page_of(&service->control)->generation);
    if (generation == service->generation && generation != 0)
        return;
    enum policy_view_error error = policy_view_open(service->directory, generation, &view);
    if (error == POLICY_VIEW_OK || generation == 0)
        sinks_use_policy(&service->sinks, view.image, generation);
    else if (error != POLICY_VIEW_ABSENT)
        sinks_tell(&service->sinks, 3, "policy generation %llu: %s; its options are not followed",
                   (unsigned long long)generation, policy_view_error_text(error));
    policy_view_close(&view);
    /* A generation that is gone already has a successor: look again. */
    if (error != POLICY_VIEW_ABSENT)
        service->generation = generation;
}

static void publish_policy(struct service *service, const char *path)
{
    struct event event;
    if (!policy_at_start(service->directory, path, &event))
        return;
    follow_policy(service);
    sinks_event(&service->sinks, &event);
    if (event.kind == EVENT_POLICY_FILE_REFUSED)
        sinks_tell(&service->sinks, 3,
                   "%s is not in force: %s; no policy is, and every call passes. Mend it, then: "
                   "rpcfw update",
                   path, event.detail);
}

static void start_watch(struct service *service, const char *agent_path)
{
    int error = process_watch_start(&service->watch, service->directory, agent_path,
                                    service->table.bytes, service->ring.bytes, service->page.bytes);
    if (error < 0)
        sinks_tell(&service->sinks, 3, "processes without an agent are not watched for: %s",
                   strerror(-error));
}

/* ---- Work ---- */

static bool is_due(uint64_t *last_ms, uint64_t every_ms, uint64_t now)
{
    if (every_ms == 0 || now - *last_ms < every_ms)
        return false;
    *last_ms = now;
    return true;
}

static void keep_house(struct service *service)
{
    uint64_t now = service_now_ms();
    if (is_due(&service->losses_ms, LOSSES_MS, now))
        sinks_tell_losses(&service->sinks);
    if (is_due(&service->reaped_ms, REAP_MS, now))
        process_table_reap(service->table.bytes);
    if (is_due(&service->alive_ms, service->watchdog_ms, now))
        notify("WATCHDOG=1");
}

static void nap(void)
{
    const struct timespec time = {.tv_nsec = NAP_MS * 1000000L};
    nanosleep(&time, NULL);
}

/* How long it may sleep when nothing wakes it. */
static unsigned sleep_ms(const struct service *service)
{
    const struct service_page *page = service->page.bytes;
    uint64_t longest = SLEEP_MS;
    if (page->file.state == SINK_FAILS || page->file.untold || page->journal.untold)
        longest = BACK_OFF_FIRST_MS;
    if (service->watchdog_ms && service->watchdog_ms < longest)
        longest = service->watchdog_ms;
    return (unsigned)longest;
}

static void work(struct service *service, const char *policy_file)
{
    unsigned naps = 0;
    while (!asked_to_stop) {
        if (asked_to_reopen) {
            asked_to_reopen = 0;
            sinks_retry(&service->sinks);
            publish_policy(service, policy_file);
        }
        follow_policy(service);
        enum sinks_progress progress = sinks_run(&service->sinks);
        keep_house(service);
        if (progress == SINKS_MOVED) {
            naps = NAPS_MAX;
        } else if (progress == SINKS_BUSY || naps > 0) {
            naps -= naps > 0;
            nap();
        } else {
            event_ring_wait(service->ring.bytes, sleep_ms(service));
        }
    }
}

/* What is in the ring and can be written is written; the rest waits there for a successor. */
static void finish(struct service *service)
{
    uint64_t end = service_now_ms() + DRAIN_MS;
    notify("STOPPING=1");
    sinks_retry(&service->sinks);
    while (service_now_ms() < end) {
        enum sinks_progress progress = sinks_run(&service->sinks);
        if (progress == SINKS_IDLE)
            break;
        if (progress == SINKS_BUSY)
            nap();
    }
    sinks_tell_losses(&service->sinks);
    tell_event(service, EVENT_SERVICE_STOPPED, "asked to");
    struct service_page *page = service->page.bytes;
    service_page_change(page);
    page->pid = 0;
    service_page_changed(page);
}

int service_run(const struct service_options *options)
{
    static struct service service;
    umask(077);
    if (geteuid() != 0) {
        fprintf(stderr, "rpcfw serve: needs root\n");
        return CLI_ERROR;
    }
    int code = open_state(&service);
    if (code != CLI_DONE)
        return code;
    catch_signals(service.ring.bytes);
    sinks_open(&service.sinks, service.ring.bytes, service.page.bytes);
    introduce(service.page.bytes);
    follow_policy(&service);
    tell_event(&service, EVENT_SERVICE_STARTED, RPCFW_VERSION);
    publish_policy(&service, options->policy_file);
    service.watchdog_ms = notify_watchdog_ms();
    if (options->watch)
        start_watch(&service, options->agent_path);
    notify("READY=1");
    work(&service, options->policy_file);
    process_watch_stop(&service.watch);
    finish(&service);
    sinks_close(&service.sinks);
    return CLI_DONE;
}
