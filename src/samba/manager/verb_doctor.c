/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/verbs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plain_text.h"
#include "samba/manager/agent_file.h"
#include "samba/manager/doctor.h"
#include "samba/manager/json_members.h"

static const char *const level_words[] = {
    [FINDING_GOOD] = "good",
    [FINDING_WARNING] = "warning",
    [FINDING_FAULT] = "fault",
};

void doctor_add(struct examination *examination, enum finding_level level, const char *mend,
                const char *format, ...)
{
    va_list arguments;
    struct finding *findings =
        reallocarray(examination->findings, examination->count + 1, sizeof(*findings));
    if (!findings) {
        examination->out_of_memory = true;
        return;
    }
    examination->findings = findings;
    struct finding *finding = &findings[examination->count++];
    *finding = (struct finding){.check = examination->check, .level = level};
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof(finding->text), format, arguments);
    va_end(arguments);
    snprintf(finding->mend, sizeof(finding->mend), "%s", mend ? mend : "");
}

static void examine(struct examination *examination)
{
    for (const struct doctor_check *check = doctor_checks; check->name; check++) {
        size_t before = examination->count;
        examination->check = check->name;
        check->run(examination);
        if (examination->count == before) {
            doctor_add(examination, FINDING_GOOD, NULL, "nothing to mend");
        }
    }
}

static size_t count_of(const struct examination *examination, enum finding_level level)
{
    size_t count = 0;
    for (size_t i = 0; i < examination->count; i++) {
        count += examination->findings[i].level == level;
    }
    return count;
}

static void print_text(const struct examination *examination)
{
    for (size_t i = 0; i < examination->count; i++) {
        const struct finding *finding = &examination->findings[i];
        printf("%-8s %-12s ", level_words[finding->level], finding->check);
        print_plain(stdout, finding->text, strlen(finding->text));
        putchar('\n');
        if (finding->mend[0]) {
            printf("%-8s %-12s   mend: %s\n", "", "", finding->mend);
        }
    }
    printf("%zu faults, %zu warnings\n", count_of(examination, FINDING_FAULT),
           count_of(examination, FINDING_WARNING));
}

static void print_json(const struct examination *examination)
{
    member_open(NULL, '{');
    member_flag("healthy", count_of(examination, FINDING_FAULT) == 0);
    member_number("faults", count_of(examination, FINDING_FAULT));
    member_number("warnings", count_of(examination, FINDING_WARNING));
    member_open("checks", '[');
    for (size_t i = 0; i < examination->count; i++) {
        const struct finding *finding = &examination->findings[i];
        member_open(NULL, '{');
        member_text("check", finding->check);
        member_text("level", level_words[finding->level]);
        member_text("text", finding->text);
        member_text("mend", finding->mend);
        member_close('}');
    }
    member_close(']');
    member_close('}');
    putchar('\n');
}

int verb_doctor(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    struct host_status status;
    char agent_path[PATH_MAX];
    int code = verb_read_arguments(verb, VERB_TAKES_JSON, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = host_status_take(verb, false, &status);
    }
    if (code != CLI_DONE) {
        return code;
    }
    agent_file_installed(agent_path);
    struct examination examination = {.status = &status, .agent_path = agent_path};
    examine(&examination);
    if (examination.out_of_memory) {
        code = verb_system_error(verb, "not everything was examined", ENOMEM);
    } else {
        (arguments.json ? print_json : print_text)(&examination);
        code = count_of(&examination, FINDING_FAULT) ? CLI_NO : CLI_DONE;
    }
    free(examination.findings);
    host_status_free(&status);
    return code;
}
