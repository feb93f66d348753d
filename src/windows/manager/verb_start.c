/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>
#include <string.h>

#include "windows/manager/filter_control.h"
#include "windows/manager/installation.h"
#include "windows/manager/privileges.h"
#include "windows/manager/service/service_control.h"
#include "windows/manager/service/service_status.h"
#include "windows/policy_section.h"

/* Milliseconds. At the start every process of the machine is looked at. */
#define START_TIMEOUT 120000
#define STOP_TIMEOUT  30000
#define DEAD_TIMEOUT  2000

/* What is to be started or stopped. */
enum part { PART_FIREWALL, PART_FILTERS, PART_ALL };

/* The word behind the verb; none: all that there is. */
static int read_part(const struct cli_verb *verb, int argc, char **argv, enum part *part)
{
    static const char *const words[] = {
        [PART_FIREWALL] = "fw", [PART_FILTERS] = "flt", [PART_ALL] = "all"};
    *part = PART_ALL;
    if (argc > 2) {
        return cli_usage_error(verb, "'%s' is one argument too many", argv[2]);
    }
    if (argc < 2) {
        return CLI_DONE;
    }
    for (unsigned i = 0; i < ARRAYSIZE(words); i++) {
        if (strcmp(argv[1], words[i]) == 0) {
            *part = i;
            return CLI_DONE;
        }
    }
    return cli_usage_error(verb, "'%s' is neither fw, flt nor all", argv[1]);
}

static int require_administrator(const struct cli_verb *verb)
{
    if (privileges_administrator()) {
        return CLI_DONE;
    }
    return verb_error(verb, "only an administrator can do that; run it from an elevated prompt");
}

static void print_running(void)
{
    struct service_report report;
    struct service_status status;
    const char *why;
    privileges_enable_debug();
    if (service_query(&report) && report.pid && service_status_read(report.pid, &status, &why)) {
        printf("the service runs: %lu of %lu processes protected, %lu cannot be\n",
               (unsigned long)status.is_protected, (unsigned long)status.processes,
               (unsigned long)status.refused);
        if (status.policy_error[0]) {
            printf("the policy file is refused: %s\n", status.policy_error);
        }
    } else {
        printf("the service runs\n");
    }
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

static int start_firewall(const struct cli_verb *verb)
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
        print_running();
        return CLI_DONE;
    case ERROR_SERVICE_ALREADY_RUNNING:
        printf("the service runs already\n");
        return CLI_DONE;
    case ERROR_SERVICE_DOES_NOT_EXIST:
        return verb_error(verb, "there is no service; run \"" MANAGER_NAME " install\" again");
    case WAIT_TIMEOUT:
        return verb_error(verb, "the service has not come up after %d s", START_TIMEOUT / 1000);
    default:
        return verb_system_error(verb, "the service does not start", error);
    }
}

static int stop_firewall(const struct cli_verb *verb)
{
    DWORD error = service_stop(STOP_TIMEOUT);
    switch (error) {
    case ERROR_SUCCESS:
        printf("the service has stopped; protected processes stay protected (\"" MANAGER_NAME
               " unprotect\" takes the agent out)\n");
        return CLI_DONE;
    case ERROR_SERVICE_NOT_ACTIVE:
        printf("the service does not run\n");
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
static int with_mutex(const struct cli_verb *verb, bool start)
{
    static const struct verb_arguments none;
    HANDLE mutex = verb_begin_change(verb);
    if (!mutex) {
        return CLI_ERROR;
    }
    int code = start ? filter_control_start(verb, &none) : filter_control_stop(verb);
    policy_manager_unlock(mutex);
    return code;
}

/* Both parts, whatever became of the first; the worse of the two codes. */
static int worse(int first, int second)
{
    return first > second ? first : second;
}

int verb_start(const struct cli_verb *verb, int argc, char **argv)
{
    enum part part;
    if (argc > 1 && strcmp(argv[1], "pid") == 0) {
        return verb_pid(verb, argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "process") == 0) {
        return verb_process(verb, argc - 1, argv + 1);
    }
    int code = read_part(verb, argc, argv, &part);
    if (code == CLI_DONE) {
        code = require_administrator(verb);
    }
    if (code != CLI_DONE) {
        return code;
    }
    code = part == PART_FILTERS ? CLI_DONE : start_firewall(verb);
    return part == PART_FIREWALL ? code : worse(code, with_mutex(verb, true));
}

int verb_stop(const struct cli_verb *verb, int argc, char **argv)
{
    enum part part;
    int code = read_part(verb, argc, argv, &part);
    if (code == CLI_DONE) {
        code = require_administrator(verb);
    }
    if (code != CLI_DONE) {
        return code;
    }
    code = part == PART_FILTERS ? CLI_DONE : stop_firewall(verb);
    return part == PART_FIREWALL ? code : worse(code, with_mutex(verb, false));
}
