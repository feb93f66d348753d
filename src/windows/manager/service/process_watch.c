/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/process_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/manager/protection_present.h"
#include "windows/manager/wide_text.h"
#include "windows/policy_section.h"

#define SYSTEM_PID 4

/* Milliseconds. */
#define ROUND_LIMIT    500   /* of looking in one round */
#define LOCK_TIMEOUT   300   /* another manager is at work: next round */
#define LEAVE_PAUSE    900   /* an agent that found no server lingers for 700 */
#define FIRST_PAUSE    500   /* of a new process, where only the clock tells */
#define PAUSE_MAX      60000 /* between two looks at a process that changes */
#define REFUSED_PAUSE  2000  /* after a refusal, and doubled from then on */
#define REFUSED_MAX    300000
#define COST_PAUSES    6     /* times that a look took, before the next at the same process */
#define GAP_AGE        3000  /* before, a process that refuses may not have begun yet */
#define YOUNG          20000 /* processes are entered by the clock */
#define EXPECTING      5000  /* rounds come faster while a process may be about to listen */
#define PORTS_AGE      60000 /* listening ports are taken at least so often */
#define AGENT_INTERVAL 2000  /* between two readings of an agent's status */
#define FORMERS_MAX    3     /* looks at an agent that is leaving */
#define TICKS_PER_MS   10000u

static uint64_t now_filetime(void)
{
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    return (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

static void let_go(struct watched_process *process)
{
    if (process->process) {
        CloseHandle(process->process);
        process->process = NULL;
    }
}

void process_watch_free(struct process_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        let_go(&watch->list[i]);
    }
    free(watch->list);
    process_snapshot_free(&watch->snapshot);
    listening_ports_free(&watch->ports);
    watch->list = NULL;
    watch->count = 0;
}

/* ---- The list ---- */

static bool reserve(struct process_watch *watch, size_t count)
{
    if (count <= watch->capacity) {
        return true;
    }
    struct watched_process *list = realloc(watch->list, count * 2 * sizeof(*list));
    if (!list) {
        return false;
    }
    watch->list = list;
    watch->capacity = count * 2;
    return true;
}

static void add_process(struct process_watch *watch, const struct process_fact *fact, ULONGLONG now)
{
    struct watched_process *process = &watch->list[watch->count++];
    watch->appeared++;
    bool ignored = fact->pid == 0 || fact->pid == SYSTEM_PID || fact->pid == GetCurrentProcessId();
    *process = (struct watched_process){
        .pid = fact->pid,
        .created = fact->created,
        .state = ignored ? WATCHED_IGNORED : WATCHED_WAITING,
        .seen = true,
        .first_ms = now,
        .pause_ms = FIRST_PAUSE,
        /* What came since the round before may be its own. */
        .marks = {.pipes = watch->pipe_changes ? watch->pipe_changes - 1 : 0,
                  .unowned = watch->unowned_before},
        .not_before = watch->rounds && !watch->pipes_known ? now + FIRST_PAUSE : now,
    };
    process->old = !watch->rounds;
    if (process->old) {
        process->marks.pipes = UINT64_MAX; /* all that run at the start are entered once */
    }
}

static int by_pid(const void *left, const void *right)
{
    DWORD a = ((const struct watched_process *)left)->pid;
    DWORD b = ((const struct watched_process *)right)->pid;
    return (a > b) - (a < b);
}

static void remove_unseen(struct process_watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->list[i].seen) {
            watch->list[kept++] = watch->list[i];
        } else {
            let_go(&watch->list[i]);
        }
    }
    watch->count = kept;
}

/* Brings the list in step with the snapshot: both ascend by PID. */
static bool follow_snapshot(struct process_watch *watch, ULONGLONG now)
{
    const struct process_snapshot *snapshot = &watch->snapshot;
    size_t known = watch->count;
    size_t at = 0;
    if (!reserve(watch, known + snapshot->count)) {
        return false;
    }
    for (size_t i = 0; i < known; i++) {
        watch->list[i].seen = false;
    }
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct process_fact *fact = &snapshot->facts[i];
        while (at < known && watch->list[at].pid < fact->pid) {
            at++;
        }
        if (at < known && watch->list[at].pid == fact->pid &&
            watch->list[at].created == fact->created) {
            watch->list[at].seen = true;
        } else {
            add_process(watch, fact, now);
        }
    }
    bool added = watch->count > known;
    remove_unseen(watch);
    if (added) {
        qsort(watch->list, watch->count, sizeof(*watch->list), by_pid);
    }
    return true;
}

/* ---- What has changed ---- */

/* Started while the service ran, and not long ago. */
static bool is_young(const struct watched_process *process, ULONGLONG now)
{
    return !process->old && now - process->first_ms < YOUNG;
}

