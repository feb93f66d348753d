/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/diff/call_class.h"
#include "cli/diff/class_text.h"
#include "cli/load_policy.h"
#include "cli/report.h"
#include "core/catalog.h"

#define CLASSES_MAX 5000
#define LINES_MAX   4 /* classes told for one row, for people */
#define VALUES_MAX  6

static const struct class_style json_style = {.values_max = SIZE_MAX};

enum coverage_state {
    COVERAGE_BLOCKED,
    COVERAGE_PARTLY_BLOCKED,
    COVERAGE_AUDITED,
    COVERAGE_PARTLY_AUDITED,
    COVERAGE_OPEN,
    COVERAGE_UNTOLD, /* too many combinations */
    COVERAGE_COUNT
};

static const char *const state_names[COVERAGE_COUNT] = {
    [COVERAGE_BLOCKED] = "blocked", [COVERAGE_PARTLY_BLOCKED] = "partly blocked",
    [COVERAGE_AUDITED] = "audited", [COVERAGE_PARTLY_AUDITED] = "partly audited",
    [COVERAGE_OPEN] = "open",       [COVERAGE_UNTOLD] = "too many combinations",
};

struct coverage_arguments {
    const char *file;
    bool compat;
    bool json;
};

struct coverage {
    struct coverage_arguments arguments;
    struct policy_space space;
    uint32_t *residuals;
    size_t count;
    size_t states[COVERAGE_COUNT];
};

/* One technique's row, judged. */
struct row {
    const struct catalog_technique *technique;
    enum coverage_state state;
    bool would_block;       /* a dry rule takes some of the calls */
    struct class_list open; /* calls that are let through */
};

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct coverage_arguments *out)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-p") == 0 || strcmp(argv[i], "--policy") == 0) {
            if (++i == argc) {
                return cli_usage_error(verb, "-p needs a file");
            }
            out->file = argv[i];
        } else if (strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else {
            return cli_usage_error(verb, "unknown argument '%s'", argv[i]);
        }
    }
    return out->file ? CLI_DONE : cli_usage_error(verb, "which policy? -p FILE");
}

/* ---- Judging a row ---- */

static uint32_t opnums_of(struct coverage *coverage, const struct catalog_technique *technique)
{
    uint32_t set = space_put_spans(&coverage->space, NULL, 0);
    unsigned first;
    unsigned last;
    for (size_t i = 0; catalog_technique_range(technique, i, &first, &last); i++) {
        struct span span = {{0, first}, {0, last}};
        set = space_spans_union(&coverage->space, set, space_put_spans(&coverage->space, &span, 1));
    }
    return set;
}

/* Leaves of a class the remote calls of the row's opnums; false: there are none. */
static bool keep_opnums(struct coverage *coverage, struct call_class *class, uint32_t opnums)
{
    struct facet *facet = &class->facets[KEY_OPNUM];
    size_t count;
    if (facet->form != FACET_ANY) {
        facet->set = space_spans_meet(&coverage->space, facet->set, opnums, KEY_OPNUM);
        facet->unknown = false;
        space_spans(&coverage->space, facet->set, &count);
        if (!count) {
            return false;
        }
        if (facet->set == opnums) {
            *facet = (struct facet){0}; /* all that the row is about */
        }
    }
    return class_without_local(class, &coverage->space);
}

/* Counts what happens to the classes, and keeps those that are let through. */
static void judge_classes(struct coverage *coverage, struct row *row, struct class_list *classes)
{
    uint32_t opnums = opnums_of(coverage, row->technique);
    size_t kept = 0;
    bool blocked = false;
    bool audited = false;
    bool silent = false;
    for (size_t i = 0; i < classes->count; i++) {
        struct call_class class = classes->items[i];
        if (!keep_opnums(coverage, &class, opnums)) {
            continue;
        }
        row->would_block = row->would_block || (class.old_outcome & OUTCOME_DRY);
        if (class.old_outcome & OUTCOME_BLOCK) {
            blocked = true;
            continue;
        }
        audited = audited || (class.old_outcome & OUTCOME_AUDIT);
        silent = silent || !(class.old_outcome & OUTCOME_AUDIT);
        class.old_outcome &= OUTCOME_AUDIT;
        classes->items[kept++] = class;
    }
    classes->count = kept;
    row->state = blocked && !audited && !silent ? COVERAGE_BLOCKED
                 : blocked                      ? COVERAGE_PARTLY_BLOCKED
                 : audited && !silent           ? COVERAGE_AUDITED
                 : audited                      ? COVERAGE_PARTLY_AUDITED
                                                : COVERAGE_OPEN;
}

/* False: out of memory. */
static bool judge_row(struct coverage *coverage, struct row *row)
{
    struct difference difference = {.space = &coverage->space};
    const struct guid *uuid = catalog_interface_uuid(catalog_technique_interface(row->technique));
    uint32_t *left = malloc((coverage->count + 1) * sizeof(*left));
    bool good = left != NULL;
    if (good) {
        memcpy(left, coverage->residuals, coverage->count * sizeof(*left));
        size_t count =
            space_know(&coverage->space, left, coverage->count, KEY_UUID, point_of_guid(uuid));
        good = difference_build(&difference, left, count, NULL, 0) &&
               class_list_collect(&row->open, &difference, CLASSES_MAX, true);
    }
    if (good && (difference.exhausted || difference.inexact || row->open.cut)) {
        row->state = COVERAGE_UNTOLD;
        row->open.count = 0;
    } else if (good) {
        judge_classes(coverage, row, &row->open);
        class_list_join(&row->open, &coverage->space);
    }
    free(left);
    difference_free(&difference);
    return good;
}

