/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events per second that replay and learn take, from files of recorded calls.
 *
 *   replay_bench [EVENTS]    (default 200,000)
 *
 * Writes the files into a folder of its own, as our JSON lines and as Zeek's log, plain and gzip,
 * and removes them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/call_names.h"
#include "cli/events/event_stream.h"
#include "cli/file.h"
#include "cli/learn/learn_policy.h"
#include "cli/replay_rows.h"
#include "core/catalog.h"
#include "core/event_json.h"
#include "core/policy.h"

/* A domain of 500 clients and 700 users; 12 interfaces with some methods each. */
#define CLIENTS    500u
#define USERS      700u
#define INTERFACES 12u
#define START_US   UINT64_C(1795334400000000)

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

/* Wall clock and processor time: they differ when the machine has other work. */
struct moment {
    double wall;
    double processor;
};

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct moment now(void)
{
    return (struct moment){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static const struct catalog_interface *interface_of(uint32_t number)
{
    static const char *const names[INTERFACES] = {"drsuapi", "samr",    "lsarpc", "netlogon",
                                                  "srvsvc",  "svcctl",  "winreg", "epmapper",
                                                  "wkssvc",  "spoolss", "atsvc",  "eventlog"};
    const struct catalog_interface *found = NULL;
    if (!catalog_interfaces_by_name(names[number], strlen(names[number]), &found, 1)) {
        fprintf(stderr, "replay_bench: the catalogue lacks %s\n", names[number]);
        exit(2);
    }
    return found;
}

/* Few methods of an interface make most of its calls, and a client belongs to a user. */
static void draw_call(uint64_t number, struct event *event)
{
    uint32_t client = draw(CLIENTS);
    uint8_t addr[4] = {10, 1, (uint8_t)(client / 250), (uint8_t)(client % 250 + 1)};
    *event = (struct event){.kind = EVENT_CALL,
                            .time_us = START_US + number * 86000,
                            .generation = 7,
                            .function = "NdrStubCall2",
                            .verdict = {.audit = true},
                            .rule_line = 12,
                            .known = UINT32_MAX & ~FACT_BIT(FACT_OBJECT),
                            .version_major = 4,
                            .client_port = (uint16_t)(49152 + draw(16000)),
                            .server_port = 49667,
                            .authn_level = 6,
                            .authn_service = 16,
                            .protseq = PROTSEQ_NCACN_IP_TCP,
                            .client_addr = ipaddr_from_v4(addr),
                            .server_addr = ipaddr_from_v4((const uint8_t[]){10, 1, 9, 10}),
                            .endpoint = "49667"};
    event->interface = *catalog_interface_uuid(interface_of(draw(INTERFACES)));
    event->opnum = (uint16_t)(draw(4) + draw(3));
    uint32_t user = client % USERS;
    snprintf(event->principal, sizeof(event->principal), "EXAMPLE\\user%03u", user);
    event->sid = (struct sid){.revision = 1,
                              .sub_authority_count = 5,
                              .identifier_authority = {0, 0, 0, 0, 0, 5},
                              .sub_authority = {21, 1, 2, 3, 1000 + user}};
}

static void write_file(const char *path, uint64_t events, bool zeek, bool packed)
{
    static const struct event_origin origin = {.pid = 708,
                                               .host = "dc1.example.com",
                                               .process_name = "lsass.exe",
                                               .executable = "C:\\Windows\\System32\\lsass.exe"};
    static const char head[] =
        "#separator \\x09\n#unset_field\t-\n#path\tdce_rpc\n#fields\tts\tuid\t"
        "id.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\trtt\tnamed_pipe\t"
        "endpoint\toperation\n";
    static char line[EVENT_JSON_SIZE];
    char addr[IPADDR_TEXT_SIZE];
    gzFile file = gzopen(path, packed ? "wb1" : "wbT");
    struct event event;
    if (!file) {
        fprintf(stderr, "replay_bench: cannot write %s\n", path);
        exit(2);
    }
    state = 88172645463325252u;
    if (zeek) {
        gzputs(file, head);
    }
    for (uint64_t i = 0; i < events; i++) {
        draw_call(i, &event);
        const char *method = method_name(&event.interface, event.opnum);
        if (zeek) {
            gzprintf(file,
                     "%" PRIu64 ".%06u\tCnRZ7a2sVt%06" PRIu64 "\t%s\t%u\t10.1.9.10\t49667\t"
                     "0.000312\t49667\t%s\t%s\n",
                     event.time_us / 1000000, (unsigned)(event.time_us % 1000000), i,
                     ipaddr_format(&event.client_addr, addr), (unsigned)event.client_port,
                     known_interface_name(&event.interface), method ? method : "unknown-9");
        } else {
            gzwrite(file, line, (unsigned)event_json_write(&event, &origin, line, sizeof(line)));
        }
    }
    gzclose(file);
}

/* Reads the file as replay and learn do. */
static struct call_shapes *read_file(char *path, uint64_t *calls)
{
    struct call_shapes *shapes = call_shapes_new();
    struct event_stream *stream = event_stream_open(&path, 1);
    struct recorded_call call;
    bool good = shapes && stream;
    while (good && event_stream_next(stream, &call)) {
        good = call_shapes_add(shapes, &call);
    }
    if (!good || event_stream_totals(stream)->bad_lines || event_stream_totals(stream)->unnamed) {
        fprintf(stderr, "replay_bench: %s was not read\n", path);
        exit(2);
    }
    *calls = event_stream_totals(stream)->calls;
    event_stream_close(stream);
    return shapes;
}

/* A policy of the usual size, whose last rules decide. */
static void *make_policy(void)
{
    static char text[65536];
    size_t used = 0;
    size_t size;
    for (uint32_t i = 0; i < 400; i++) {
        used += (size_t)snprintf(
            text + used, sizeof(text) - used, "uuid:%s opnum:%u addr:10.1.%u.%u action:allow\n",
            catalog_interface_name(interface_of(i % INTERFACES)), i % 7, i / 250, i % 250 + 1);
    }
    snprintf(text + used, sizeof(text) - used, "uuid:drsuapi opnum:3 action:block audit:true\n");
    struct policy *policy = policy_read("bench", text, strlen(text), NULL);
    void *image = policy && !policy->diagnostics.errors ? policy_compile(policy, &size) : NULL;
    if (!image) {
        fprintf(stderr, "replay_bench: no policy\n");
        exit(2);
    }
    policy_free(policy);
    return image;
}

static void print_result(const char *what, const char *path, struct moment start, uint64_t calls)
{
    struct moment end = now();
    double wall = end.wall - start.wall;
    double processor = end.processor - start.processor;
    printf("%-24s %8.1f %8.2f %10.0f %8.2f %10.0f\n", what, (double)file_size(path) / 1e6, wall,
           (double)calls / wall, processor, (double)calls / processor);
    fflush(stdout);
}

static void measure(char *path, const char *form, const void *image)
{
    static const struct learn_options options = {.by = 1u << BOX_ADDR | 1u << BOX_USER |
                                                       1u << BOX_PROT | 1u << BOX_AUTH,
                                                 .addr_prefix = 32,
                                                 .addr_prefix6 = 128};
    struct replay_result replayed = {.rows = NULL};
    struct learn_result learned = {.text = NULL};
    char what[64];
    uint64_t calls;

    struct moment start = now();
    struct call_shapes *shapes = read_file(path, &calls);
    bool good = replay_shapes(shapes, image, NULL, &replayed);
    snprintf(what, sizeof(what), "replay %s", form);
    print_result(what, path, start, calls);
    free(replayed.rows);
    call_shapes_free(shapes);

    start = now();
    shapes = read_file(path, &calls);
    good = good && learn_policy(shapes, &options, &learned);
    snprintf(what, sizeof(what), "learn %s", form);
    print_result(what, path, start, calls);
    free(learned.text);
    call_shapes_free(shapes);
    if (!good) {
        fprintf(stderr, "replay_bench: out of memory\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *form;
        bool zeek;
        bool packed;
    } files[] = {{"JSON lines", false, false},
                 {"JSON lines, gzip", false, true},
                 {"Zeek log", true, false},
                 {"Zeek log, gzip", true, true}};
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    char folder[] = "/tmp/replay_bench.XXXXXX";
    char path[64];
    void *image = make_policy();
    if (!mkdtemp(folder)) {
        fprintf(stderr, "replay_bench: no folder in /tmp\n");
        return 2;
    }
    snprintf(path, sizeof(path), "%s/events", folder);
    printf("%" PRIu64 " events\n", events);
    printf("%-24s %8s %8s %10s %8s %10s\n", "", "MB", "wall s", "events/s", "cpu s", "events/s");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        fflush(stdout);
        write_file(path, events, files[i].zeek, files[i].packed);
        measure(path, files[i].form, image);
        unlink(path);
    }
    printf("goal: 300,000 events/s replayed\n");
    rmdir(folder);
    free(image);
    return 0;
}
