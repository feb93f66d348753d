/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/event_words.h"

#include <string.h>

#include "cli/plain_text.h"

#define PRIORITY_ERROR   3
#define PRIORITY_WARNING 4
#define PRIORITY_NOTICE  5
#define PRIORITY_INFO    6

#define RED              "\033[1;31m"
#define YELLOW           "\033[33m"
#define GREEN            "\033[32m"
#define BOLD             "\033[1m"
#define PLAIN            "\033[0m"

/* Wide enough for the words of calls. */
#define VERDICT_WIDTH 11

/* A failed bind has a row of its own; all else is told by the action alone. */
static const struct kind {
    const char *action;
    const char *outcome; /* NULL: any */
    const char *word;    /* NULL: the action itself */
    const char *colour;
    int priority;
    bool of_client;
} kinds[] = {
    {"rpc-call-allowed", NULL, "allowed", GREEN, PRIORITY_INFO, true},
    {"rpc-call-blocked", NULL, "BLOCKED", RED, PRIORITY_WARNING, true},
    {"rpc-call-would-block", NULL, "would block", YELLOW, PRIORITY_NOTICE, true},
    {"rpc-bind", "failure", "bind fails", YELLOW, PRIORITY_INFO, true},
    {"rpc-bind", NULL, "bind", "", PRIORITY_INFO, true},
    {"events-dropped", NULL, NULL, RED, PRIORITY_WARNING, false},
    {"policy-refused", NULL, NULL, RED, PRIORITY_ERROR, false},
    {"policy-file-refused", NULL, NULL, RED, PRIORITY_ERROR, false},
    {"gap-found", NULL, NULL, RED, PRIORITY_ERROR, false},
    {NULL, NULL, NULL, BOLD, PRIORITY_NOTICE, false},
};

static const struct kind *kind_of(const struct event_fields *fields)
{
    const struct kind *kind = kinds;
    for (; kind->action; kind++) {
        if (event_field_is(fields, FIELD_ACTION, kind->action) &&
            (!kind->outcome || event_field_is(fields, FIELD_OUTCOME, kind->outcome)))
            break;
    }
    return kind;
}

int event_priority(const struct event_fields *fields)
{
    return kind_of(fields)->priority;
}

static bool has(const struct event_fields *fields, enum event_field field)
{
    return fields->value[field].bytes != NULL;
}

static size_t print_field(FILE *out, const char *before, const struct event_fields *fields,
                          enum event_field field, const char *after)
{
    const struct text *value = &fields->value[field];
    if (!value->bytes)
        return 0;
    fputs(before, out);
    size_t width = print_plain(out, value->bytes, value->length);
    fputs(after, out);
    return width;
}

static void print_verdict(FILE *out, const struct event_fields *fields, const struct kind *kind,
                          bool colour)
{
    fputs(colour ? kind->colour : "", out);
    size_t width = kind->word ? strlen(kind->word) : 0;
    if (kind->word)
        fputs(kind->word, out);
    else
        width = print_field(out, "", fields, FIELD_ACTION, "");
    fputs(colour && *kind->colour ? PLAIN : "", out);
    fprintf(out, "%*s", width < VERDICT_WIDTH ? (int)(VERDICT_WIDTH - width) : 0, "");
}

/* "drsuapi:DRSGetNCChanges", with the UUID and the number where there is no name. */
static void print_method(FILE *out, const struct event_fields *fields)
{
    fputc(' ', out);
    if (has(fields, FIELD_INTERFACE_NAME))
        print_field(out, "", fields, FIELD_INTERFACE_NAME, "");
    else if (has(fields, FIELD_INTERFACE_UUID))
        print_field(out, "", fields, FIELD_INTERFACE_UUID, "");
    else
        fputs("unknown interface", out);
    if (has(fields, FIELD_METHOD))
        print_field(out, ":", fields, FIELD_METHOD, "");
    else
        print_field(out, ":", fields, FIELD_OPNUM, "");
}

static void print_client(FILE *out, const struct event_fields *fields)
{
    print_field(out, " from ", fields, FIELD_SOURCE_IP, "");
    if (has(fields, FIELD_USER_NAME)) {
        fputs(" as ", out);
        print_field(out, "", fields, FIELD_USER_DOMAIN, "\\");
        print_field(out, "", fields, FIELD_USER_NAME, "");
    } else {
        print_field(out, " as ", fields, FIELD_USER_SID, "");
    }
    if (has(fields, FIELD_AUTH_LEVEL)) {
        print_field(out, " (", fields, FIELD_AUTH_SERVICE, " ");
        print_field(out, has(fields, FIELD_AUTH_SERVICE) ? "" : " (", fields, FIELD_AUTH_LEVEL,
                    ")");
    }
    print_field(out, " over ", fields, FIELD_PROTSEQ, "");
    print_field(out, " ", fields, FIELD_ENDPOINT, "");
}

static void print_process(FILE *out, const struct event_fields *fields)
{
    print_field(out, " in ", fields, FIELD_PROCESS_NAME, "");
    print_field(out, "[", fields, FIELD_PROCESS_PID, "]");
}

void event_words_print(FILE *out, const struct event_fields *fields, bool colour)
{
    const struct kind *kind = kind_of(fields);
    print_verdict(out, fields, kind, colour);
    if (kind->of_client) {
        print_method(out, fields);
        print_client(out, fields);
    }
    print_process(out, fields);
    print_field(out, " by rule ", fields, FIELD_RULE_ID, "");
    print_field(out, " ", fields, FIELD_RULE_NAME, "");
    print_field(out, " [", fields, FIELD_TECHNIQUES, "]");
    print_field(out, ": ", fields, FIELD_FILE_PATH, "");
    print_field(out, ": ", fields, FIELD_REASON, "");
    print_field(out, " (", fields, FIELD_DROPPED, " lost)");
    print_field(out, "; covered by ", fields, FIELD_COVERED_BY, "");
    print_field(out, "; unknown: ", fields, FIELD_UNKNOWN, "");
}
