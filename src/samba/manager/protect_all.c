/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/protect_all.h"

/* A process that was not there the first time is the child of one that had the agent by then, so
 * two rounds are enough; the third is for servers that begin meanwhile. */
#define ROUNDS_MAX 3

/* Whether there is something to do; the list is of everything that serves or holds an agent. */
static bool is_due(const struct protection_host *host, const struct scanned_process *process,
                   bool protect)
{
    struct protection_result now;
    if (process->facts.elsewhere) {
        return false;
    }
    protection_inspect(host, process, &now);
    if (!protect) {
        return process->agent_count && process->facts.root &&
               !(now.has_view && now.view.state == AGENT_DETACHED);
    }
    /* What Samba starts as another user serves no RPC, and an agent would do nothing there. */
    return (process->serves || process->starts) && process->facts.root;
}

/* *changed: how many were brought to another state. */
static int one_round(const struct cli_verb *verb, const struct manager_host *host, bool protect,
                     bool first, struct process_tally *tally, unsigned *changed)
{
    struct protection_host protection = manager_host_protection(host);
    struct process_list list;
    int error = process_scan(&list);
    *changed = 0;
    if (error) {
        return verb_system_error(verb, "the processes cannot be listed", error);
    }
    int code = CLI_DONE;
    for (size_t i = 0; i < list.count; i++) {
        const struct process_facts *facts = &list.items[i].facts;
        struct protection_result result;
        if (!is_due(&protection, &list.items[i], protect)) {
            continue;
        }
        if (protect) {
            protection_add(&protection, facts->pid, &result);
        } else {
            protection_remove(&protection, facts->pid, &result);
        }
        bool change = result.outcome == PROTECTION_ADDED || result.outcome == PROTECTION_REMOVED;
        *changed += change;
        if ((first || change) && result.outcome != PROTECTION_ENDED) {
            process_report(facts, &result, tally);
        }
        if (result.outcome == PROTECTION_REFUSED) {
            code = CLI_ERROR;
        }
    }
    process_list_free(&list);
    return code;
}

static int all(const struct cli_verb *verb, const struct manager_host *host, bool protect,
               struct process_tally *tally)
{
    int code = CLI_DONE;
    unsigned changed = 1;
    for (unsigned round = 0; changed && round < ROUNDS_MAX; round++) {
        code = one_round(verb, host, protect, round == 0, tally, &changed);
    }
    return code;
}

int protect_all(const struct cli_verb *verb, const struct manager_host *host,
                struct process_tally *tally)
{
    return all(verb, host, true, tally);
}

int unprotect_all(const struct cli_verb *verb, const struct manager_host *host,
                  struct process_tally *tally)
{
    return all(verb, host, false, tally);
}
