/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/plain_text.h"
#include "samba/manager/host_status.h"
#include "samba/manager/json_members.h"
#include "samba/manager/process_report.h"
#include "samba/manager/service_text.h"

static const char *const policy_file_words[] = {
    [HOST_POLICY_SAME] = "same",         [HOST_POLICY_DIFFERS] = "differs",
    [HOST_POLICY_REFUSED] = "refused",   [HOST_POLICY_MISSING] = "missing",
    [HOST_POLICY_UNREAD] = "unreadable",
};

/* ---- Text ---- */

static const char *policy_file_clause(enum host_policy_state state)
{
    static const char *const clauses[] = {
        [HOST_POLICY_SAME] = POLICY_FILE " is the same",
        [HOST_POLICY_DIFFERS] = POLICY_FILE " differs: `rpcfw update` puts it in force",
        [HOST_POLICY_REFUSED] = POLICY_FILE " has errors: see `rpcfw check " POLICY_FILE "`",
        [HOST_POLICY_MISSING] = "there is no " POLICY_FILE,
        [HOST_POLICY_UNREAD] = POLICY_FILE " cannot be read",
    };
    return clauses[state];
}

static void print_head(const struct host_status *status)
{
    printf("protection: %s\n", !status->present ? "not set up on this host"
                               : status->on     ? "on"
                                                : "off; processes that start are not protected");
    if (status->generation) {
        printf("policy in force: generation %" PRIu64 "; %s\n", status->generation,
               policy_file_clause(status->policy_file));
    } else {
        printf("policy in force: none, every call passes; %s\n",
               policy_file_clause(status->policy_file));
    }
}

static void print_sink(const char *name, const struct sink_report *sink)
{
    char text[SERVICE_TEXT_SIZE];
    service_sink_text(sink, text);
    printf("%s: ", name);
    print_plain(stdout, text, strlen(text));
    putchar('\n');
}

static void print_service(const struct host_status *status)
{
    const struct service_page *service = &status->service;
    if (status->service_runs) {
        printf("service: running, PID %" PRIu32 "\n", service->pid);
    } else {
        printf("service: not running; events wait for it, and are lost when there is no room\n");
    }
    if (status->has_service) {
        printf("audit file: ");
        print_plain(stdout, service_file(service), strlen(service_file(service)));
        putchar('\n');
        print_sink("audit", &service->file);
        print_sink("journal", &service->journal);
    }
    printf("events waiting: %" PRIu32 " of %u, dropped and not told yet: %" PRIu64 "\n",
           status->ring_fill, EVENT_RING_CAPACITY, status->ring_dropped);
}

static void print_numbers(const struct call_numbers *numbers)
{
    printf(" %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64,
           numbers->calls, numbers->binds, numbers->blocked, numbers->would_block, numbers->audited,
           numbers->dropped);
}

static void print_covered(const struct process_status *process)
{
    const struct agent_view *view = &process->view;
    process_report_head(&process->facts);
    printf("%-9s %-8s %-6s %6" PRIu64, agent_state_text(view->state),
           agent_loading_text(view->loading), view->samba, view->generation);
    print_numbers(&view->numbers);
    printf("  %s%s\n", view->release, process->older ? " (not the installed one)" : "");
}

static void print_uncovered(const struct process_status *process)
{
    process_report_head(&process->facts);
    printf("NOT PROTECTED: ");
    print_plain(stdout, process->reason, strlen(process->reason));
    putchar('\n');
}

static void print_processes(const struct host_status *status)
{
    if (!status->process_count) {
        printf("\nprocesses that serve RPC for Samba: none\n");
    } else {
        printf("\n%7s  %-22s  %-9s %-8s %-6s %6s %10s %8s %8s %8s %8s %8s  %s\n", "PID", "NAME",
               "STATE", "LOADED", "SAMBA", "POLICY", "CALLS", "BINDS", "BLOCKED", "WOULD",
               "AUDITED", "DROPPED", "RELEASE");
    }
    for (size_t i = 0; i < status->process_count; i++) {
        const struct process_status *process = &status->processes[i];
        (process->covered ? print_covered : print_uncovered)(process);
    }
    if (status->elsewhere) {
        printf("%zu more in containers: run rpcfw in there\n", status->elsewhere);
    }
    if (status->present) {
        printf("%7s  %-22s  %-9s %-8s %-6s %6s", "", "ended processes", "", "", "", "");
        print_numbers(&status->ended);
        printf("\n%7s  %-22s  %-9s %-8s %-6s %6s", "", "all", "", "", "", "");
        print_numbers(&status->sum);
        putchar('\n');
    }
}

