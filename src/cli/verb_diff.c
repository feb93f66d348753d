/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/diff/call_class.h"
#include "cli/diff/class_example.h"
#include "cli/diff/class_text.h"
#include "cli/load_policy.h"
#include "cli/report.h"
#include "core/decide.h"

#define CLASSES_MAX 5000 /* collected; beyond, the list says that it is cut */
#define LINES_MAX   200  /* printed for people */

static const struct class_style line_style = {.values_max = 6, .names = true};
static const struct class_style json_style = {.values_max = SIZE_MAX};

struct diff_arguments {
    const char *old_file;
    const char *new_file;
    bool compat;
    bool json;
};

/* One of the two policies. */
struct diff_side {
    struct policy *policy;
    struct policy_image *image;
    uint32_t *residuals;
    size_t count;
};

struct diff {
    struct diff_arguments arguments;
    struct diff_side sides[2];
    struct policy_space space;
    struct difference difference;
    struct class_list classes;
};

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct diff_arguments *out)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else if (!out->old_file) {
            out->old_file = argv[i];
        } else if (!out->new_file) {
            out->new_file = argv[i];
        } else {
            return cli_usage_error(verb, "two files: '%s' is one too many", argv[i]);
        }
    }
    return out->new_file ? CLI_DONE : cli_usage_error(verb, "which two files?");
}

static bool load_side(struct diff *diff, struct diff_side *side, const char *path)
{
    size_t size;
    side->policy = load_policy(path, diff->arguments.compat);
    if (!side->policy) {
        return false;
    }
    if (side->policy->diagnostics.errors) {
        report_text(stderr, &side->policy->diagnostics);
        return false;
    }
    side->image = policy_compile(side->policy, &size);
    side->residuals = space_add_policy(&diff->space, side->policy, &side->count);
    if (!side->image || !side->residuals) {
        fprintf(stderr, "%s: out of memory\n", path);
        return false;
    }
    return true;
}

/* ---- Verdicts ---- */

static void print_verdict(struct phrase *phrase, const struct policy_image *image,
                          const struct verdict *verdict)
{
    phrase_add(phrase, "%s %s ", verdict->block ? "block" : "allow",
               verdict->audit ? "audit" : "noaudit");
    if (verdict->rule == VERDICT_NO_RULE) {
        phrase_add(phrase, "default");
        return;
    }
    const struct image_rule *rule = image_rule(image, verdict->rule);
    const char *file = image_text(image, rule->file);
    phrase_add(phrase, *file ? "rule=%s:%lu%s" : "rule=%s%lu%s", file, (unsigned long)rule->line,
               verdict->dry ? " dry" : "");
}

static uint32_t outcome_of(const struct verdict *verdict)
{
    return (verdict->block ? OUTCOME_BLOCK : 0) | (verdict->audit ? OUTCOME_AUDIT : 0) |
           (verdict->dry ? OUTCOME_DRY : 0);
}

static const char *change_of(const struct call_class *class)
{
    bool was_blocked = (class->old_outcome & OUTCOME_BLOCK) != 0;
    bool is_blocked = (class->new_outcome & OUTCOME_BLOCK) != 0;
    if (was_blocked != is_blocked) {
        return is_blocked ? "newly blocked" : "no longer blocked";
    }
    if ((class->old_outcome ^ class->new_outcome) & OUTCOME_DRY) {
        return class->new_outcome & OUTCOME_DRY ? "newly dry" : "no longer dry";
    }
    return class->new_outcome & OUTCOME_AUDIT ? "newly audited" : "no longer audited";
}

static const char *const changes[] = {"newly blocked", "no longer blocked", "newly dry",
                                      "no longer dry", "newly audited",     "no longer audited"};

#define CHANGE_COUNT (sizeof(changes) / sizeof(changes[0]))

/* ---- Classes ---- */

static void add_word(void *context, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "=.:-_@/+,%";
    struct phrase *phrase = context;
    bool quoted = word[strspn(word, plain)] != '\0';
    phrase_add(phrase, phrase->length ? " " : "");
    phrase_add(phrase, quoted ? "'" : "");
    for (; *word; word++) {
        if (*word == '\'') {
            phrase_add(phrase, "'\\''");
        } else {
            phrase_add(phrase, "%c", *word);
        }
    }
    phrase_add(phrase, quoted ? "'" : "");
}

static void print_json_word(void *context, const char *word)
{
    const char **separator = context;
    fputs(*separator, stdout);
    report_json_string(stdout, word, strlen(word));
    *separator = ",";
}

