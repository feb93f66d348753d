/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/call_names.h"
#include "cli/events/event_stream.h"
#include "cli/events/timestamp.h"
#include "cli/plain_text.h"
#include "cli/replay_rows.h"
#include "cli/report.h"

struct replay_arguments {
    const char *policy;
    const char *against;
    bool compat;
    bool json;
    char **events;
    size_t event_count;
};

/* What is shown, and by which policies it was decided. */
struct replay {
    struct replay_result result;
    const struct call_shapes *shapes;
    const struct policy_image *image;
    const struct policy_image *old; /* NULL: against the records */
};

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct replay_arguments *out)
{
    /* The events' paths take the places of the arguments that were read. */
    out->events = argv;
    for (int i = 1; i < argc; i++) {
        const char **file = strcmp(argv[i], "-p") == 0 || strcmp(argv[i], "--policy") == 0
                                ? &out->policy
                            : strcmp(argv[i], "--against") == 0 ? &out->against
                                                                : NULL;
        if (file) {
            if (++i == argc) {
                return cli_usage_error(verb, "%s needs a file", argv[i - 1]);
            }
            *file = argv[i];
        } else if (strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else {
            out->events[out->event_count++] = argv[i];
        }
    }
    if (!out->policy) {
        return cli_usage_error(verb, "which policy? -p FILE");
    }
    return out->event_count ? CLI_DONE : cli_usage_error(verb, "which events? (- for stdin)");
}

/* ---- As text ---- */

static const char *title_of(enum replay_change change, bool against)
{
    switch (change) {
    case CHANGE_NEWLY_BLOCKED:
        return "newly blocked";
    case CHANGE_BLOCKED:
        return "blocked, as they were";
    case CHANGE_NEWLY_ALLOWED:
        return "newly allowed";
    case CHANGE_WOULD_BLOCK:
        return against ? "newly let through by a dry rule that would block"
                       : "let through by a dry rule that would block";
    case CHANGE_NEWLY_AUDITED:
        return "newly audited";
    case CHANGE_NO_LONGER_AUDITED:
        return "no longer audited";
    default:
        return "unchanged";
    }
}

static const char *calls_word(uint64_t count)
{
    return count == 1 ? "call" : "calls";
}

static void print_rule(const struct policy_image *image, uint32_t number)
{
    if (number == VERDICT_NO_RULE) {
        printf("no rule");
        return;
    }
    const struct image_rule *rule = image_rule(image, number);
    const char *file = image_text(image, rule->file);
    const char *name = image_text(image, rule->name);
    printf(*file ? "rule %s:%" PRIu32 : "rule %s%" PRIu32, file, rule->line);
    if (*name) {
        printf(" (%s)", name);
    }
}

static void print_method(const struct replay_row *row)
{
    char text[GUID_TEXT_SIZE];
    if (!(row->known & FACT_BIT(FACT_INTERFACE))) {
        printf("unknown interface");
        return;
    }
    printf("%s", interface_name(&row->interface, text));
    if (row->known & FACT_BIT(FACT_OPNUM)) {
        const char *method = method_name(&row->interface, (uint16_t)row->opnum);
        printf(method ? " %s (opnum %" PRIu32 ")" : "%s opnum %" PRIu32, method ? method : "",
               row->opnum);
    } else {
        printf(" unknown opnum");
    }
}

static void print_caller(const struct replay *replay, const struct replay_row *row)
{
    char text[SID_TEXT_SIZE];
    char addr[IPADDR_TEXT_SIZE];
    printf("  from %s", row->known & FACT_BIT(FACT_CLIENT_ADDR)
                            ? ipaddr_format(&row->client_addr, addr)
                            : "unknown");
    struct text principal = call_shapes_text(replay->shapes, row->principal);
    if (principal.length) {
        printf("  by ");
        print_plain(stdout, principal.bytes, principal.length);
    } else if (row->sid) {
        printf("  by %s", sid_format(call_shapes_sid(replay->shapes, row->sid), text));
    }
}

static void print_row(const struct replay *replay, const struct replay_row *row)
{
    char first[TIMESTAMP_TEXT_SIZE];
    char last[TIMESTAMP_TEXT_SIZE];
    printf("  %8" PRIu64 "  ", row->count);
    print_rule(replay->image, row->rule);
    if (replay->old) {
        printf(", was ");
        print_rule(replay->old, row->old_rule);
    }
    printf("  ");
    print_method(row);
    print_caller(replay, row);
    printf("  %s", timestamp_format(row->first_us, first));
    if (strcmp(first, timestamp_format(row->last_us, last)) != 0) {
        printf(" to %s", last);
    }
    printf("\n");
}

static void print_rows(const struct replay *replay)
{
    const struct replay_result *result = &replay->result;
    uint32_t change = CHANGE_NONE;
    for (size_t i = 0; i < result->row_count; i++) {
        const struct replay_row *row = &result->rows[i];
        if (row->change != change) {
            change = row->change;
            uint64_t count = result->changes[change];
            printf("\n%s: %" PRIu64 " %s\n",
                   title_of((enum replay_change)change, replay->old != NULL), count,
                   calls_word(count));
        }
        print_row(replay, row);
    }
}

static void print_unknown(const struct replay_result *result)
{
    const char *separator = " (";
    if (!result->hung) {
        return;
    }
    printf("%" PRIu64 " verdicts hang on what the records do not tell", result->hung);
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (result->hung_on[fact]) {
            printf("%s%s: %" PRIu64, separator, fact_name((enum call_fact)fact),
                   result->hung_on[fact]);
            separator = ", ";
        }
    }
    printf(")\n");
}