static void print_rules(const struct host_status *status)
{
    printf("\n%12s  %s\n", "HITS", "RULE");
    for (size_t i = 0; i < status->rule_count; i++) {
        const struct rule_status *rule = &status->rules[i];
        printf("%12" PRIu64 "  ", rule->hits);
        if (rule->file[0]) {
            print_plain(stdout, rule->file, strlen(rule->file));
            putchar(':');
        } else {
            printf("line ");
        }
        printf("%" PRIu32, rule->line);
        if (rule->name[0]) {
            putchar(' ');
            print_plain(stdout, rule->name, strlen(rule->name));
        }
        putchar('\n');
    }
}

/* ---- JSON ---- */

static void json_numbers(const struct call_numbers *numbers)
{
    member_number("calls", numbers->calls);
    member_number("binds", numbers->binds);
    member_number("blocked", numbers->blocked);
    member_number("would_block", numbers->would_block);
    member_number("audited", numbers->audited);
    member_number("dropped", numbers->dropped);
}

static void json_sink(const char *name, const struct sink_report *sink)
{
    member_open(name, '{');
    member_text("state", service_sink_word(sink));
    member_number("written", sink->written);
    member_number("lost", sink->lost);
    if (sink->state == SINK_FAILS) {
        member_text("what", sink->what);
        member_text("error", strerror(sink->error));
        member_number("since_us", sink->since_us);
    }
    member_close('}');
}

static void json_service(const struct host_status *status)
{
    member_open("service", '{');
    member_flag("running", status->service_runs);
    if (status->has_service) {
        if (status->service_runs) {
            member_number("pid", status->service.pid);
            member_number("started_us", status->service.started_us);
        }
        member_text("file", service_file(&status->service));
        json_sink("audit", &status->service.file);
        json_sink("journal", &status->service.journal);
    }
    member_close('}');
    member_open("ring", '{');
    member_number("waiting", status->ring_fill);
    member_number("capacity", EVENT_RING_CAPACITY);
    member_number("dropped", status->ring_dropped);
    member_close('}');
}

static void json_process(const struct process_status *process)
{
    const struct agent_view *view = &process->view;
    member_open(NULL, '{');
    member_number("pid", (uint64_t)process->facts.pid);
    member_text("name", process->facts.name);
    member_text("title", process->facts.title);
    member_flag("covered", process->covered);
    member_text("state", process->has_view ? agent_state_text(view->state) : "unprotected");
    if (!process->covered) {
        member_text("reason", process->reason);
    }
    if (process->has_view) {
        member_text("loaded", agent_loading_text(view->loading));
        member_text("samba", view->samba);
        member_number("generation", view->generation);
        member_text("release", view->release);
        member_flag("older", process->older);
        if (view->policy_error) {
            member_text("policy_error", policy_view_error_text(view->policy_error));
        }
        json_numbers(&view->numbers);
    }
    member_close('}');
}

static void json_rules(const struct host_status *status)
{
    member_open("rules", '[');
    for (size_t i = 0; i < status->rule_count; i++) {
        const struct rule_status *rule = &status->rules[i];
        member_open(NULL, '{');
        if (rule->file[0]) {
            member_text("file", rule->file);
        }
        member_number("line", rule->line);
        if (rule->name[0]) {
            member_text("id", rule->name);
        }
        member_number("hits", rule->hits);
        member_close('}');
    }
    member_close(']');
}

static void print_json(const struct host_status *status, bool with_rules)
{
    member_open(NULL, '{');
    member_text("release", RPCFW_VERSION);
    member_flag("present", status->present);
    member_text("mode", status->on ? "on" : "off");
    member_number("generation", status->generation);
    member_text("policy_file", policy_file_words[status->policy_file]);
    json_service(status);
    member_open("processes", '[');
    for (size_t i = 0; i < status->process_count; i++) {
        json_process(&status->processes[i]);
    }
    member_close(']');
    member_number("elsewhere", status->elsewhere);
    member_open("ended", '{');
    json_numbers(&status->ended);
    member_close('}');
    member_open("sum", '{');
    json_numbers(&status->sum);
    member_close('}');
    if (with_rules) {
        json_rules(status);
    }
    member_close('}');
    putchar('\n');
}

int verb_status(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct host_status status;
    int code =
        verb_read_arguments(verb, VERB_TAKES_JSON | VERB_TAKES_RULES, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = host_status_take(verb, arguments.rules, &status);
    }
    if (code != CLI_DONE) {
        return code;
    }
    if (arguments.json) {
        print_json(&status, arguments.rules);
    } else {
        print_head(&status);
        if (status.present) {
            print_service(&status);
        }
        print_processes(&status);
        if (arguments.rules) {
            print_rules(&status);
        }
    }
    host_status_free(&status);
    return CLI_DONE;
}
