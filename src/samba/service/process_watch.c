/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/process_watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "samba/manager/agent_file.h"
#include "samba/manager/protection.h"
#include "samba/service/process_events.h"
#include "samba/service/sinks.h"
#include "samba/state/control_page.h"

/* A program that was just started loads its libraries first. */
#define SETTLE_MS 1000
#define POLL_MS   5000 /* when the kernel tells nothing */
#define LOOK_ANYWAY_MS                                                                             \
    30000 /* when it does: libraries also come late, without a program's start                     \
           */
#define LOCK_TIMEOUT_MS 2000
#define TRIES_MAX       3

/* ---- What was done about a process ---- */

static struct watched_process *remember(struct process_watch *watch, uint32_t pid,
                                        uint64_t start_time)
{
    for (unsigned i = 0; i < WATCH_SEEN_MAX; i++) {
        struct watched_process *seen = &watch->seen[i];
        if (seen->pid == pid && seen->start_time == start_time)
            return seen;
    }
    struct watched_process *seen = &watch->seen[watch->next_seen++ % WATCH_SEEN_MAX];
    *seen = (struct watched_process){.pid = pid, .start_time = start_time};
    return seen;
}

static uint64_t generation_in_force(const struct process_watch *watch, enum control_mode *mode)
{
    struct state_mapping mapping;
    *mode = CONTROL_OFF;
    if (control_page_map(watch->directory, false, &mapping) < 0)
        return 0;
    const struct control_page *page = control_page_of(&mapping);
    uint64_t generation = atomic_load(&page->generation);
    *mode = atomic_load(&page->mode) == CONTROL_ON ? CONTROL_ON : CONTROL_OFF;
    state_file_unmap(&mapping);
    return generation;
}

static void tell_gap(struct process_watch *watch, struct watched_process *seen, const char *reason,
                     const char *covered_by)
{
    struct event event;
    struct ring_origin origin = watch->self;
    enum control_mode mode;
    char path[64];
    if (seen->told)
        return;
    seen->told = true;
    origin.about = seen->pid;
    snprintf(path, sizeof(path), "/proc/%u/exe", (unsigned)seen->pid);
    ssize_t length = readlink(path, origin.executable, sizeof(origin.executable) - 1);
    origin.executable[length > 0 ? length : 0] = '\0';
    snprintf(origin.process_name, sizeof(origin.process_name), "%.*s",
             (int)sizeof(origin.process_name) - 1, path_name(origin.executable));
    event_of_gap(&event, service_now_us(), generation_in_force(watch, &mode), reason, covered_by);
    event_ring_put(watch->ring, &origin, &event);
}

/* An agent came in and found no entry in the table: to enter the process again changes nothing,
 * until there is room. Told of one process for all. */
static void tell_unlisted(struct process_watch *watch, struct watched_process *seen)
{
    seen->unlisted = true;
    if (!watch->full_told)
        tell_gap(watch, seen, "more processes than can be listed: this and others are not shown",
                 "an agent in it");
    watch->full_told = true;
}

static void try_unlisted_again(struct process_watch *watch, struct watched_process *seen)
{
    if (!process_table_has_room(watch->table))
        return;
    watch->full_told = false;
    seen->unlisted = false;
    seen->told = false;
    seen->tries = 0;
}

/* ---- Protecting ---- */

static void protect(struct process_watch *watch, struct watched_process *seen)
{
    char installed[PATH_MAX];
    struct protection_host host = {.agent_path = watch->agent_path,
                                   .table = watch->table,
                                   .timeout_ms = PROTECTION_TIMEOUT_MS};
    struct protection_result result;
    enum control_mode mode;
    /* Each time: another one may have been installed since. */
    if (!host.agent_path && agent_file_find(installed))
        host.agent_path = installed;
    if (!host.agent_path) {
        tell_gap(watch, seen, "no agent is installed", "nothing");
        return;
    }
    int lock = manager_lock(watch->directory, LOCK_TIMEOUT_MS);
    if (lock < 0)
        return; /* a manager is at work: the next look comes back to it */
    generation_in_force(watch, &mode);
    /* `rpcfw unprotect` may have come between. */
    if (mode == CONTROL_ON) {
        protection_add(&host, (pid_t)seen->pid, &result);
        bool failed = result.outcome == PROTECTION_REFUSED && ++seen->tries >= TRIES_MAX;
        if (failed && !result.has_view && !process_table_has_room(watch->table))
            tell_unlisted(watch, seen);
        else if (failed)
            tell_gap(watch, seen, result.reason, "nothing");
    }
    close(lock);
}

