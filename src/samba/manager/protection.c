/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/protection.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "samba/manager/injection.h"
#include "samba/manager/process_maps.h"

/* An agent that meets its host while that acts as one of its users cannot open what is root's; it
 * is asked again, 20 ms apart. */
#define ATTACH_TRIES   10

#define SECCOMP_STRICT 1

/* ---- Results ---- */

static void refuse(struct protection_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void refuse(struct protection_result *result, const char *format, ...)
{
    va_list arguments;
    result->outcome = PROTECTION_REFUSED;
    va_start(arguments, format);
    vsnprintf(result->reason, sizeof(result->reason), format, arguments);
    va_end(arguments);
}

/* The outcome that the agent's own entry stands for. */
static void judge_view(struct protection_result *result)
{
    switch (result->view.state) {
    case AGENT_PROTECTED:
        result->outcome = PROTECTION_PRESENT;
        break;
    case AGENT_WAITING:
        result->outcome = PROTECTION_WAITING;
        break;
    case AGENT_DETACHED:
        result->outcome = PROTECTION_ABSENT;
        break;
    default:
        result->outcome = PROTECTION_REFUSED;
        agent_reason_text(&result->view, result->reason, sizeof(result->reason));
        break;
    }
}

static void read_view(const struct protection_host *host, pid_t pid,
                      struct protection_result *result)
{
    result->has_view = agent_view_find(host->table, pid, &result->view);
}

void protection_inspect(const struct protection_host *host, const struct scanned_process *process,
                        struct protection_result *result)
{
    *result = (struct protection_result){.outcome = PROTECTION_ABSENT};
    read_view(host, process->facts.pid, result);
    if (result->has_view) {
        judge_view(result);
    } else if (!process->serves && !process->starts) {
        result->outcome = PROTECTION_NOT_SERVER;
    }
}

/* ---- What stands against it ---- */

void protection_obstacle(const struct protection_host *host, const struct scanned_process *process,
                         char *reason)
{
    const struct process_facts *facts = &process->facts;
    const size_t size = PROTECTION_REASON_SIZE;
    reason[0] = '\0';
    if (!facts->root) {
        snprintf(reason, size, "it does not run as root");
    } else if (facts->tracer) {
        snprintf(reason, size, "process %d traces it", (int)facts->tracer);
    } else if (facts->state == 'T') {
        snprintf(reason, size, "it is stopped");
    } else if (facts->seccomp == SECCOMP_STRICT) {
        snprintf(reason, size, "strict seccomp lets it load nothing");
    } else if (facts->shadow_stack) {
        snprintf(reason, size, "it runs with a shadow stack");
    } else if (facts->elsewhere) {
        snprintf(reason, size, "it runs in a container; run rpcfw in there");
    } else if (!process_sees_same_file(facts->pid, host->agent_path)) {
        snprintf(reason, size, "it runs in another mount namespace, without %s", host->agent_path);
    } else if (!process_sees_same_file(facts->pid, STATE_DIRECTORY)) {
        snprintf(reason, size, "it runs in another mount namespace, without this " STATE_DIRECTORY);
    }
}

/* ---- Calls into it ---- */

static void call(const struct protection_host *host, const struct process_facts *facts,
                 const struct injected_call *what, struct protection_result *result, bool *returned)
{
    struct injected_call injected = *what;
    struct injection_result injection;
    injected.pid = facts->pid;
    injected.start_time = facts->start_time;
    injection_call(&injected, host->timeout_ms, &injection);
    *returned = injection.end == INJECTION_DONE;
    if (injection.end == INJECTION_ENDED) {
        result->outcome = PROTECTION_ENDED;
    } else if (!*returned) {
        refuse(result, "%s", injection.reason);
    }
}

/* glibc has dlopen in libc since 2.34, in libdl before. */
static bool load_agent(const struct protection_host *host, const struct process_facts *facts,
                       struct protection_result *result)
{
    static const struct injected_function loaders[] = {{"libc.so.6", "dlopen"},
                                                       {"libdl.so.2", "dlopen"}};
    const struct injected_call what = {
        .functions = loaders,
        .function_count = 2,
        .text = host->agent_path,
        .argument = {0, RTLD_NOW},
    };
    struct remote_image image;
    bool returned;
    call(host, facts, &what, result, &returned);
    if (!returned) {
        return false;
    }
    if (remote_image_find(facts->pid, path_name(host->agent_path), &image)) {
        return true;
    }
    if (facts->label[0]) {
        refuse(result, "it could not load %s; it is confined as \"%s\"", host->agent_path,
               facts->label);
    } else {
        refuse(result, "it could not load %s", host->agent_path);
    }
    return false;
}

/* Calls a function without arguments of the agent in that file. */
static bool call_agent(const struct protection_host *host, const struct process_facts *facts,
                       const char *agent_path, const char *symbol, struct protection_result *result)
{
    const struct injected_function function = {path_name(agent_path), symbol};
    const struct injected_call what = {.functions = &function, .function_count = 1};
    bool returned;
    call(host, facts, &what, result, &returned);
    return returned;
}

/* What could not be done to a process because it has ended meanwhile is no refusal. Samba has one
 * process for each client, which may leave at any time. */
static void settle_ended(const struct process_facts *facts, struct protection_result *result)
{
    if (result->outcome == PROTECTION_REFUSED && !process_still_runs(facts)) {
        result->outcome = PROTECTION_ENDED;
    }
}

/* ---- Adding ---- */

static void attach(const struct protection_host *host, const struct process_facts *facts,
                   const char *agent_path, struct protection_result *result)
{
    const struct timespec pause = {0, 20000000};
    for (unsigned tries = 0; tries < ATTACH_TRIES; tries++) {
        if (!call_agent(host, facts, agent_path, "rpcfw_agent_attach", result)) {
            return;
        }
        read_view(host, facts->pid, result);
        if (result->has_view && result->view.reason != AGENT_REASON_STATE) {
            break;
        }
        if (!result->has_view && !process_table_has_room(host->table)) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    if (!result->has_view) {
        refuse(result, "the agent could not write to " STATE_DIRECTORY);
        return;
    }
    judge_view(result);
    if (result->outcome == PROTECTION_PRESENT) {
        result->outcome = PROTECTION_ADDED;
    } else if (result->outcome == PROTECTION_ABSENT) {
        refuse(result, "the agent did not attach");
    }
}

/* Has every agent in there detach but that of the file `except`, if that is not NULL. Those that
 * are idle do nothing. False: the result says why not. */
static bool detach_agents(const struct protection_host *host, const struct scanned_process *process,
                          const char *except, struct protection_result *result)
{
    for (size_t i = 0; i < process->agent_count; i++) {
        const char *path = process->agents[i].path;
        if ((!except || strcmp(path_name(path), path_name(except)) != 0) &&
            !call_agent(host, &process->facts, path, "rpcfw_agent_detach", result)) {
            return false;
        }
    }
    return true;
}

static void add(const struct protection_host *host, const struct scanned_process *process,
                struct protection_result *result)
{
    bool current = scanned_process_has_agent(process, host->agent_path);
    protection_inspect(host, process, result);
    bool in = result->outcome == PROTECTION_PRESENT || result->outcome == PROTECTION_WAITING;
    if (in && current && process->agent_count == 1) {
        return;
    }
    protection_obstacle(host, process, result->reason);
    if (result->reason[0]) {
        result->outcome = PROTECTION_REFUSED;
        return;
    }
    if (detach_agents(host, process, host->agent_path, result) &&
        (current || load_agent(host, &process->facts, result))) {
        attach(host, &process->facts, host->agent_path, result);
    }
    if (in && current && result->outcome == PROTECTION_ADDED) {
        result->outcome = PROTECTION_PRESENT;
    }
}

void protection_add(const struct protection_host *host, pid_t pid, struct protection_result *result)
{
    struct scanned_process process;
    *result = (struct protection_result){.outcome = PROTECTION_ENDED};
    if (!process_scan_one(pid, &process)) {
        return;
    }
    if (process.facts.state != 'Z' && process.facts.state != 'X') {
        if (process.serves || process.starts || process.agent_count) {
            add(host, &process, result);
            settle_ended(&process.facts, result);
        } else {
            result->outcome = PROTECTION_NOT_SERVER;
        }
    }
    scanned_process_free(&process);
}

/* ---- Removing ---- */

static void detach(const struct protection_host *host, const struct scanned_process *process,
                   struct protection_result *result)
{
    const struct process_facts *facts = &process->facts;
    protection_inspect(host, process, result);
    if (!process->agent_count || (result->has_view && result->view.state == AGENT_DETACHED)) {
        result->outcome = PROTECTION_ABSENT;
        return;
    }
    if (!facts->root) { /* an agent does nothing there */
        result->outcome = PROTECTION_ABSENT;
        return;
    }
    if (!detach_agents(host, process, NULL, result)) {
        return;
    }
    read_view(host, facts->pid, result);
    if (!result->has_view || result->view.state == AGENT_DETACHED) {
        result->outcome = PROTECTION_REMOVED;
    } else if (result->view.reason == AGENT_REASON_HOOK) {
        refuse(result, "another object has replaced the same pointers of Samba's since; restart "
                       "Samba");
    } else {
        refuse(result, "the agent did not detach; it is %s", agent_state_text(result->view.state));
    }
}

void protection_remove(const struct protection_host *host, pid_t pid,
                       struct protection_result *result)
{
    struct scanned_process process;
    *result = (struct protection_result){.outcome = PROTECTION_ENDED};
    if (!process_scan_one(pid, &process)) {
        return;
    }
    if (process.facts.state != 'Z' && process.facts.state != 'X') {
        detach(host, &process, result);
        settle_ended(&process.facts, result);
    }
    scanned_process_free(&process);
}
