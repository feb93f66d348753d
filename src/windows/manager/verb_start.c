/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>
#include <string.h>

#include "windows/manager/filter_control.h"
#include "windows/manager/filter_follow.h"
#include "windows/manager/installation.h"
#include "windows/manager/json_fields.h"
#include "windows/manager/privileges.h"
#include "windows/manager/service/service_control.h"
#include "windows/manager/service/service_failure.h"
#include "windows/manager/service/service_summary.h"
#include "windows/policy_section.h"

/* Milliseconds. At the start every process of the machine is looked at. */
#define START_TIMEOUT 120000
#define STOP_TIMEOUT  30000
#define DEAD_TIMEOUT  2000

/* What is to be started or stopped. */
enum part { PART_FIREWALL, PART_FILTERS, PART_ALL };

struct request {
    enum part part;
    bool named; /* the part was asked for by its name */
    bool json;
};

/* The words behind the verb; none: all that there is. */
static int read_request(const struct cli_verb *verb, int argc, char **argv, struct request *request)
{
    static const char *const words[] = {
        [PART_FIREWALL] = "fw", [PART_FILTERS] = "flt", [PART_ALL] = "all"};
    *request = (struct request){.part = PART_ALL};
    for (int i = 1; i < argc; i++) {
        unsigned part = 0;
        if (strcmp(argv[i], "--json") == 0) {
            request->json = true;
            continue;
        }
        if (request->named) {
            return cli_usage_error(verb, "'%s' is one argument too many", argv[i]);
        }
        while (part < ARRAYSIZE(words) && strcmp(argv[i], words[part]) != 0) {
            part++;
        }
        if (part == ARRAYSIZE(words)) {
            return cli_usage_error(verb, "'%s' is neither fw, flt nor all", argv[i]);
        }
        request->part = part;
        request->named = true;
    }
    return CLI_DONE;
}

static int require_administrator(const struct cli_verb *verb)
{
    if (privileges_administrator()) {
        return CLI_DONE;
    }
    return verb_error(verb, "only an administrator can do that; run it from an elevated prompt");
}

static void print_policy_error(const struct service_status *status)
{
    printf("the policy file is refused: %s\n", status->policy_error);
    if (status->generation) {
        printf("policy generation %llu is in force\n", (unsigned long long)status->generation);
    } else {
        printf("no policy is in force, so nothing is protected\n");
    }
}

/* CLI_NO: it runs, and has refused the policy file. */
static int tell_running(bool json)
{
    struct service_summary summary;
    privileges_enable_debug();
    service_summary_take(&summary);
    const struct service_status *status = &summary.status;
    if (!json && summary.told) {
        printf("the service runs: %lu of %lu processes protected, %lu cannot be\n",
               (unsigned long)status->is_protected, (unsigned long)status->processes,
               (unsigned long)status->refused);
    } else if (!json) {
        printf("the service runs\n");
    }
    if (!summary.told || !status->policy_error[0]) {
        return CLI_DONE;
    }
    if (!json) {
        print_policy_error(status);
    }
    return CLI_NO;
}

/* A service whose process was killed is told to stop: a service control manager that has not
 * noticed takes that for its end. */
static bool clear_dead_service(void)
{
    struct service_report report;
    if (!service_query(&report) || !report.dead) {
        return false;
    }
    service_stop(DEAD_TIMEOUT);
    return true;
}

static int start_error(const struct cli_verb *verb, DWORD error)
{
    const char *why = service_start_failure(error);
    return why ? verb_error(verb, "the service does not start: %s", why)
               : verb_system_error(verb, "the service does not start", error);
}

static int start_firewall(const struct cli_verb *verb, bool json)
{
    wchar_t agent_path[MAX_PATH];
    if (!installation_require(verb, agent_path)) {
        return CLI_ERROR;
    }
    DWORD error = service_start(START_TIMEOUT);
    if (error == ERROR_SERVICE_ALREADY_RUNNING && clear_dead_service()) {
        error = service_start(START_TIMEOUT);
    }
    switch (error) {
    case ERROR_SUCCESS:
        return tell_running(json);
    case ERROR_SERVICE_ALREADY_RUNNING:
        if (!json) {
            printf("the service runs already\n");
        }
        return CLI_DONE;
    case ERROR_SERVICE_DOES_NOT_EXIST:
        return verb_error(verb, "there is no service; run \"" MANAGER_NAME " install\" again");
    case WAIT_TIMEOUT:
        return verb_error(verb, "the service has not come up after %d s", START_TIMEOUT / 1000);
    default:
        return start_error(verb, error);
    }
}