static bool has_stirred(const struct watched_process *process, const struct process_fact *fact)
{
    return process->marks.handles != fact->handles || process->marks.threads != fact->threads;
}

/* The ports cost more to ask for than the processes: only when one of these may have new ones. */
static void take_ports(struct process_watch *watch, ULONGLONG now)
{
    bool needed = now - watch->ports_ms >= PORTS_AGE || !watch->ports_ms;
    for (size_t i = 0; i < watch->count && !needed; i++) {
        const struct watched_process *process = &watch->list[i];
        const struct process_fact *fact = process_snapshot_find(&watch->snapshot, process->pid);
        needed = process->state != WATCHED_PROTECTED && process->state != WATCHED_IGNORED && fact &&
                 (has_stirred(process, fact) || is_young(process, now));
    }
    if (needed) {
        uint64_t digest = 0;
        watch->unowned_before = listening_ports_of(&watch->ports, 0);
        listening_ports_take(&watch->ports);
        watch->pipes_known = pipe_names_digest(&digest);
        watch->pipe_changes += watch->pipes_known && digest != watch->pipe_digest;
        watch->pipe_digest = digest;
        watch->ports_ms = now;
    }
}

/* Whether it listens, or may listen, where it did not at the last look. */
static bool has_new_ports(const struct watched_process *process, const struct process_fact *fact,
                          const struct process_marks *marks)
{
    bool own = marks->ports && marks->ports != process->marks.ports;
    bool unowned = marks->unowned && marks->unowned != process->marks.unowned;
    return own || (unowned && has_stirred(process, fact));
}

/* Whether the process may have become a server since the last look. */
static bool has_signal(const struct process_watch *watch, const struct watched_process *process,
                       const struct process_fact *fact, bool listens, ULONGLONG now)
{
    if (listens || process->marks.pipes == UINT64_MAX) {
        return true;
    }
    bool stirred = has_stirred(process, fact);
    if (watch->pipes_known) {
        return stirred && watch->pipe_changes != process->marks.pipes;
    }
    return stirred || is_young(process, now);
}

/* ---- Looking at one process ---- */

static void image_path(DWORD pid, const struct process_fact *fact, char path[UTF8_PATH_SIZE])
{
    wchar_t wide[MAX_PATH] = L"";
    DWORD size = ARRAYSIZE(wide);
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (!process || !QueryFullProcessImageNameW(process, 0, wide, &size)) {
        size = 0;
    }
    if (process) {
        CloseHandle(process);
    }
    if (size) {
        utf8_from_wide(wide, path, UTF8_PATH_SIZE);
    } else if (fact) {
        process_fact_name(fact, path);
    } else {
        path[0] = '\0';
    }
}