/* ---- Printing ---- */

static void print_head(const struct row *row)
{
    const struct catalog_technique *technique = row->technique;
    const struct catalog_interface *interface = catalog_technique_interface(technique);
    char state[48];
    snprintf(state, sizeof(state), "%s%s", state_names[row->state],
             row->would_block ? " (dry)" : "");
    printf("%-10s %-20s %-21s %-20s %s\n", catalog_technique_id(technique), state,
           catalog_interface_name(interface), catalog_technique_opnums(technique),
           catalog_technique_attack(technique));
}

static void print_row(struct coverage *coverage, const struct row *row)
{
    const struct class_style style = {
        .values_max = VALUES_MAX,
        .names = true,
        .interface = catalog_technique_interface(row->technique),
    };
    bool partly = row->state == COVERAGE_PARTLY_BLOCKED || row->state == COVERAGE_PARTLY_AUDITED;
    print_head(row);
    size_t shown = 0;
    size_t told = 0;
    for (size_t i = 0; partly && i < row->open.count; i++) {
        const struct call_class *class = &row->open.items[i];
        struct phrase text = {0};
        bool audited = (class->old_outcome & OUTCOME_AUDIT) != 0;
        if (row->state == COVERAGE_PARTLY_AUDITED && !audited) {
            continue;
        }
        told++;
        if (shown == LINES_MAX) {
            continue;
        }
        class_text(&text, &coverage->space, class, &style);
        printf("           %s%s: %s\n",
               row->state == COVERAGE_PARTLY_AUDITED ? "audited for" : "open for",
               row->state == COVERAGE_PARTLY_BLOCKED && audited ? " (audited)" : "",
               text.bytes ? text.bytes : "");
        free(text.bytes);
        shown++;
    }
    if (told > shown) {
        printf("           … and %lu more\n", (unsigned long)(told - shown));
    }
}

static void print_json_text(const char *name, const char *text)
{
    printf("\"%s\":", name);
    report_json_string(stdout, text, strlen(text));
}

static void print_json_row(struct coverage *coverage, const struct row *row)
{
    const struct catalog_technique *technique = row->technique;
    const struct catalog_interface *interface = catalog_technique_interface(technique);
    char uuid[GUID_TEXT_SIZE];
    printf("{");
    print_json_text("technique", catalog_technique_id(technique));
    printf(",");
    print_json_text("name", catalog_technique_name(technique));
    printf(",");
    print_json_text("attack", catalog_technique_attack(technique));
    printf(",");
    print_json_text("interface", catalog_interface_name(interface));
    printf(",");
    print_json_text("uuid", guid_format(catalog_interface_uuid(interface), uuid));
    printf(",");
    print_json_text("opnums", catalog_technique_opnums(technique));
    printf(",");
    print_json_text("state", state_names[row->state]);
    printf(",\"dry\":%s,\"allowed\":[", row->would_block ? "true" : "false");
    for (size_t i = 0; i < row->open.count; i++) {
        struct phrase text = {0};
        class_text(&text, &coverage->space, &row->open.items[i], &json_style);
        printf("%s{\"class\":", i ? "," : "");
        report_json_string(stdout, text.bytes ? text.bytes : "", text.length);
        printf(",\"audit\":%s}", row->open.items[i].old_outcome & OUTCOME_AUDIT ? "true" : "false");
        free(text.bytes);
    }
    printf("]}");
}

static void print_summary(const struct coverage *coverage)
{
    const char *separator = ": ";
    printf("%lu techniques and attacks", (unsigned long)catalog_technique_count());
    for (int state = 0; state < COVERAGE_COUNT; state++) {
        if (coverage->states[state]) {
            printf("%s%lu %s", separator, (unsigned long)coverage->states[state],
                   state_names[state]);
            separator = ", ";
        }
    }
    printf("\n");
}

static int cover(struct coverage *coverage)
{
    const bool json = coverage->arguments.json;
    fputs(json ? "{\"techniques\":[" : "", stdout);
    for (size_t i = 0; i < catalog_technique_count(); i++) {
        struct row row = {.technique = catalog_technique_at(i)};
        bool good = judge_row(coverage, &row);
        if (good && json) {
            fputs(i ? "," : "", stdout);
            print_json_row(coverage, &row);
        } else if (good) {
            print_row(coverage, &row);
        }
        coverage->states[row.state]++;
        class_list_free(&row.open);
        if (!good) {
            fprintf(stderr, "out of memory\n");
            return CLI_ERROR;
        }
    }
    if (json) {
        printf("]}\n");
    } else {
        print_summary(coverage);
    }
    return CLI_DONE;
}

int verb_coverage(const struct cli_verb *verb, int argc, char **argv)
{
    struct coverage coverage = {.count = 0};
    int code = read_arguments(verb, argc, argv, &coverage.arguments);
    if (code != CLI_DONE) {
        return code;
    }
    struct policy *policy = load_policy(coverage.arguments.file, coverage.arguments.compat);
    if (!policy) {
        return CLI_ERROR;
    }
    if (policy->diagnostics.errors) {
        report_text(stderr, &policy->diagnostics);
        policy_free(policy);
        return CLI_NO;
    }
    coverage.residuals = space_add_policy(&coverage.space, policy, &coverage.count);
    policy_free(policy);
    if (coverage.residuals) {
        code = cover(&coverage);
    } else {
        fprintf(stderr, "%s: out of memory\n", coverage.arguments.file);
        code = CLI_ERROR;
    }
    free(coverage.residuals);
    space_free(&coverage.space);
    return code;
}
