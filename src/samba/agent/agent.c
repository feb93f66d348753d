/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/agent.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "samba/agent/hooks.h"
#include "samba/agent/judge.h"
#include "samba/agent/preload_list.h"

#define RPC_SERVER_LIBRARY "libdcerpc-server-core.so.0"

/* NT_STATUS_ENTRYPOINT_NOT_FOUND */
#define STATUS_NO_FUNCTION 0xc0000139u

const char rpcfw_agent_release[] = RPCFW_VERSION;

static struct {
    bool fork_handled;
    struct judge judge;
    struct loaded_library library;
    struct state_mapping control;
    struct state_mapping table; /* stays mapped when the agent is detached */
    struct state_mapping ring;
    struct process_entry *entry; /* NULL: the agent was never started */
    struct process_entry spare;  /* stands in while the table is full; nobody else sees it */
} agent;

/* ---- The process table ---- */

__attribute__((format(printf, 4, 5))) static void
set_state(enum agent_state state, enum agent_reason reason, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(agent.entry->detail, sizeof(agent.entry->detail), format, arguments);
    va_end(arguments);
    agent.entry->reason = reason;
    agent.entry->error = error;
    atomic_store(&agent.entry->state, state);
}

/* The end of the detail must be read: it is kept, and what stands before it is cut. */
static void add_detail(const char *text)
{
    char *detail = agent.entry->detail;
    size_t room = sizeof(agent.entry->detail) - 1 - strlen(text);
    size_t length = strnlen(detail, room);

    memcpy(detail + length, text, strlen(text) + 1);
}

static enum agent_state state(void)
{
    return agent.entry ? (enum agent_state)atomic_load(&agent.entry->state) : AGENT_DETACHED;
}

/* Where the table is full, calls are judged all the same, and counted with those of ended processes
 * so that the sums are right. */
static void claim_entry(enum agent_loading loading)
{
    struct process_table *table = agent.table.bytes;
    struct process_entry *entry = process_table_claim(table);

    if (!entry) {
        memset(&agent.spare, 0, sizeof(agent.spare));
        entry = &agent.spare;
    }
    entry->loading = loading;
    snprintf(entry->release, sizeof(entry->release), "%s", rpcfw_agent_release);
    snprintf(entry->name, sizeof(entry->name), "%.*s", (int)sizeof(entry->name) - 1,
             agent.judge.origin.process_name);
    agent.entry = entry;
    agent.judge.entry = entry;
    agent.judge.counters_are_shared = entry == &agent.spare;
    agent.judge.counters = agent.judge.counters_are_shared ? &table->ended : &entry->counters;
}

/* Another entry, that says what the one so far says; its counters are zero. */
static void claim_entry_again(enum agent_loading loading)
{
    struct process_entry before;

    memcpy(&before, agent.entry, sizeof(before));
    claim_entry(loading);
    memcpy(agent.entry->samba, before.samba, sizeof(agent.entry->samba));
    memcpy(agent.entry->detail, before.detail, sizeof(agent.entry->detail));
    agent.entry->reason = before.reason;
    agent.entry->error = before.error;
    agent.entry->policy_error = before.policy_error;
    atomic_store(&agent.entry->generation, agent.judge.watch.view.generation);
    atomic_store(&agent.entry->state, atomic_load(&before.state));
}

/* The child judges by the parent's policy, which it inherited, and counts for itself. */
static void on_fork_in_child(void)
{
    if (!agent.entry)
        return;
    agent.judge.origin.pid = (uint32_t)getpid();
    claim_entry_again(AGENT_LOADED_FORK);
}

/* ---- What the process is ---- */

static void read_origin(struct ring_origin *origin)
{
    static const char deleted[] = " (deleted)";
    ssize_t length = readlink("/proc/self/exe", origin->executable, sizeof(origin->executable) - 1);
    const char *slash;
    char *end;

    origin->pid = (uint32_t)getpid();
    origin->executable[length > 0 ? length : 0] = '\0';
    end = strstr(origin->executable, deleted);
    if (end && end[sizeof(deleted) - 1] == '\0')
        *end = '\0';
    slash = strrchr(origin->executable, '/');
    snprintf(origin->process_name, sizeof(origin->process_name), "%.*s",
             (int)sizeof(origin->process_name) - 1, slash ? slash + 1 : origin->executable);
}

