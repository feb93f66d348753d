/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "samba/manager/host_policy.h"
#include "samba/manager/process_report.h"

/* Busy processes have taken the policy by then; idle ones have no call to judge. */
#define SETTLE_STEPS   20
#define SETTLE_STEP_NS 10000000

enum uptake { UPTAKE_WAITS, UPTAKE_DONE, UPTAKE_FAILED, UPTAKE_NONE };

static enum uptake uptake_of(const struct manager_host *host, pid_t pid, uint64_t generation,
                             struct agent_view *view)
{
    if (!agent_view_find(host->table, pid, view) || view->state != AGENT_PROTECTED) {
        return UPTAKE_NONE;
    }
    if (view->generation >= generation) {
        return UPTAKE_DONE;
    }
    return view->policy_error ? UPTAKE_FAILED : UPTAKE_WAITS;
}

/* Gives processes under load a moment, so that they are told as what they are. */
static void settle(const struct manager_host *host, const struct process_list *list,
                   uint64_t generation)
{
    const struct timespec pause = {0, SETTLE_STEP_NS};
    struct agent_view view;
    unsigned waiting = 1;
    for (unsigned step = 0; waiting && step < SETTLE_STEPS; step++) {
        nanosleep(&pause, NULL);
        waiting = 0;
        for (size_t i = 0; i < list->count; i++) {
            waiting += uptake_of(host, list->items[i].facts.pid, generation, &view) == UPTAKE_WAITS;
        }
    }
}

static int report(const struct manager_host *host, const struct process_list *list,
                  uint64_t generation)
{
    unsigned counts[UPTAKE_NONE + 1] = {0};
    for (size_t i = 0; i < list->count; i++) {
        const struct process_facts *facts = &list->items[i].facts;
        struct agent_view view;
        enum uptake uptake = uptake_of(host, facts->pid, generation, &view);
        counts[uptake]++;
        if (uptake == UPTAKE_NONE) {
            continue;
        }
        process_report_head(facts);
        if (uptake == UPTAKE_DONE) {
            printf("uses policy generation %" PRIu64 "\n", view.generation);
        } else if (uptake == UPTAKE_WAITS) {
            printf("takes it at its next call (policy generation %" PRIu64 " until then)\n",
                   view.generation);
        } else {
            printf("cannot take it: %s (policy generation %" PRIu64 " goes on)\n",
                   policy_view_error_text(view.policy_error), view.generation);
        }
    }
    printf("policy generation %" PRIu64 " is in force", generation);
    if (counts[UPTAKE_DONE] + counts[UPTAKE_WAITS] + counts[UPTAKE_FAILED] == 0) {
        printf("; no process is protected\n");
        return CLI_DONE;
    }
    printf(": %u use it", counts[UPTAKE_DONE]);
    if (counts[UPTAKE_WAITS]) {
        printf(", %u at their next call", counts[UPTAKE_WAITS]);
    }
    if (counts[UPTAKE_FAILED]) {
        printf(", %u cannot", counts[UPTAKE_FAILED]);
    }
    putchar('\n');
    return counts[UPTAKE_FAILED] ? CLI_ERROR : CLI_DONE;
}

static int update(const struct cli_verb *verb, const struct manager_host *host, bool compat)
{
    struct process_list list;
    uint64_t generation;
    int code = host_policy_publish(verb, host, compat, &generation);
    if (code != CLI_DONE) {
        return code;
    }
    int error = process_scan(&list);
    if (error) {
        return verb_system_error(verb, "the processes cannot be listed", error);
    }
    settle(host, &list, generation);
    code = report(host, &list, generation);
    process_list_free(&list);
    return code;
}

int verb_update(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct manager_host host;
    int code = verb_read_arguments(verb, VERB_TAKES_COMPAT, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = manager_host_begin_change(verb, &host);
    }
    if (code == CLI_DONE) {
        code = update(verb, &host, arguments.compat);
        manager_host_close(&host);
    }
    return code;
}
