/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/supervisor.h"

#include <stdio.h>

#include "windows/agent/sinks/event_writer.h"
#include "windows/manager/installation.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/privileges.h"
#include "windows/manager/service/process_starts.h"
#include "windows/manager/service/process_watch.h"
#include "windows/manager/service/round_clock.h"
#include "windows/manager/service/service_policy.h"

/* Milliseconds. */
#define SETTLE_TIME     150 /* an editor writes a file in several steps */
#define FILE_INTERVAL   10000
#define FOLDER_PAUSE    20
#define PAUSE_LEAST     100 /* between two rounds */
#define PAUSE_MOST      8000
#define BUSY_MOST       1000  /* while a process has just started */
#define STARTS_FLUSH    200   /* starts of processes are handed over at least so often */
#define STARTS_INTERVAL 60000 /* between two tries, or checks that they are told */

/* What looking may cost, as one part of so many of a core. */
#define IDLE_SHARE 800
#define BUSY_SHARE 20

__declspec(dllexport) struct service_status RpcFwService = {
    .magic = SERVICE_STATUS_MAGIC,
    .version = SERVICE_STATUS_VERSION,
    .size = sizeof(struct service_status),
    .starts_failure = "not asked yet",
    .release = RPCFW_VERSION,
};

static struct {
    HANDLE stop;
    struct service_events events;
    struct service_policy policy;
    struct process_watch watch;
    struct process_starts starts;
    ULONGLONG starts_ms; /* when telling them was tried or checked last, or ended */
    ULONGLONG flushed_ms;
    uint64_t starts_before; /* how many were told by sessions that have ended */
    struct round_clock rounds;
    ULONGLONG files_due; /* when the policy file is read; 0: nothing has changed */
    ULONGLONG files_ms;  /* when its stamp was compared last */
} supervisor;

static void show_policy(void)
{
    struct service_status *status = &RpcFwService;
    status->generation = service_policy_generation(&supervisor.policy);
    status->policies_published = supervisor.policy.published;
    status->policies_refused = supervisor.policy.refused;
    snprintf(status->policy_error, sizeof(status->policy_error), "%s", supervisor.policy.error);
    supervisor.watch.generation = status->generation;
    status->events_lost = supervisor.events.lost;
}

static void policy_has_changed(void)
{
    show_policy();
    process_watch_refresh(&supervisor.watch);
}

/* Milliseconds, so that something of that cost takes one part of `share` of a core. */
static DWORD fair_pause(uint64_t cost_us, unsigned share, DWORD least, DWORD most)
{
    uint64_t pause = cost_us * share / 1000;
    return pause < least ? least : pause > most ? most : (DWORD)pause;
}

static DWORD busy_pause_ms(void)
{
    return fair_pause(supervisor.watch.cost_us, BUSY_SHARE, PAUSE_LEAST, BUSY_MOST);
}

static DWORD pause_ms(void)
{
    return supervisor.watch.expecting
               ? busy_pause_ms()
               : fair_pause(supervisor.watch.cost_us, IDLE_SHARE, PAUSE_LEAST, PAUSE_MOST);
}

/* Has Windows tell of starts, if it does; tries again after a while when it does not any more. */
static void listen_to_starts(ULONGLONG now)
{
    struct service_status *status = &RpcFwService;
    struct process_starts *starts = &supervisor.starts;
    bool due = !supervisor.starts_ms || now - supervisor.starts_ms >= STARTS_INTERVAL;
    bool told = process_starts_told(starts);
    if (told && due) {
        process_starts_check(starts, supervisor.watch.appeared);
        told = process_starts_told(starts);
    } else if (due) {
        supervisor.starts_before += (uint64_t)starts->count;
        told = process_starts_open(starts, &process_starts_windows);
    }
    /* What has ended is not opened again at once: somebody may end it for good reason. */
    if (due || (status->starts_told && !told)) {
        supervisor.starts_ms = now;
    }
    status->starts_told = told;
    status->starts = supervisor.starts_before + (uint64_t)starts->count;
    snprintf(status->starts_failure, sizeof(status->starts_failure), "%s",
             starts->failed ? starts->failed : "");
    status->starts_error = starts->error;
}

/* What Windows has gathered of starts is asked for by the clock. */
static void flush_starts(void)
{
    ULONGLONG now = GetTickCount64();
    if (now - supervisor.flushed_ms >= STARTS_FLUSH) {
        supervisor.flushed_ms = now;
        process_starts_flush(&supervisor.starts);
    }
}

/* Protects, when there is a policy to protect by; returns how long to wait then. */
static DWORD protect(void)
{
    struct service_status *status = &RpcFwService;
    if (service_policy_follow(&supervisor.policy, &supervisor.events)) {
        policy_has_changed();
    }
    if (!service_policy_generation(&supervisor.policy)) {
        return BUSY_MOST;
    }
    bool complete = process_watch_round(&supervisor.watch);
    status->rounds++;
    status->round_us = (uint32_t)supervisor.watch.cost_us;
    status->pause_ms = pause_ms();
    status->events_lost = supervisor.events.lost;
    return complete ? status->pause_ms : 0;
}