static uint64_t text_digest(const char *text)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (; *text; text++) {
        digest = (digest ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return digest ? digest : 1;
}

static void tell_gap(struct process_watch *watch, struct watched_process *process,
                     const char *reason)
{
    char path[UTF8_PATH_SIZE];
    image_path(process->pid, process_snapshot_find(&watch->snapshot, process->pid), path);
    service_events_gap(watch->events, process->pid, path, watch->generation, reason,
                       process->admission ? admission_remedy(process->admission) : "nothing");
    watch->status->gaps++;
}

/* From its start, or from when it was seen to listen, if that was later. */
static void note_delay(struct process_watch *watch, const struct watched_process *process,
                       ULONGLONG now)
{
    struct service_status *status = watch->status;
    if (!watch->rounds) {
        return;
    }
    uint64_t delay = (now_filetime() - process->created) / TICKS_PER_MS;
    if (process->listens_ms && now - process->listens_ms < delay &&
        process->listens_ms - process->first_ms > LEAVE_PAUSE) {
        delay = now - process->listens_ms;
    }
    uint32_t ms = delay < UINT32_MAX ? (uint32_t)delay : UINT32_MAX;
    status->delays++;
    status->delay_last_ms = ms;
    status->delay_sum_ms += ms;
    status->delay_max_ms = ms > status->delay_max_ms ? ms : status->delay_max_ms;
}

/* From now on its agent is looked at; false: it has gone meanwhile. */
static bool adopt(struct watched_process *process, const struct protection_result *result,
                  ULONGLONG now)
{
    let_go(process);
    process->process = OpenProcess(REMOTE_AGENT_READ_ACCESS, FALSE, process->pid);
    if (!process->process ||
        remote_agent_attach(process->process, result->base, result->image_size, &process->agent)) {
        let_go(process);
        return false;
    }
    process->state = WATCHED_PROTECTED;
    process->not_before = now + AGENT_INTERVAL;
    return true;
}

/* The next look: by the clock after the pause, when it begins to listen after `least`. */
static void wait_again(struct watched_process *process, DWORD least, DWORD most, ULONGLONG now)
{
    DWORD pause = process->pause_ms > least ? process->pause_ms : least;
    process->not_before = now + pause;
    process->not_before_listening = now + least;
    process->pause_ms = pause < most / 2 ? pause * 2 : most;
}

/*
 * Whether the refused process may be one that other machines reach. One that can be entered has
 * loaded the RPC runtime, and what refuses then mostly is an agent that found endpoints. One that
 * cannot even be looked into is asked nothing: only what is seen from outside tells that it serves.
 */
static bool may_be_gap(const struct process_watch *watch, const struct watched_process *process,
                       const struct protection_result *result)
{
    bool unowned = process->listens_ms && listening_ports_of(&watch->ports, 0);
    return !result->unasked || unowned || listening_ports_remote(&watch->ports, process->pid);
}

static void settle(struct process_watch *watch, struct watched_process *process,
                   const struct protection_result *result, ULONGLONG began)
{
    ULONGLONG now = GetTickCount64();
    DWORD least = process->old || now - process->first_ms >= GAP_AGE ? REFUSED_PAUSE : 0;
    DWORD cost = (DWORD)(now - began) * COST_PAUSES;
    snprintf(process->reason, sizeof(process->reason), "%.159s", result->reason);
    process->tell_gap = false;
    switch (result->outcome) {
    case PROTECTION_ADDED:
        watch->status->added++;
        note_delay(watch, process, now);
        adopt(process, result, now);
        break;
    case PROTECTION_PRESENT:
        watch->status->adopted++;
        adopt(process, result, now);
        break;
    case PROTECTION_REFUSED:
        process->tell_gap = may_be_gap(watch, process, result);
        process->state = process->tell_gap ? WATCHED_REFUSED : WATCHED_CLOSED;
        wait_again(process, cost > least ? cost : least, REFUSED_MAX, now);
        break;
    default:
        process->state = WATCHED_WAITING;
        process->told_gap = 0;
        process->listens_ms = 0;
        wait_again(process, result->base ? LEAVE_PAUSE : 0, PAUSE_MAX, now);
        break;
    }
}

static void look(struct process_watch *watch, struct watched_process *process,
                 const struct process_marks *marks, bool suspended)
{
    struct protection_result result;
    HANDLE mutex = policy_manager_lock(LOCK_TIMEOUT);
    ULONGLONG began = GetTickCount64();
    if (!mutex) {
        return;
    }
    if (suspended) {
        result = (struct protection_result){0};
        protection_refuse(&result, ADMISSION_SUSPENDED);
    } else {
        /* One that does not leave by itself is seen off. */
        (process->formers < FORMERS_MAX ? protection_try : protection_add)(watch->agent_path,
                                                                           process->pid, &result);
    }
    policy_manager_unlock(mutex);
    process->marks = *marks;
    process->admission = result.admission;
    settle(watch, process, &result, began);
    process->formers = result.former ? process->formers + 1 : 0;
    if (result.former) {
        /* What that agent found may be out of date: it is asked again when it has left. */
        process->state = WATCHED_WAITING;
        process->tell_gap = false;
        process->marks = (struct process_marks){.pipes = UINT64_MAX};
        process->not_before = GetTickCount64() + LEAVE_PAUSE;
        process->pause_ms = FIRST_PAUSE;
    }
}

/* Whether the agent still protects; when not, the process is looked at again at once. */
static void check_agent(struct process_watch *watch, struct watched_process *process, ULONGLONG now)
{
    struct agent_status status;
    process->not_before = now + AGENT_INTERVAL;
    if (remote_agent_read(&process->agent, &status) == REMOTE_AGENT_OK &&
        (status.state == AGENT_PROTECTED || status.state == AGENT_STARTING)) {
        return;
    }
    bool ended = WaitForSingleObject(process->process, 0) == WAIT_OBJECT_0;
    let_go(process);
    process->state = WATCHED_WAITING;
    process->admission = ADMISSION_GRANTED;
    process->marks = (struct process_marks){.pipes = UINT64_MAX};
    process->pause_ms = FIRST_PAUSE;
    process->not_before = now;
    if (!ended) {
        watch->status->vanished++;
        tell_gap(watch, process, "its agent has left; it is brought back");
    }
}

/* One that has ended since it was refused is no gap. */
static void tell_refusal(struct process_watch *watch, struct watched_process *process)
{
    uint64_t digest = text_digest(process->reason);
    process->tell_gap = false;
    if (process->told_gap != digest) {
        process->told_gap = digest;
        tell_gap(watch, process, process->reason);
    }
}

static void visit(struct process_watch *watch, struct watched_process *process, ULONGLONG now)
{
    const struct process_fact *fact = process_snapshot_find(&watch->snapshot, process->pid);
    if (process->state == WATCHED_IGNORED || !fact) {
        return;
    }
    if (process->state == WATCHED_PROTECTED) {
        if (now >= process->not_before) {
            check_agent(watch, process, now);
        }
        return;
    }
    if (process->tell_gap && (process->old || now - process->first_ms >= GAP_AGE)) {
        tell_refusal(watch, process);
    }
    struct process_marks marks = {
        .handles = fact->handles,
        .threads = fact->threads,
        .ports = listening_ports_of(&watch->ports, process->pid),
        .pipes = watch->pipe_changes,
        .unowned = listening_ports_of(&watch->ports, 0),
    };
    bool listens = has_new_ports(process, fact, &marks);
    bool due = now >= process->not_before || (listens && now >= process->not_before_listening);
    if (listens && !process->listens_ms) {
        process->listens_ms = now;
    }
    if (process->state == WATCHED_REFUSED || process->state == WATCHED_CLOSED) {
        if (due) {
            look(watch, process, &marks, fact->suspended);
        }
    } else if (has_signal(watch, process, fact, listens, now) && due) {
        look(watch, process, &marks, fact->suspended);
    }
}

static void count_states(struct process_watch *watch, ULONGLONG now)
{
    uint32_t by_state[WATCHED_IGNORED + 1] = {0};
    bool expecting = false;
    for (size_t i = 0; i < watch->count; i++) {
        const struct watched_process *process = &watch->list[i];
        by_state[process->state]++;
        expecting |= process->state == WATCHED_WAITING && !process->old &&
                     now - process->first_ms < EXPECTING;
    }
    watch->expecting = expecting;
    watch->status->processes = (uint32_t)watch->count;
    watch->status->is_protected = by_state[WATCHED_PROTECTED];
    watch->status->waiting = by_state[WATCHED_WAITING] + by_state[WATCHED_CLOSED];
    watch->status->refused = by_state[WATCHED_REFUSED];
}

static uint64_t microseconds(void)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t hertz = (uint64_t)frequency.QuadPart;
    uint64_t count = (uint64_t)now.QuadPart;
    return count / hertz * 1000000 + count % hertz * 1000000 / hertz;
}