/* Decides the example with both policies; false: it does not show what it should. */
static bool decide_example(const struct diff *diff, const struct call_class *class,
                           const struct class_example *example, struct phrase verdicts[2])
{
    bool good = true;
    for (int i = 0; i < 2; i++) {
        struct call call = example->call;
        struct verdict verdict = decide(diff->sides[i].image, &call);
        good = good && outcome_of(&verdict) == (i ? class->new_outcome : class->old_outcome);
        print_verdict(&verdicts[i], diff->sides[i].image, &verdict);
    }
    return good;
}

static void print_class(struct diff *diff, const struct call_class *class,
                        const struct class_example *example, const struct phrase verdicts[2])
{
    struct phrase what = {0};
    struct phrase words = {0};
    class_text(&what, &diff->space, class, &line_style);
    class_example_words(example, add_word, &words);
    printf("%s: %s\n    old: %s\n    new: %s\n    example: %s\n", change_of(class), what.bytes,
           verdicts[0].bytes, verdicts[1].bytes,
           words.length ? words.bytes : "a call of which nothing is known");
    free(what.bytes);
    free(words.bytes);
}

static void print_json_class(struct diff *diff, const struct call_class *class,
                             const struct class_example *example, const struct phrase verdicts[2])
{
    const char *separator = "";
    printf("{\"change\":\"%s\",\"class\":{", change_of(class));
    for (int key = 0; key < KEY_COUNT; key++) {
        struct phrase value = {0};
        if (!facet_is_told(&diff->space, (enum policy_key)key, &class->facets[key])) {
            continue;
        }
        facet_text(&value, &diff->space, (enum policy_key)key, &class->facets[key], &json_style);
        printf("%s\"%s\":", separator, condition_keys[key].name);
        report_json_string(stdout, value.bytes, value.length);
        separator = ",";
        free(value.bytes);
    }
    printf("},\"old\":");
    report_json_string(stdout, verdicts[0].bytes, verdicts[0].length);
    printf(",\"new\":");
    report_json_string(stdout, verdicts[1].bytes, verdicts[1].length);
    printf(",\"example\":[");
    separator = "";
    class_example_words(example, print_json_word, &separator);
    printf("]}");
}

/* Prints one class; false: no call shows it. */
static bool show_class(struct diff *diff, const struct call_class *class,
                       struct class_example *example)
{
    struct phrase verdicts[2] = {{0}, {0}};
    bool good = class_example_make(example, class, &diff->space) &&
                decide_example(diff, class, example, verdicts) && !verdicts[0].failed &&
                !verdicts[1].failed;
    if (good && diff->arguments.json) {
        print_json_class(diff, class, example, verdicts);
    } else if (good) {
        print_class(diff, class, example, verdicts);
    }
    free(verdicts[0].bytes);
    free(verdicts[1].bytes);
    return good;
}

/* Whether the class holds only calls of which the host cannot tell something: those come last. */
static bool is_of_unknown(const struct diff *diff, const struct call_class *class)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        size_t count;
        const struct facet *facet = &class->facets[key];
        if (facet->form == FACET_SPANS) {
            space_spans(&diff->space, facet->set, &count);
        } else if (facet->form == FACET_ANY_OF) {
            count = space_list_count(&diff->space, facet->set);
        } else {
            continue;
        }
        if (!count) {
            return true;
        }
    }
    return false;
}

/* How far back the class is shown: in the order of `changes`. */
static size_t order_of(const struct diff *diff, const struct call_class *class)
{
    size_t kind = 0;
    while (kind + 1 < CHANGE_COUNT && strcmp(change_of(class), changes[kind]) != 0) {
        kind++;
    }
    return kind * 2 + is_of_unknown(diff, class);
}

/* Returns how many could not be shown. */
static size_t show_classes(struct diff *diff)
{
    struct class_example *example = malloc(sizeof(*example));
    size_t shown = 0;
    size_t failed = 0;
    size_t limit = diff->arguments.json ? SIZE_MAX : LINES_MAX;
    for (size_t order = 0; example && order < CHANGE_COUNT * 2; order++) {
        for (size_t i = 0; i < diff->classes.count && shown < limit; i++) {
            const struct call_class *class = &diff->classes.items[i];
            if (order_of(diff, class) != order) {
                continue;
            }
            if (diff->arguments.json && shown) {
                printf(",");
            }
            bool good = show_class(diff, class, example);
            shown += good;
            failed += !good;
        }
    }
    if (shown + failed < diff->classes.count) {
        printf("… and %lu more\n", (unsigned long)(diff->classes.count - shown - failed));
    }
    free(example);
    return failed;
}

/* ---- Summary ---- */

