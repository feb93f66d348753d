/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/agent_view.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `to` has one byte more than `from`. */
static void copy_text(char *to, const char *from, size_t size)
{
    size_t i = 0;
    for (; i < size && from[i]; i++) {
        to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    }
    to[i] = '\0';
}

void call_numbers_read(const struct call_counters *counters, struct call_numbers *numbers)
{
    *numbers = (struct call_numbers){
        .calls = atomic_load(&counters->calls),
        .binds = atomic_load(&counters->binds),
        .blocked = atomic_load(&counters->blocked),
        .would_block = atomic_load(&counters->would_block),
        .audited = atomic_load(&counters->audited),
        .dropped = atomic_load(&counters->dropped),
    };
}

void call_numbers_add(struct call_numbers *sum, const struct call_numbers *numbers)
{
    sum->calls += numbers->calls;
    sum->binds += numbers->binds;
    sum->blocked += numbers->blocked;
    sum->would_block += numbers->would_block;
    sum->audited += numbers->audited;
    sum->dropped += numbers->dropped;
}

static void read_copy(const struct process_entry *entry, struct agent_view *view)
{
    *view = (struct agent_view){
        .pid = entry->pid,
        .state = entry->state,
        .reason = entry->reason,
        .loading = entry->loading,
        .error = entry->error,
        .generation = entry->generation,
        .policy_error = entry->policy_error,
    };
    call_numbers_read(&entry->counters, &view->numbers);
    copy_text(view->release, entry->release, sizeof(entry->release));
    copy_text(view->samba, entry->samba, sizeof(entry->samba));
    copy_text(view->name, entry->name, sizeof(entry->name));
    copy_text(view->detail, entry->detail, sizeof(entry->detail));
}

/* Of several agents in a process the one that works is told of: the others are idle. */
static unsigned rank(uint32_t state)
{
    return state == AGENT_PROTECTED ? 3 : state == AGENT_WAITING ? 2 : state == AGENT_REFUSED;
}

bool agent_view_find(const struct process_table *table, pid_t pid, struct agent_view *view)
{
    bool found = false;
    for (size_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        struct process_entry copy;
        if (atomic_load(&table->entries[i].pid) == (uint32_t)pid &&
            process_entry_read(&table->entries[i], &copy) &&
            (!found || rank(copy.state) > rank(view->state))) {
            read_copy(&copy, view);
            found = true;
        }
    }
    return found;
}

const char *agent_state_text(uint32_t state)
{
    static const char *const names[] = {
        [AGENT_WAITING] = "waiting",
        [AGENT_PROTECTED] = "protected",
        [AGENT_DETACHED] = "detached",
        [AGENT_REFUSED] = "refused",
    };
    return state < COUNT(names) ? names[state] : "unknown";
}

const char *agent_loading_text(uint32_t loading)
{
    static const char *const names[] = {
        [AGENT_LOADED_MODULE] = "module",
        [AGENT_LOADED_PRELOAD] = "preload",
        [AGENT_LOADED_BY_HAND] = "by hand",
        [AGENT_LOADED_FORK] = "fork",
    };
    return loading < COUNT(names) ? names[loading] : "unknown";
}

void agent_reason_text(const struct agent_view *view, char *text, size_t size)
{
    static const char *const clauses[] = {
        [AGENT_REASON_NONE] = "no reason is given",
        [AGENT_REASON_UNKNOWN_SAMBA] = "this release of Samba is not known to the agent",
        [AGENT_REASON_SYMBOLS] = "a function that the agent needs is not there",
        [AGENT_REASON_HOOK] = "a pointer of Samba's could not be replaced",
        [AGENT_REASON_STATE] = (STATE_DIRECTORY " could not be used"),
        [AGENT_REASON_SWITCHED_OFF] = "protection is switched off",
    };
    const char *clause = view->reason < COUNT(clauses) ? clauses[view->reason] : "unknown reason";
    int used = snprintf(text, size, "%s", clause);
    if (view->detail[0] && used > 0 && (size_t)used < size) {
        used += snprintf(text + used, size - (size_t)used, " (%s)", view->detail);
    }
    if (view->error && used > 0 && (size_t)used < size) {
        snprintf(text + used, size - (size_t)used, ": %s", strerror(view->error));
    }
}