/* Programs that serve RPC or start those that do. Others load Samba's modules as clients. */
static bool is_daemon(const char *name)
{
    static const char *const names[] = {"samba", "smbd", "winbindd", "samba-dcerpcd"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return strncmp(name, "rpcd_", 5) == 0;
}

/* By what name the loader knows this object; NULL: by none. */
static const char *own_path(void)
{
    Dl_info info;

    return dladdr(rpcfw_agent_release, &info) && info.dli_fname && info.dli_fname[0] == '/'
               ? info.dli_fname
               : NULL;
}

static bool first_version(const char *name, void *minor)
{
    *(unsigned *)minor = samba_minor_of(name);
    return *(unsigned *)minor != 0;
}

/* ---- Attaching ---- */

/* Samba's, where its library has another name than the agent knows and the program is linked with
 * it. NULL: there is none in sight. */
static const void *visible_init_context(void)
{
    static const char name[] = "dcesrv_init_context";
    const void *function = dlsym(RTLD_DEFAULT, name);

    return function == (const void *)dcesrv_init_context ? dlsym(RTLD_NEXT, name) : function;
}

static int map_files(int directory)
{
    int error = 0;

    if (!agent.control.bytes)
        error = control_page_map(directory, false, &agent.control);
    if (!error && !agent.table.bytes)
        error = process_table_map(directory, &agent.table);
    if (!error && !agent.ring.bytes)
        error = event_ring_map(directory, &agent.ring);
    return error;
}

static bool open_state(void)
{
    int directory = state_directory_open(true);
    int error = directory < 0 ? directory : map_files(directory);

    if (directory >= 0)
        close(directory);
    if (error)
        return false;
    agent.judge.ring = event_ring_of(&agent.ring);
    agent.judge.watch.control = control_page_of(&agent.control);
    return true;
}

static void close_policy(void)
{
    policy_watch_close(&agent.judge.watch);
    state_file_unmap(&agent.ring);
    state_file_unmap(&agent.control);
    agent.judge.ring = NULL;
    atomic_store(&agent.entry->generation, 0);
}

/*
 * The process goes on unprotected, and says so; `option unsupported closed` decides its calls, if
 * the one pointer that this needs can be replaced. Why it is refused stands in the entry's detail.
 */
static int refuse_samba(enum agent_reason reason, int number)
{
    struct hook_error error;
    struct event event;
    struct judge *judge = &agent.judge;

    judge->host.layout = NULL;
    judge_start(judge);
    if (!hooks_install(&agent.library, judge, &error))
        add_detail("; option unsupported closed has no hold on it: calls pass");
    event_of_gap(&event, 0, judge->watch.view.generation, agent.entry->detail, "nothing");
    judge_put(judge, &event);
    agent.entry->reason = reason;
    agent.entry->error = number;
    atomic_store(&agent.entry->state, AGENT_REFUSED);
    return (int)reason;
}

static int protect(void)
{
    struct samba_host *host = &agent.judge.host;
    struct hook_error error = {.reason = AGENT_REASON_NONE};
    const struct samba_sizes *sizes;
    const char *missing = NULL;
    unsigned minor = 0;

    if (!samba_runtime_resolve(agent.library.path, &host->runtime, &missing)) {
        snprintf(agent.entry->detail, sizeof(agent.entry->detail), "Samba has no %s", missing);
        return refuse_samba(AGENT_REASON_SYMBOLS, 0);
    }
    loaded_library_versions(&agent.library, first_version, &minor);
    sizes = host->runtime.module_version();
    host->layout = samba_layout_for(sizes, minor);
    if (!host->layout) {
        snprintf(agent.entry->detail, sizeof(agent.entry->detail),
                 "Samba 4.%u: sizes %d,%d,%d,%d,%d,%d,%d,%d,%d,%d", minor,
                 (int)sizes->interface_version, (int)sizes->context, (int)sizes->endpoint,
                 (int)sizes->endpoint_server, (int)sizes->interface, (int)sizes->if_list,
                 (int)sizes->connection, (int)sizes->call_state, (int)sizes->auth,
                 (int)sizes->handle);
        return refuse_samba(AGENT_REASON_UNKNOWN_SAMBA, 0);
    }
    judge_start(&agent.judge);
    if (!hooks_install(&agent.library, &agent.judge, &error)) {
        snprintf(agent.entry->detail, sizeof(agent.entry->detail), "%s", error.detail);
        if (error.error != EBUSY)
            return refuse_samba(error.reason, error.error);
        /* Another agent judges here. */
        set_state(AGENT_REFUSED, error.reason, error.error, "%s", error.detail);
        return (int)error.reason;
    }
    snprintf(agent.entry->samba, sizeof(agent.entry->samba), "%s", host->layout->name);
    set_state(AGENT_PROTECTED, AGENT_REASON_NONE, 0, "%s", "");
    judge_tell(&agent.judge, EVENT_PROTECTION_ADDED, agent.judge.watch.view.generation, NULL);
    return AGENT_REASON_NONE;
}

/* The entry, and everything that a process with the agent has, protected or not. */
static bool start(enum agent_loading loading)
{
    struct judge *judge = &agent.judge;

    if (!open_state())
        return false;
    if (agent.entry == &agent.spare)
        claim_entry_again(loading);
    if (agent.entry)
        return true;
    read_origin(&judge->origin);
    judge->host.process =
        (struct text){judge->origin.process_name, strlen(judge->origin.process_name)};
    claim_entry(loading);
    if (!agent.fork_handled)
        agent.fork_handled = pthread_atfork(NULL, NULL, on_fork_in_child) == 0;
    return true;
}

/* `init_context` is Samba's dcesrv_init_context() where the caller knows it, or NULL. */
static bool find_server_library(const void *init_context)
{
    if (loaded_library_find(RPC_SERVER_LIBRARY, &agent.library))
        return true;
    if (!init_context)
        init_context = visible_init_context();
    return init_context && !is_of_another_agent(init_context) &&
           loaded_library_of(init_context, &agent.library);
}

static int attach(enum agent_loading loading, const void *init_context)
{
    bool by_hand = loading == AGENT_LOADED_BY_HAND;
    struct ring_origin origin;
    const char *path;
    bool found;

    if (geteuid() != 0)
        return AGENT_REASON_STATE;
    if (state() == AGENT_PROTECTED || state() == AGENT_REFUSED) {
        if (agent.entry == &agent.spare)
            claim_entry_again(loading);
        return (int)agent.entry->reason;
    }
    found = find_server_library(init_context);
    read_origin(&origin);
    if (!found && !by_hand && !is_daemon(origin.process_name))
        return AGENT_REASON_NONE;
    if (!start(loading))
        return AGENT_REASON_STATE;
    agent.entry->loading = loading;
    if (!by_hand && atomic_load(&agent.judge.watch.control->mode) == CONTROL_OFF) {
        set_state(AGENT_DETACHED, AGENT_REASON_SWITCHED_OFF, 0, "%s", "");
        return AGENT_REASON_SWITCHED_OFF;
    }
    path = own_path();
    if (path)
        (void)preload_list_add(path);
    if (found)
        return protect();
    set_state(AGENT_WAITING, AGENT_REASON_NONE, 0, "%s", "");
    return AGENT_REASON_NONE;
}

/* ---- Exports ---- */

static int attach_keeping_errno(enum agent_loading loading, const void *init_context)
{
    int saved = errno;
    int reason = attach(loading, init_context);

    errno = saved;
    return reason;
}

int rpcfw_agent_attach(void)
{
    return attach_keeping_errno(AGENT_LOADED_BY_HAND, NULL);
}

int rpcfw_agent_detach(void)
{
    struct hook_error error;
    const char *path = own_path();
    int saved = errno;

    if (!agent.entry || !agent.ring.bytes)
        return AGENT_REASON_NONE;
    if (!hooks_remove(&error)) {
        agent.entry->error = error.error;
        snprintf(agent.entry->detail, sizeof(agent.entry->detail), "%s", error.detail);
        errno = saved;
        return (int)error.reason;
    }
    if (path)
        preload_list_remove(path);
    if (state() == AGENT_PROTECTED)
        judge_tell(&agent.judge, EVENT_PROTECTION_REMOVED, agent.judge.watch.view.generation, NULL);
    set_state(AGENT_DETACHED, AGENT_REASON_NONE, 0, "%s", "");
    close_policy();
    errno = saved;
    return AGENT_REASON_NONE;
}

uint32_t samba_init_module(void *context)
{
    (void)context;
    attach_keeping_errno(AGENT_LOADED_MODULE, NULL);
    return 0;
}

/*
 * Samba's own dcesrv_init_context(), also where its library has another name than the agent knows:
 * behind this object in the global scope, or among what the caller was linked with.
 */
static void *original_init_context(void *caller)
{
    static const char name[] = "dcesrv_init_context";
    struct loaded_library library = {.path = NULL};
    Dl_info info;
    void *function;

    if (loaded_library_find(RPC_SERVER_LIBRARY, &library))
        return samba_function(library.path, name);
    function = dlsym(RTLD_NEXT, name);
    if (!function && dladdr(caller, &info) && info.dli_fname)
        function = samba_function(info.dli_fname, name);
    return function;
}

/* In a preloaded object this comes before Samba's own, in every process: it must always go on. */
uint32_t dcesrv_init_context(void *memory, void *parameters, void *callbacks, void *result)
{
    uint32_t (*original)(void *, void *, void *, void *) = NULL;
    void *function;

    function = original_init_context(__builtin_return_address(0));
    attach_keeping_errno(AGENT_LOADED_PRELOAD, function);
    memcpy(&original, &function, sizeof(original));
    return original ? original(memory, parameters, callbacks, result) : STATUS_NO_FUNCTION;
}

__attribute__((constructor)) static void on_load(void)
{
    const char *path = own_path();

    if (path && preload_list_has(path))
        attach_keeping_errno(AGENT_LOADED_PRELOAD, NULL);
}
