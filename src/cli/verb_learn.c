/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/atomic_file.h"
#include "cli/events/event_stream.h"
#include "cli/learn/learn_policy.h"
#include "cli/report.h"
#include "core/policy.h"

struct learn_arguments {
    struct learn_options options;
    const char *output; /* NULL: stdout */
    char **events;
    size_t event_count;
};

static const struct {
    const char *name;
    enum box_key key;
} words[] = {{"addr", BOX_ADDR},        {"user", BOX_USER}, {"sid", BOX_SID},
             {"prot", BOX_PROT},        {"auth", BOX_AUTH}, {"process", BOX_PROCESS},
             {"endpoint", BOX_ENDPOINT}};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

/* "addr,user" */
static int read_by(const struct cli_verb *verb, const char *list, unsigned *by)
{
    *by = 0;
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        size_t i = 0;
        while (i < WORD_COUNT &&
               (strlen(words[i].name) != length || memcmp(words[i].name, at, length) != 0)) {
            i++;
        }
        if (i == WORD_COUNT) {
            return cli_usage_error(
                verb, "--by takes addr, user, sid, prot, auth, process and endpoint, not '%.*s'",
                (int)length, at);
        }
        *by |= 1u << words[i].key;
        at += length + (at[length] == ',');
    }
    return *by ? CLI_DONE : cli_usage_error(verb, "--by needs a list, for example addr,user");
}

static int read_prefix(const struct cli_verb *verb, const char *text, unsigned max, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || value > max) {
        return cli_usage_error(verb, "'%s' is no prefix length of 0 to %u", text, max);
    }
    *out = (unsigned)value;
    return CLI_DONE;
}

/* An option with a value; CLI_NO: it is another word. */
static int read_option(const struct cli_verb *verb, const char *option, const char *value,
                       struct learn_arguments *out)
{
    static const char *const names[] = {"-o", "--output", "--by", "--addr-prefix",
                                        "--addr-prefix6"};
    size_t i = 0;
    while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], option) != 0) {
        i++;
    }
    if (i == sizeof(names) / sizeof(names[0])) {
        return CLI_NO;
    }
    if (!value) {
        return cli_usage_error(verb, "%s needs a value", option);
    }
    switch (i) {
    case 2:
        return read_by(verb, value, &out->options.by);
    case 3:
        return read_prefix(verb, value, 32, &out->options.addr_prefix);
    case 4:
        return read_prefix(verb, value, 128, &out->options.addr_prefix6);
    default:
        out->output = value;
        return CLI_DONE;
    }
}

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct learn_arguments *out)
{
    /* The events' paths take the places of the arguments that were read. */
    out->events = argv;
    for (int i = 1; i < argc; i++) {
        int code = read_option(verb, argv[i], argv[i + 1], out);
        if (code == CLI_DONE) {
            i++;
        } else if (code == CLI_ERROR) {
            return code;
        } else if (strcmp(argv[i], "--block-rest") == 0) {
            out->options.block_rest = true;
        } else if (strcmp(argv[i], "--enforce") == 0) {
            out->options.enforce = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else {
            out->events[out->event_count++] = argv[i];
        }
    }
    return out->event_count ? CLI_DONE : cli_usage_error(verb, "which events? (- for stdin)");
}

static void report(const struct learn_result *result)
{
    static const char left_out[] = "left out";
    const struct {
        uint64_t count;
        const char *what;
        const char *then;
    } notes[] = {
        {result->blocked, "calls that were blocked", left_out},
        {result->local, "calls over ncalrpc, which no rule sees unless it names it", left_out},
        {result->unnamed, "calls whose records tell no interface or opnum", left_out},
        {result->would_block, "calls that a dry rule would have blocked", "learned"},
        {result->anyone, "calls whose records do not tell the caller", "learned for anyone"},
        {result->widened, "calls by users whose names a policy cannot hold as they are",
         "learned by a pattern"},
    };
    fprintf(stderr, "learned %lu rules for %lu interfaces from %" PRIu64 " calls\n",
            (unsigned long)result->rules, (unsigned long)result->interfaces, result->calls);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (notes[i].count) {
            fprintf(stderr, "  %" PRIu64 " %s: %s\n", notes[i].count, notes[i].what, notes[i].then);
        }
    }
}

/* Nothing leaves here that `check --strict` would refuse. */
static int check(const struct learn_result *result)
{
    struct policy *policy = policy_read("(learned)", result->text, result->length, NULL);
    if (!policy) {
        fprintf(stderr, "out of memory\n");
        return CLI_ERROR;
    }
    if (!policy->diagnostics.errors) {
        policy_lint(policy);
    }
    bool good = !policy->diagnostics.errors && !policy->diagnostics.warnings;
    if (!good) {
        fprintf(stderr, "the learned policy would be refused, so it is not written:\n");
        report_text(stderr, &policy->diagnostics);
    }
    policy_free(policy);
    return good ? CLI_DONE : CLI_ERROR;
}

static int write_policy(const struct learn_arguments *arguments, const struct learn_result *result)
{
    int code = check(result);
    if (code != CLI_DONE) {
        return code;
    }
    bool written;
    if (arguments->output) {
        written = atomic_file_write(arguments->output, result->text, result->length);
    } else {
        /* cli_run() says that stdout cannot be written. */
        written = fwrite(result->text, 1, result->length, stdout) == result->length &&
                  fflush(stdout) == 0;
    }
    if (written) {
        report(result);
    }
    return written ? CLI_DONE : CLI_ERROR;
}

static int learn(const struct learn_arguments *arguments, const struct call_shapes *shapes)
{
    struct learn_result result;
    if (!learn_policy(shapes, &arguments->options, &result)) {
        fprintf(stderr, "out of memory\n");
        return CLI_ERROR;
    }
    int code = CLI_NO;
    if (result.calls) {
        code = write_policy(arguments, &result);
    } else {
        report(&result);
        fprintf(stderr, "there is nothing to learn from\n");
    }
    free(result.text);
    return code;
}

/* Sums the calls up; half of the input would make a policy that blocks the other half. */
static int read_calls(struct event_stream *stream, struct call_shapes *shapes)
{
    struct recorded_call call;
    while (event_stream_next(stream, &call)) {
        if (!call_shapes_add(shapes, &call)) {
            fprintf(stderr, "out of memory\n");
            return CLI_ERROR;
        }
    }
    event_stream_report(stream);
    if (event_stream_totals(stream)->files_refused) {
        fprintf(stderr, "not all files could be read, so nothing is learned\n");
        return CLI_ERROR;
    }
    return CLI_DONE;
}

int verb_learn(const struct cli_verb *verb, int argc, char **argv)
{
    struct learn_arguments arguments = {
        .options = {.by = 1u << BOX_ADDR | 1u << BOX_USER | 1u << BOX_PROT | 1u << BOX_AUTH,
                    .addr_prefix = 32,
                    .addr_prefix6 = 128}};
    int code = read_arguments(verb, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    struct call_shapes *shapes = call_shapes_new();
    struct event_stream *stream = event_stream_open(arguments.events, arguments.event_count);
    if (!shapes || !stream) {
        fprintf(stderr, "out of memory\n");
        code = CLI_ERROR;
        goto out;
    }
    code = read_calls(stream, shapes);
    if (code == CLI_DONE) {
        code = learn(&arguments, shapes);
    }
out:
    event_stream_close(stream);
    call_shapes_free(shapes);
    return code;
}
