/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/verbs.h"

#include "samba/manager/host_policy.h"
#include "samba/manager/protect_all.h"

static int protect_one(const struct cli_verb *verb, const struct manager_host *host, pid_t pid)
{
    struct protection_host protection = manager_host_protection(host);
    struct process_tally tally = {0};
    struct protection_result result;
    struct process_facts facts;
    if (!process_facts_read(pid, &facts)) {
        return verb_error(verb, "there is no process %d", (int)pid);
    }
    protection_add(&protection, pid, &result);
    process_report(&facts, &result, &tally);
    switch (result.outcome) {
    case PROTECTION_ADDED:
    case PROTECTION_PRESENT:
    case PROTECTION_WAITING:
        return CLI_DONE;
    case PROTECTION_NOT_SERVER:
        return CLI_NO;
    default:
        return CLI_ERROR;
    }
}

static int pid(const struct cli_verb *verb, const struct manager_host *host, pid_t target)
{
    if (!host->agent_path[0]) {
        return verb_error(verb, "there is no agent: rpcfirewall.so is neither installed nor beside "
                                "this program");
    }
    int code = host_policy_ensure(verb, host);
    if (code != CLI_DONE) {
        return code;
    }
    int error = control_set_mode(host->directory, CONTROL_ON);
    return error ? verb_system_error(verb, "protection cannot be switched on", error)
                 : protect_one(verb, host, target);
}

int verb_pid(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct manager_host host;
    int code = verb_read_arguments(verb, VERB_NEEDS_PID | VERB_TAKES_PID, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = manager_host_begin_change(verb, &host);
    }
    if (code == CLI_DONE) {
        code = pid(verb, &host, arguments.pid);
        manager_host_close(&host);
    }
    return code;
}