static void report_limits(const struct diff *diff)
{
    const struct difference *difference = &diff->difference;
    if (difference->exhausted && difference->interfaces) {
        fprintf(stderr,
                "too many combinations: compared exactly for %lu of %lu groups of interfaces; in "
                "the rest there may be more differences\n",
                (unsigned long)difference->interfaces_whole, (unsigned long)difference->interfaces);
    } else if (difference->exhausted) {
        fprintf(stderr, "too many combinations: not all calls were compared\n");
    }
    if (difference->inexact) {
        struct phrase list = {0};
        struct facet facet = {.form = FACET_ANY_OF, .set = difference->inexact_list};
        facet_text(&list, (struct policy_space *)&diff->space, difference->inexact_key, &facet,
                   &line_style);
        fprintf(stderr,
                "%s:%s cannot be compared exactly with the other patterns of %s:; calls that "
                "depend on it were left out\n",
                condition_keys[difference->inexact_key].name, list.bytes ? list.bytes : "",
                condition_keys[difference->inexact_key].name);
        free(list.bytes);
    }
    if (diff->classes.cut) {
        fprintf(stderr, "more than %d classes of calls differ; the rest is not shown\n",
                CLASSES_MAX);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void report_options(const struct diff *diff)
{
    const struct policy *old = diff->sides[0].policy;
    const struct policy *new = diff->sides[1].policy;
    const struct {
        const char *name;
        bool same;
    } options[] = {
        {"json", same_text(old->json_path, new->json_path) && old->json_off == new->json_off},
        {"eventlog", old->eventlog_off == new->eventlog_off},
        {"journal", old->journal_off == new->journal_off},
        {"unsupported", old->unsupported_closed == new->unsupported_closed},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!options[i].same) {
            fprintf(stderr, "option %s differs, which changes no verdict\n", options[i].name);
        }
    }
}

static void print_summary(const struct diff *diff)
{
    const char *separator = ": ";
    if (!diff->classes.count) {
        printf("no call is judged differently\n");
        return;
    }
    printf("%lu class%s of calls judged differently", (unsigned long)diff->classes.count,
           diff->classes.count == 1 ? "" : "es");
    for (size_t kind = 0; kind < CHANGE_COUNT; kind++) {
        unsigned long count = 0;
        for (size_t i = 0; i < diff->classes.count; i++) {
            count += strcmp(change_of(&diff->classes.items[i]), changes[kind]) == 0;
        }
        if (count) {
            printf("%s%lu %s", separator, count, changes[kind]);
            separator = ", ";
        }
    }
    printf("\n");
}

static int show(struct diff *diff)
{
    const struct difference *difference = &diff->difference;
    bool complete = !difference->exhausted && !difference->inexact && !diff->classes.cut;
    bool same = !diff->classes.count;
    if (diff->arguments.json) {
        printf("{\"same\":%s,\"complete\":%s,\"differences\":[",
               same && complete ? "true" : "false", complete ? "true" : "false");
    }
    size_t failed = show_classes(diff);
    if (diff->arguments.json) {
        printf("]}\n");
    } else if (!same || complete) {
        print_summary(diff);
    }
    report_limits(diff);
    report_options(diff);
    if (failed) {
        fprintf(stderr, "%lu of the classes have no example: an error in the comparison\n",
                (unsigned long)failed);
        return CLI_ERROR;
    }
    if (same) {
        return complete ? CLI_DONE : CLI_ERROR;
    }
    return CLI_NO;
}

static int compare(struct diff *diff)
{
    if (!load_side(diff, &diff->sides[0], diff->arguments.old_file) ||
        !load_side(diff, &diff->sides[1], diff->arguments.new_file)) {
        return CLI_ERROR;
    }
    diff->difference.space = &diff->space;
    if (!difference_build(&diff->difference, diff->sides[0].residuals, diff->sides[0].count,
                          diff->sides[1].residuals, diff->sides[1].count) ||
        !class_list_collect(&diff->classes, &diff->difference, CLASSES_MAX, false)) {
        fprintf(stderr, "out of memory\n");
        return CLI_ERROR;
    }
    class_list_join(&diff->classes, &diff->space);
    class_list_widen(&diff->classes, &diff->difference, &diff->space);
    return show(diff);
}

int verb_diff(const struct cli_verb *verb, int argc, char **argv)
{
    struct diff diff = {0};
    int code = read_arguments(verb, argc, argv, &diff.arguments);
    if (code == CLI_DONE) {
        code = compare(&diff);
    }
    class_list_free(&diff.classes);
    difference_free(&diff.difference);
    space_free(&diff.space);
    for (int i = 0; i < 2; i++) {
        policy_free(diff.sides[i].policy);
        free(diff.sides[i].image);
        free(diff.sides[i].residuals);
    }
    return code;
}
