/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cli/load_policy.h"
#include "cli/report.h"

struct check_arguments {
    const char *file;
    bool compat;
    bool strict;
    bool json;
};

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct check_arguments *out)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if (strcmp(argv[i], "--strict") == 0) {
            out->strict = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else if (out->file) {
            return cli_usage_error(verb, "one file at a time: '%s' is one too many", argv[i]);
        } else {
            out->file = argv[i];
        }
    }
    return out->file ? CLI_DONE : cli_usage_error(verb, "which file?");
}

static void print_summary(const struct policy *policy, bool refused)
{
    const struct diagnostics *found = &policy->diagnostics;
    fprintf(stderr, "%s: %s: %lu rule%s, %lu error%s, %lu warning%s\n", policy->sources[0].path,
            refused ? "refused" : "good", (unsigned long)policy->rule_count,
            policy->rule_count == 1 ? "" : "s", (unsigned long)found->errors,
            found->errors == 1 ? "" : "s", (unsigned long)found->warnings,
            found->warnings == 1 ? "" : "s");
}

static void print_filter_note(const struct policy *policy)
{
    unsigned long count = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        count += (policy->rules[i].target & TARGET_FILTER) != 0;
    }
    if (count) {
        fprintf(stderr,
                "%s: note: %lu %s for native RPC filters (flt:, all:); 'plan' says what they come "
                "to on a Windows host\n",
                policy->sources[0].path, count, count == 1 ? "rule is" : "rules are");
    }
}

static void print_json(const struct policy *policy, bool refused)
{
    printf("{\"file\":");
    report_json_string(stdout, policy->sources[0].path, strlen(policy->sources[0].path));
    printf(",\"loadable\":%s,\"rules\":%lu,\"errors\":%lu,\"warnings\":%lu,\"diagnostics\":",
           refused ? "false" : "true", (unsigned long)policy->rule_count,
           (unsigned long)policy->diagnostics.errors, (unsigned long)policy->diagnostics.warnings);
    report_json(stdout, &policy->diagnostics);
    printf("}\n");
}

int verb_check(const struct cli_verb *verb, int argc, char **argv)
{
    struct check_arguments arguments = {0};
    int code = read_arguments(verb, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    struct policy *policy = load_policy(arguments.file, arguments.compat);
    if (!policy) {
        return CLI_ERROR;
    }
    const struct diagnostics *found = &policy->diagnostics;
    bool refused = found->errors || (arguments.strict && found->warnings);
    if (!found->errors) {
        print_filter_note(policy);
    }
    if (arguments.json) {
        print_json(policy, refused);
    } else {
        report_text(stderr, found);
        print_summary(policy, refused);
    }
    policy_free(policy);
    return refused ? CLI_NO : CLI_DONE;
}