static void print_text(const struct replay *replay)
{
    const struct replay_result *result = &replay->result;
    printf("%" PRIu64 " %s replayed: %" PRIu64 " blocked, %" PRIu64 " of them newly; %" PRIu64
           " newly allowed\n",
           result->calls, calls_word(result->calls), result->blocked,
           result->changes[CHANGE_NEWLY_BLOCKED], result->changes[CHANGE_NEWLY_ALLOWED]);
    print_unknown(result);
    print_rows(replay);
}

/* ---- As JSON ---- */

static void print_json_rule(const char *key, const struct policy_image *image, uint32_t number)
{
    if (number == VERDICT_NO_RULE) {
        printf(",\"%s\":null", key);
        return;
    }
    const struct image_rule *rule = image_rule(image, number);
    const char *file = image_text(image, rule->file);
    const char *name = image_text(image, rule->name);
    printf(",\"%s\":{\"line\":%" PRIu32, key, rule->line);
    if (*file) {
        printf(",\"file\":");
        report_json_string(stdout, file, strlen(file));
    }
    if (*name) {
        printf(",\"name\":");
        report_json_string(stdout, name, strlen(name));
    }
    printf("}");
}

static void print_json_call(const struct replay *replay, const struct replay_row *row)
{
    char text[SID_TEXT_SIZE];
    if (row->known & FACT_BIT(FACT_INTERFACE)) {
        const char *name = known_interface_name(&row->interface);
        printf(",\"uuid\":\"%s\"", guid_format(&row->interface, text));
        if (name) {
            printf(",\"interface\":");
            report_json_string(stdout, name, strlen(name));
        }
    }
    if (row->known & FACT_BIT(FACT_OPNUM)) {
        const char *method = method_name(&row->interface, (uint16_t)row->opnum);
        printf(",\"opnum\":%" PRIu32, row->opnum);
        if (method) {
            printf(",\"method\":");
            report_json_string(stdout, method, strlen(method));
        }
    }
    if (row->known & FACT_BIT(FACT_CLIENT_ADDR)) {
        printf(",\"source\":\"%s\"", ipaddr_format(&row->client_addr, text));
    }
    struct text principal = call_shapes_text(replay->shapes, row->principal);
    if (principal.length) {
        printf(",\"user\":");
        report_json_string(stdout, principal.bytes, principal.length);
    }
    if (row->sid) {
        printf(",\"sid\":\"%s\"", sid_format(call_shapes_sid(replay->shapes, row->sid), text));
    }
}

static void print_json_time(const char *key, uint64_t time_us)
{
    char text[TIMESTAMP_TEXT_SIZE];
    if (time_us) {
        timestamp_format(time_us, text);
        text[10] = 'T';
        printf(",\"%s\":\"%s\"", key, text);
    }
}

static void print_json_row(const struct replay *replay, const struct replay_row *row)
{
    static const char *const names[] = {
        [CHANGE_NEWLY_BLOCKED] = "newly-blocked", [CHANGE_BLOCKED] = "blocked",
        [CHANGE_NEWLY_ALLOWED] = "newly-allowed", [CHANGE_WOULD_BLOCK] = "would-block",
        [CHANGE_NEWLY_AUDITED] = "newly-audited", [CHANGE_NO_LONGER_AUDITED] = "no-longer-audited",
    };
    printf("{\"change\":\"%s\",\"count\":%" PRIu64, names[row->change], row->count);
    print_json_rule("rule", replay->image, row->rule);
    if (replay->old) {
        print_json_rule("old_rule", replay->old, row->old_rule);
    }
    print_json_call(replay, row);
    print_json_time("first", row->first_us);
    print_json_time("last", row->last_us);
    printf("}");
}

