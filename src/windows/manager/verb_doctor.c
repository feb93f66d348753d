/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>

#include "windows/manager/doctor.h"
#include "windows/manager/json_fields.h"

static const char *const kind_names[] = {
    [FINDING_GOOD] = "ok",
    [FINDING_UNKNOWN] = "unknown",
    [FINDING_NOTE] = "note",
    [FINDING_GAP] = "gap",
};

static void print_text(const char *name, const struct finding *finding)
{
    printf("%-8s %-20s %s\n", kind_names[finding->kind], name, finding->what);
    if (finding->mend[0]) {
        printf("%-8s %-20s mend: %s\n", "", "", finding->mend);
    }
}

static void print_json(const char *name, const struct finding *finding, bool first)
{
    struct json_fields fields = {0};
    printf("%s{", first ? "" : ",");
    json_field_text(&fields, "check", name);
    json_field_text(&fields, "result", kind_names[finding->kind]);
    json_field_text(&fields, "what", finding->what);
    if (finding->mend[0]) {
        json_field_text(&fields, "mend", finding->mend);
    }
    putchar('}');
}

/* The number of gaps. */
static unsigned run_checks(const struct doctor *doctor, bool json)
{
    unsigned gaps = 0;
    for (size_t i = 0; i < doctor_check_count; i++) {
        struct finding finding = {0};
        doctor_checks[i].check(doctor, &finding);
        if (json) {
            print_json(doctor_checks[i].name, &finding, i == 0);
        } else {
            print_text(doctor_checks[i].name, &finding);
        }
        gaps += finding.kind == FINDING_GAP;
    }
    return gaps;
}

int verb_doctor(const struct cli_verb *verb, int argc, char **argv)
{
    static struct doctor doctor;
    struct verb_arguments arguments;
    int code = verb_begin_look(verb, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    if (!doctor_prepare(&doctor)) {
        return verb_system_error(verb, "the host cannot be looked at", GetLastError());
    }
    if (arguments.json) {
        printf("{\"checks\":[");
    }
    unsigned gaps = run_checks(&doctor, arguments.json);
    if (arguments.json) {
        printf("],\"gaps\":%u}\n", gaps);
    } else {
        printf("%u %s\n", gaps, gaps == 1 ? "gap" : "gaps");
    }
    doctor_free(&doctor);
    return gaps ? CLI_NO : CLI_DONE;
}