static int stop_firewall(const struct cli_verb *verb, bool json)
{
    DWORD error = service_stop(STOP_TIMEOUT);
    switch (error) {
    case ERROR_SUCCESS:
        if (!json) {
            printf("the service has stopped; protected processes stay protected (\"" MANAGER_NAME
                   " unprotect\" takes the agent out)\n");
        }
        return CLI_DONE;
    case ERROR_SERVICE_NOT_ACTIVE:
        if (!json) {
            printf("the service does not run\n");
        }
        return CLI_DONE;
    case ERROR_SERVICE_DOES_NOT_EXIST:
        return verb_error(verb, "there is no service; \"" MANAGER_NAME " install\" makes it");
    case WAIT_TIMEOUT:
        return verb_error(verb, "the service has not stopped after %d s", STOP_TIMEOUT / 1000);
    default:
        return verb_system_error(verb, "the service does not stop", error);
    }
}

/* The filters, under the mutex that every change takes. */
static int change_filters(const struct cli_verb *verb, const struct request *request, bool start,
                          struct filter_change *change)
{
    static const struct verb_arguments none;
    HANDLE mutex = verb_begin_change(verb);
    if (!mutex) {
        return CLI_ERROR;
    }
    int code =
        start ? filter_control_start(verb, &none, change) : filter_control_stop(verb, change);
    policy_manager_unlock(mutex);
    if (code != CLI_DONE || request->json) {
        return code;
    }
    filter_control_print(change);
    if (start && request->part == PART_FILTERS && !change->rules) {
        printf("the policy has no flt: or all: rules; when it has, the service sets native "
               "filters\n");
    }
    return code;
}

static void print_filters(const struct filter_change *change, bool start)
{
    struct json_fields fields = {0};
    putchar('{');
    json_field_flag(&fields, "wanted", filters_wanted());
    if (start) {
        json_field_number(&fields, "rules", change->rules);
    }
    json_field_flag(&fields, "changed", change->changed);
    if (change->changed) {
        json_field_number(&fields, "in_force", change->in_force);
        json_field_number(&fields, "before", change->before);
    }
    putchar('}');
}

static void print_json(const struct request *request, const struct filter_change *change,
                       bool start)
{
    struct json_fields fields = {0};
    putchar('{');
    if (request->part != PART_FILTERS) {
        struct service_summary summary;
        privileges_enable_debug();
        service_summary_take(&summary);
        json_field_name(&fields, "service");
        service_summary_json(&summary);
    }
    if (request->part != PART_FIREWALL) {
        json_field_name(&fields, "filters");
        print_filters(change, start);
    }
    printf("}\n");
}

/* Both parts, whatever became of the first; the worse of the two codes. */
static int worse(int first, int second)
{
    return first > second ? first : second;
}

static int carry_out(const struct cli_verb *verb, int argc, char **argv, bool start)
{
    struct request request;
    struct filter_change change = {0};
    int code = read_request(verb, argc, argv, &request);
    if (code == CLI_DONE) {
        code = require_administrator(verb);
    }
    if (code != CLI_DONE) {
        return code;
    }
    if (request.part != PART_FILTERS) {
        code = start ? start_firewall(verb, request.json) : stop_firewall(verb, request.json);
    }
    if (request.part != PART_FIREWALL) {
        code = worse(code, change_filters(verb, &request, start, &change));
    }
    if (request.json) {
        print_json(&request, &change, start);
    }
    return code;
}

int verb_start(const struct cli_verb *verb, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "pid") == 0) {
        return verb_pid(verb, argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "process") == 0) {
        return verb_process(verb, argc - 1, argv + 1);
    }
    return carry_out(verb, argc, argv, true);
}

int verb_stop(const struct cli_verb *verb, int argc, char **argv)
{
    return carry_out(verb, argc, argv, false);
}
