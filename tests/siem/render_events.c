/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render_events: what our events say about calls, for rules.py.
 *
 * Reads one call a line, "UUID OPNUM"; writes for each a line with the event id and the insertion
 * strings, separated by tabs (which no string holds), and the line of JSON. An event is made as the
 * agent makes it, from a call in which every fact is known.
 *
 * With the argument "kinds" it reads nothing and writes the same two lines for one event of each
 * kind, in the order of the kinds (for templates.py).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/authn.h"
#include "core/event.h"
#include "core/event_json.h"
#include "core/event_strings.h"

static const struct event_origin origin = {.pid = 4711,
                                           .host = "dc1.example.com",
                                           .process_name = "svchost.exe",
                                           .executable = "C:\\Windows\\System32\\svchost.exe"};

static struct text text_of(const char *text)
{
    return (struct text){text, strlen(text)};
}

/* Each other text and number differs from every UUID, and from opnums where it can. */
static void fill_call(struct call *call, const struct sid *const *sids)
{
    *call = (struct call){.version_major = 60001,
                          .version_minor = 60002,
                          .client_port = 60003,
                          .server_port = 60004,
                          .authn_level = AUTHN_LEVEL_PRIVACY,
                          .authn_service = AUTHN_SERVICE_KERBEROS,
                          .protseq = PROTSEQ_NCACN_IP_TCP,
                          .endpoint = text_of("60004"),
                          .principal = text_of("EXAMPLE\\mallory"),
                          .process = text_of("svchost.exe"),
                          .sids = sids,
                          .sid_count = 1,
                          .fetched = FACT_BIT(FACT_COUNT) - 1,
                          .known = FACT_BIT(FACT_COUNT) - 1};
    ipaddr_parse("10.1.2.3", 8, &call->client_addr);
    ipaddr_parse("10.1.0.10", 9, &call->server_addr);
}

static void print_strings(const struct event *event)
{
    static struct event_strings strings;

    event_strings_make(event, &origin, &strings);
    printf("%u", strings.id);
    for (unsigned i = 0; i < strings.count; i++)
        printf("\t%s", strings.string[i]);
    putchar('\n');
}

static void print_json(const struct event *event)
{
    static char line[EVENT_JSON_SIZE];

    fwrite(line, 1, event_json_write(event, &origin, line, sizeof(line)), stdout);
}

/* "UUID OPNUM" and a line feed. */
static bool read_call(const char *line, struct call *call)
{
    const char *blank = strchr(line, ' ');
    char *end;

    if (!blank || !guid_parse(line, (size_t)(blank - line), &call->interface))
        return false;
    unsigned long opnum = strtoul(blank + 1, &end, 10);
    call->opnum = (uint16_t)opnum;
    return *end == '\n' && opnum <= UINT16_MAX;
}

static int print_kinds(void)
{
    struct event event;

    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        if (kind == EVENT_BIND) /* not in the event log */
            continue;
        event_of_agent(&event, (enum event_kind)kind, 0, 1, "why");
        print_strings(&event);
        print_json(&event);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct verdict verdict = {.rule = VERDICT_NO_RULE, .block = true, .audit = true};
    char line[64];
    struct sid sid;
    const struct sid *sids[] = {&sid};
    struct call call;
    struct event event;

    if (argc > 1)
        return strcmp(argv[1], "kinds") == 0 ? print_kinds() : 2;
    if (!sid_parse("S-1-5-21-1-2-3-1105", 19, &sid))
        return 2;
    fill_call(&call, sids);
    while (fgets(line, sizeof(line), stdin)) {
        if (!read_call(line, &call)) {
            fprintf(stderr, "render_events: no call: %s", line);
            return 2;
        }
        event_from_call(&event, &call, &verdict, NULL, "NdrStubCall2");
        print_strings(&event);
        print_json(&event);
    }
    return 0;
}