static void look_at_files(ULONGLONG now)
{
    if (!supervisor.files_due && now - supervisor.files_ms >= FILE_INTERVAL) {
        supervisor.files_ms = now;
        supervisor.files_due = service_policy_changed(&supervisor.policy) ? now : 0;
    }
    if (!supervisor.files_due || now < supervisor.files_due) {
        return;
    }
    supervisor.files_due = 0;
    supervisor.files_ms = now;
    if (service_policy_apply(&supervisor.policy, &supervisor.events)) {
        policy_has_changed();
    }
    show_policy();
}

/* The folder of that number has changed. */
static void folder_has_changed(size_t folder)
{
    /* The audit file may lie in the same folder and be written to all the time. */
    Sleep(FOLDER_PAUSE);
    if (folder_watch_collect(&supervisor.policy.files, folder)) {
        supervisor.files_due = GetTickCount64() + SETTLE_TIME;
    }
}

/* Waits at most so long; true: go on, false: stop. */
static bool wait(DWORD timeout_ms)
{
    HANDLE events[2 + FOLDER_WATCH_FOLDERS] = {supervisor.stop};
    DWORD first = 1;
    if (RpcFwService.starts_told) {
        events[first++] = supervisor.starts.started; /* before folders that change all the time */
        flush_starts();
        timeout_ms = timeout_ms < STARTS_FLUSH ? timeout_ms : STARTS_FLUSH;
    }
    DWORD count = first + (DWORD)folder_watch_events(&supervisor.policy.files, events + first);
    DWORD result = WaitForMultipleObjects(count, events, FALSE, timeout_ms);
    if (result > WAIT_OBJECT_0 && result < WAIT_OBJECT_0 + first) {
        round_clock_hasten(&supervisor.rounds);
    } else if (result >= WAIT_OBJECT_0 + first && result < WAIT_OBJECT_0 + count) {
        folder_has_changed(result - WAIT_OBJECT_0 - first);
    }
    return result != WAIT_OBJECT_0 && result != WAIT_FAILED;
}

/* The processes are looked at when their time has come, not each time that a folder has changed. */
static void loop(void)
{
    struct round_clock *rounds = &supervisor.rounds;
    bool going = true;
    while (going) {
        ULONGLONG now = GetTickCount64();
        listen_to_starts(now);
        look_at_files(now);
        if (round_clock_due(rounds, now)) {
            DWORD pause = protect();
            now = GetTickCount64();
            round_clock_done(rounds, now, pause, busy_pause_ms());
        }
        ULONGLONG until = supervisor.files_due && supervisor.files_due < rounds->next
                              ? supervisor.files_due
                              : rounds->next;
        going = wait(until > now ? (DWORD)(until - now) : 0);
    }
}

/* The processes that run now, all of them, unless the service is stopped before. */
static void first_pass(void)
{
    while (service_policy_generation(&supervisor.policy) && !supervisor.watch.rounds &&
           WaitForSingleObject(supervisor.stop, 0) == WAIT_TIMEOUT) {
        protect();
    }
}

enum service_failure supervisor_run(HANDLE stop, void (*ready)(void))
{
    struct service_status *status = &RpcFwService;
    supervisor.stop = stop;
    supervisor.watch.stop = stop;
    supervisor.watch.events = &supervisor.events;
    supervisor.watch.status = status;
    if (!installed_file_path(INSTALLED_AGENT, supervisor.watch.agent_path)) {
        return SERVICE_FAILURE_FOLDER;
    }
    service_events_open(&supervisor.events);
    privileges_enable_debug();
    enum service_failure failure = installation_check() == INSTALLATION_GOOD
                                       ? service_policy_open(&supervisor.policy)
                                       : SERVICE_FAILURE_INSTALLATION;
    if (failure) {
        service_events_service(&supervisor.events, EVENT_SERVICE_STOPPED, 0,
                               service_failure_text(failure));
    } else {
        status->started_us = event_time_now();
        service_policy_apply(&supervisor.policy, &supervisor.events);
        show_policy();
        service_events_service(&supervisor.events, EVENT_SERVICE_STARTED, status->generation,
                               supervisor.policy.error);
        status->running = 1;
        first_pass();
        ready();
        loop();
        status->running = 0;
        service_events_service(&supervisor.events, EVENT_SERVICE_STOPPED, status->generation,
                               "it was asked to; protected processes stay protected");
    }
    process_starts_close(&supervisor.starts);
    process_watch_free(&supervisor.watch);
    service_policy_close(&supervisor.policy);
    service_events_close(&supervisor.events);
    return failure;
}