/*
 * Takes the list of processes and notes the least of the recent costs: the clock on the wall counts
 * what others did meanwhile, too.
 */
static bool take_snapshot(struct process_watch *watch)
{
    uint64_t start = microseconds();
    bool taken = process_snapshot_take(&watch->snapshot);
    uint64_t took = microseconds() - start;
    size_t count = watch->snapshot.count ? watch->snapshot.count : 1;
    /* For each process, so that it holds when many more come. */
    uint64_t each_ns = took * 1000 / count;
    watch->each_ns = !watch->each_ns || each_ns < watch->each_ns
                         ? each_ns
                         : watch->each_ns + watch->each_ns / 64 + 1;
    watch->cost_us = watch->each_ns * count / 1000;
    return taken;
}

/* Where a round begins: behind the process that the last one was cut short at. A process that takes
 * its time, perhaps on purpose, must not keep those behind it from their turn. */
static size_t first_of_round(const struct process_watch *watch)
{
    size_t at = 0;
    while (at < watch->count && watch->list[at].pid <= watch->cut_at) {
        at++;
    }
    return at;
}

bool process_watch_round(struct process_watch *watch)
{
    ULONGLONG start = GetTickCount64();
    bool complete = true;
    if (!take_snapshot(watch)) {
        return true;
    }
    take_ports(watch, start);
    if (!follow_snapshot(watch, start)) {
        return true;
    }
    size_t first = first_of_round(watch);
    for (size_t i = 0; i < watch->count && complete; i++) {
        struct watched_process *process = &watch->list[(first + i) % watch->count];
        visit(watch, process, GetTickCount64());
        watch->cut_at = process->pid;
        complete = GetTickCount64() - start < ROUND_LIMIT &&
                   WaitForSingleObject(watch->stop, 0) == WAIT_TIMEOUT;
    }
    count_states(watch, start);
    if (complete) {
        watch->cut_at = 0;
        watch->rounds++;
    }
    return complete;
}

void process_watch_refresh(struct process_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched_process *process = &watch->list[i];
        struct protection_result result;
        HANDLE mutex =
            process->state == WATCHED_PROTECTED ? policy_manager_lock(LOCK_TIMEOUT) : NULL;
        if (!mutex) {
            continue; /* agents take a new policy at their next call anyway */
        }
        protection_refresh(watch->agent_path, process->pid, &result);
        policy_manager_unlock(mutex);
        if (result.outcome == PROTECTION_REFUSED) {
            tell_gap(watch, process, result.reason);
        }
    }
}