static void look_at(struct process_watch *watch, pid_t pid)
{
    struct agent_view view;
    struct scanned_process process;
    uint64_t start_time = process_start_time((uint32_t)pid);
    bool has_view = agent_view_find(watch->table, pid, &view);
    if (start_time == 0 || (has_view && view.state == AGENT_PROTECTED))
        return;
    if (has_view && view.state == AGENT_REFUSED && view.reason != AGENT_REASON_SWITCHED_OFF) {
        char reason[PROTECTION_REASON_SIZE];
        agent_reason_text(&view, reason, sizeof(reason));
        tell_gap(watch, remember(watch, (uint32_t)pid, start_time), reason, "nothing");
        return;
    }
    /* One that was detached is left alone: somebody asked for that. */
    if (has_view && view.state != AGENT_WAITING)
        return;
    if (!process_scan_one(pid, &process))
        return;
    /* A daemon that starts servers hands the agent on to them; one that has it waits for good. */
    bool due = (process.serves || (process.starts && !has_view)) && process.facts.root &&
               !process.facts.elsewhere;
    scanned_process_free(&process);
    struct watched_process *seen = due ? remember(watch, (uint32_t)pid, start_time) : NULL;
    if (seen && seen->unlisted)
        try_unlisted_again(watch, seen);
    if (seen && seen->tries < TRIES_MAX)
        protect(watch, seen);
}

/* ---- Finding ---- */

/* Whether it is one of Samba's servers, told from the name of its program: to read what each
 * process of the host has mapped would cost too much. */
static bool is_samba(pid_t pid)
{
    static const char *const programs[] = {"samba", "smbd", "winbindd", "rpcd_"};
    char path[64];
    char target[4096];
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    const char *name = path_name(target);
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strncmp(name, programs[i], strlen(programs[i])) == 0)
            return true;
    }
    return false;
}

static void look_at_all(struct process_watch *watch)
{
    DIR *proc = opendir("/proc");
    if (!proc)
        return;
    for (const struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        pid_t pid =
            isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (pid > 0 && is_samba(pid))
            look_at(watch, pid);
    }
    closedir(proc);
}

/* Whether one of the programs that were started since was Samba's. */
static bool samba_was_started(struct process_watch *watch)
{
    bool started = false;
    for (pid_t pid; (pid = process_events_next(watch->events)) != 0;)
        started = started || pid < 0 || is_samba(pid);
    return started;
}

/* Waits for the time of the next look; false: the service stops. */
static bool wait_for_look(struct process_watch *watch, int timeout_ms)
{
    uint64_t end = service_now_ms() + (uint64_t)timeout_ms;
    struct pollfd files[] = {{.fd = watch->stop, .events = POLLIN},
                             {.fd = watch->events, .events = POLLIN}};
    for (;;) {
        uint64_t now = service_now_ms();
        if (now >= end)
            return true;
        int ready = poll(files, watch->events >= 0 ? 2 : 1, (int)(end - now));
        if (files[0].revents)
            return false;
        if (ready > 0 && samba_was_started(watch) && end > service_now_ms() + SETTLE_MS)
            end = service_now_ms() + SETTLE_MS;
        /* An ended socket must not turn this into a busy loop. */
        if (ready > 0 && files[1].revents & (POLLERR | POLLHUP | POLLNVAL) &&
            !(files[1].revents & POLLIN))
            poll(NULL, 0, SETTLE_MS);
    }
}

static void *run(void *argument)
{
    struct process_watch *watch = argument;
    int interval = watch->events >= 0 ? LOOK_ANYWAY_MS : POLL_MS;
    pthread_setname_np(pthread_self(), "rpcfw-watch");
    do {
        look_at_all(watch);
    } while (wait_for_look(watch, interval));
    return NULL;
}

/* ---- Beginning and end ---- */

static int start_thread(struct process_watch *watch)
{
    sigset_t all, before;
    sigfillset(&all);
    /* Signals are the main thread's. */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&watch->thread, NULL, run, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

int process_watch_start(struct process_watch *watch, int directory, const char *agent_path,
                        struct process_table *table, struct event_ring *ring,
                        struct service_page *page)
{
    memset(watch, 0, sizeof(*watch));
    watch->directory = directory;
    watch->agent_path = agent_path;
    watch->table = table;
    watch->ring = ring;
    watch->page = page;
    watch->self.pid = (uint32_t)getpid();
    watch->self.start_time = process_start_time(watch->self.pid);
    watch->events = process_events_open();
    watch->stop = eventfd(0, EFD_CLOEXEC);
    int error = watch->stop < 0 ? -errno : start_thread(watch);
    watch->running = error == 0;
    if (error < 0)
        return error;
    service_page_change(page);
    page->watch = watch->events >= 0 ? SERVICE_WATCH_EVENTS : SERVICE_WATCH_POLLS;
    service_page_changed(page);
    return 0;
}

void process_watch_stop(struct process_watch *watch)
{
    if (!watch->running)
        return;
    eventfd_write(watch->stop, 1);
    pthread_join(watch->thread, NULL);
    close(watch->stop);
    if (watch->events >= 0)
        close(watch->events);
    watch->running = false;
}