static void print_json_unknown(const struct replay_result *result)
{
    const char *separator = "";
    printf(",\"unknown\":{\"verdicts\":%" PRIu64 ",\"facts\":{", result->hung);
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (result->hung_on[fact]) {
            printf("%s\"%s\":%" PRIu64, separator, fact_name((enum call_fact)fact),
                   result->hung_on[fact]);
            separator = ",";
        }
    }
    printf("}}");
}

static void print_json_names(const struct zeek_names *names)
{
    size_t count;
    uint64_t unlisted;
    const struct unknown_name *unknown = zeek_names_unknown(names, &count, &unlisted);
    printf(",\"unknown_names\":[");
    for (size_t i = 0; i < count; i++) {
        printf("%s{\"name\":", i ? "," : "");
        report_json_string(stdout, unknown[i].name, strlen(unknown[i].name));
        printf(",\"count\":%" PRIu64 "}", unknown[i].count);
    }
    printf("]");
}

static void print_json(const struct replay *replay, const struct event_stream *stream)
{
    const struct replay_result *result = &replay->result;
    const struct event_totals *totals = event_stream_totals(stream);
    printf("{\"calls\":%" PRIu64 ",\"blocked\":%" PRIu64 ",\"newly_blocked\":%" PRIu64
           ",\"newly_allowed\":%" PRIu64 ",\"would_block\":%" PRIu64 ",\"bad_lines\":%" PRIu64
           ",\"unnamed_calls\":%" PRIu64 ",\"files_refused\":%lu",
           result->calls, result->blocked, result->changes[CHANGE_NEWLY_BLOCKED],
           result->changes[CHANGE_NEWLY_ALLOWED], result->changes[CHANGE_WOULD_BLOCK],
           totals->bad_lines, totals->unnamed, (unsigned long)totals->files_refused);
    print_json_unknown(result);
    print_json_names(event_stream_names(stream));
    printf(",\"rows\":[");
    for (size_t i = 0; i < result->row_count; i++) {
        printf("%s\n", i ? "," : "");
        print_json_row(replay, &result->rows[i]);
    }
    printf("]}\n");
}

/* ---- The verb ---- */

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
    const struct event_totals *totals = event_stream_totals(stream);
    if (!totals->calls && (totals->bad_lines || (!totals->lines && totals->files_refused))) {
        fprintf(stderr, "no events could be read\n");
        return CLI_ERROR;
    }
    if (!totals->calls) {
        fprintf(stderr, "there are no calls to replay\n");
    }
    return CLI_DONE;
}

static int show(struct replay *replay, const struct event_stream *stream, bool json)
{
    if (!replay_shapes(replay->shapes, replay->image, replay->old, &replay->result)) {
        fprintf(stderr, "out of memory\n");
        return CLI_ERROR;
    }
    if (json) {
        print_json(replay, stream);
    } else {
        print_text(replay);
    }
    free(replay->result.rows);
    if (replay->result.changes[CHANGE_NEWLY_BLOCKED]) {
        return CLI_NO;
    }
    /* What could not be read may hold a call that is newly blocked. */
    return event_stream_totals(stream)->files_refused ? CLI_ERROR : CLI_DONE;
}

static int replay_events(const struct replay_arguments *arguments, const void *image,
                         const void *old)
{
    int code = CLI_ERROR;
    struct call_shapes *shapes = call_shapes_new();
    struct event_stream *stream = event_stream_open(arguments->events, arguments->event_count);
    if (!shapes || !stream) {
        fprintf(stderr, "out of memory\n");
        goto out;
    }
    code = read_calls(stream, shapes);
    if (code == CLI_DONE) {
        struct replay replay = {.shapes = shapes, .image = image, .old = old};
        code = show(&replay, stream, arguments->json);
    }
out:
    event_stream_close(stream);
    call_shapes_free(shapes);
    return code;
}

int verb_replay(const struct cli_verb *verb, int argc, char **argv)
{
    struct replay_arguments arguments = {0};
    void *image = NULL;
    void *old = NULL;
    size_t size;
    int code = read_arguments(verb, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = cli_load_policy(arguments.policy, arguments.compat, &image, &size);
    }
    if (code == CLI_DONE && arguments.against) {
        code = cli_load_policy(arguments.against, arguments.compat, &old, &size);
    }
    if (code == CLI_DONE) {
        code = replay_events(&arguments, image, old);
    }
    free(image);
    free(old);
    return code;
}
