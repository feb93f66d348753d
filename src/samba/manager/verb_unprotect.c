/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/verbs.h"

#include "samba/manager/protect_all.h"

static int unprotect_one(const struct cli_verb *verb, const struct manager_host *host, pid_t pid)
{
    struct protection_host protection = manager_host_protection(host);
    struct process_tally tally = {0};
    struct protection_result result;
    struct process_facts facts;
    if (!process_facts_read(pid, &facts)) {
        return verb_error(verb, "there is no process %d", (int)pid);
    }
    protection_remove(&protection, pid, &result);
    process_report(&facts, &result, &tally);
    return result.outcome == PROTECTION_REFUSED ? CLI_ERROR : CLI_DONE;
}

static int unprotect(const struct cli_verb *verb, const struct manager_host *host, pid_t pid)
{
    struct process_tally tally = {0};
    if (pid) {
        return unprotect_one(verb, host, pid);
    }
    /* First, so that what starts meanwhile stays idle. */
    int error = control_set_mode(host->directory, CONTROL_OFF);
    if (error) {
        return verb_system_error(verb, "protection cannot be switched off", error);
    }
    int code = unprotect_all(verb, host, &tally);
    process_tally_print(&tally, "no process is protected");
    return code;
}

int verb_unprotect(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct manager_host host;
    int code = verb_read_arguments(verb, VERB_TAKES_PID, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = manager_host_begin_change(verb, &host);
    }
    if (code == CLI_DONE) {
        code = unprotect(verb, &host, arguments.pid);
        manager_host_close(&host);
    }
    return code;
}
