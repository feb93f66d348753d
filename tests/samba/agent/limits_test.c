/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rpcfirewall.so where there is too much of something: binds, events, processes, bytes that no name
 * should hold. In a process with a fake RPC server (fake_samba.h), which takes what the real one
 * refuses before a call is made. Needs root and mount namespaces; skipped without.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent_world.h"
#include "core/event_json.h"

#define LAYOUT       (&samba_layouts[0])
#define STATUS_FAULT 0xc00000d2u

/* As judge.h says. */
#define BINDS_AT_ONCE  1000u
#define BINDS_A_SECOND 100u

#define CONTEXTS       255u

static struct world world;
static struct fake_call call;
static struct fake_syntax asked[CONTEXTS];

static bool passes(void)
{
    uint32_t fault = 0;

    return world.request(&call, false, &fault) == FAKE_STATUS_OK;
}

static bool is_blocked(void)
{
    uint32_t fault = 0;
    uint32_t status = world.request(&call, false, &fault);

    fake_set_u32(call.call, call.layout->call_fault_code, 0);
    return status == STATUS_FAULT && fault == 5;
}

static void start(const char *policy)
{
    fake_call_init(&call, LAYOUT);
    world_load(&world, LAYOUT);
    world_publish(policy);
    CHECK(world.attach() == AGENT_REASON_NONE);
}

static void bind_for(unsigned different)
{
    for (unsigned i = 0; i < CONTEXTS; i++)
        asked[i].uuid.data1 = i % different;
    fake_make_bind(&call, asked, CONTEXTS, true);
    CHECK(world.bind(&call));
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Binds ---- */

/* However they stand in the packet. */
static void tell_each_interface_of_a_packet_once(void)
{
    static const unsigned different[] = {1, 2, 90, CONTEXTS};

    start("audit:true\n");
    for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++) {
        bind_for(different[i]);
        CHECK(world_count_events(EVENT_BIND) == different[i]);
    }
    CHECK(world_own_entry()->counters.binds == 4 && world_own_entry()->counters.dropped == 0);
}

/* What is beyond the allowance is counted, and told as dropped; calls are not meant. */
static void record_so_many_binds_and_no_more(void)
{
    unsigned told = 0;
    unsigned made = 0;
    double began = seconds();

    start("audit:true\n");
    for (unsigned i = 0; i < 8; i++) {
        bind_for(CONTEXTS);
        made += CONTEXTS;
        told += world_count_events(EVENT_BIND);
    }
    double limit = BINDS_AT_ONCE + 1 + (seconds() - began) * BINDS_A_SECOND;
    CHECK(told >= BINDS_AT_ONCE && told <= limit);
    CHECK(world_own_entry()->counters.binds == 8);
    CHECK(world_own_entry()->counters.audited == told);
    CHECK(world_own_entry()->counters.dropped == made - told);
    CHECK(world_lost_events() == made - told);
    fake_call_init(&call, LAYOUT);
    CHECK(passes());
    CHECK(world_count_events(EVENT_CALL) == 1);

    began = seconds();
    while (seconds() - began < 0.3)
        usleep(50000);
    bind_for(CONTEXTS);
    told = world_count_events(EVENT_BIND);
    CHECK(told >= 20 && told <= 2 + (seconds() - began) * BINDS_A_SECOND + 10);
}

/* ---- Events ---- */

/* Binds leave room for calls, and calls that pass for those that are blocked. What is lost is
 * counted, and costs no call. */
static void count_events_that_find_no_room(void)
{
    start("opnum:3 action:block audit:true\naudit:true\n");
    world_fill_ring(EVENT_RING_CAPACITY / 8 + 1);
    bind_for(2);
    CHECK(world_own_entry()->counters.dropped == 1);
    fake_call_init(&call, LAYOUT);
    fake_set_opnum(&call, 4);
    for (unsigned i = 0; i < EVENT_RING_CAPACITY / 16; i++)
        CHECK(passes());
    CHECK(world_own_entry()->counters.dropped == 1);
    for (unsigned i = 0; i < 10; i++)
        CHECK(passes());
    CHECK(world_own_entry()->counters.dropped == 11);
    fake_set_opnum(&call, 3);
    for (unsigned i = 0; i < EVENT_RING_CAPACITY / 16; i++)
        CHECK(is_blocked());
    CHECK(world_own_entry()->counters.dropped == 11);
    CHECK(is_blocked());
    CHECK(world_own_entry()->counters.dropped == 12);
}

/* ---- Processes ---- */

/* One process more than the table lists: judged, and counted in the sum. */
static void judge_without_an_entry(void)
{
    const struct call_counters *ended = &world_table()->ended;
    int status;

    world_fill_table();
    start("opnum:3 action:block audit:true\n");
    CHECK(!world_entry((uint32_t)getpid()));
    CHECK(is_blocked());
    CHECK(ended->calls == 1 && ended->blocked == 1 && ended->audited == 1);
    CHECK(world_count_events(EVENT_CALL) == 1);

    pid_t child = fork();
    if (child == 0) {
        CHECK(is_blocked() && ended->blocked == 2);
        _Exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);

    CHECK(world.attach() == AGENT_REASON_NONE);
    CHECK(!world_entry((uint32_t)getpid()));
    CHECK(!process_table_has_room(world_table()));
    world_free_one_entry();
    CHECK(process_table_has_room(world_table()));
    CHECK(world.attach() == AGENT_REASON_NONE);
    CHECK(world_own_entry()->state == AGENT_PROTECTED && world_own_entry()->generation == 1);
    CHECK(strcmp(world_own_entry()->samba, "4.17") == 0);
    CHECK(world_own_entry()->counters.calls == 0);
    CHECK(is_blocked());
    CHECK(world_own_entry()->counters.blocked == 1 && ended->blocked == 2);
    CHECK(world.detach() == 0);
    CHECK(world_own_entry()->state == AGENT_DETACHED);
}

/* ---- Names ---- */

/* The bytes from `first`, in their order, `count` of them. */
static void fill(char *text, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        text[i] = (char)(first + i);
    text[count] = '\0';
}

/* Valid UTF-8 without control characters is what is left in a line. */
static void check_line(const struct event *event)
{
    static char line[EVENT_JSON_SIZE];
    const struct event_origin origin = {
        .pid = 1, .process_name = "x", .executable = "/x", .host = "h"};
    size_t length = event_json_write(event, &origin, line, sizeof(line));

    CHECK(length > 0);
    for (size_t i = 0; i + 1 < length; i++) {
        unsigned char byte = (unsigned char)line[i];
        CHECK(byte >= 0x20 && byte != 0x7f);
        CHECK(byte < 0x80 || (byte >= 0xc2 && byte <= 0xf4) || (byte & 0xc0) == 0x80);
    }
}

/* The agent hands on what the client says, byte for byte; a line made of it is whole. */
static void tell_every_byte_of_names(void)
{
    static char all[256];
    static char principal[512];
    struct event event;

    fill(all, 1, 255);
    snprintf(principal, sizeof(principal), "%s\\%s", all, all);
    start("audit:true\n");
    fake_set_user(&call, all, all);
    call.binding = (struct fake_binding){FAKE_NCACN_NP, all};
    CHECK(passes());
    CHECK(world_next_event(EVENT_CALL, &event));
    CHECK(event.known & FACT_BIT(FACT_PRINCIPAL) && event.known & FACT_BIT(FACT_ENDPOINT));
    CHECK(strcmp(event.principal, principal) == 0);
    CHECK(strcmp(event.endpoint, all) == 0);
    check_line(&event);
    for (unsigned byte = 1; byte < 256; byte++) {
        fill(all, byte, 1);
        fake_set_user(&call, all, all);
        CHECK(passes());
        CHECK(world_next_event(EVENT_CALL, &event));
        CHECK(strcmp(event.endpoint, all) == 0 && (unsigned char)event.principal[0] == byte &&
              event.principal[1] == '\\' && (unsigned char)event.principal[2] == byte);
        check_line(&event);
    }
}

#define SCENARIO(name)                                                                             \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(world_run(name));                                                              \
    }

SCENARIO(tell_each_interface_of_a_packet_once)
SCENARIO(record_so_many_binds_and_no_more)
SCENARIO(count_events_that_find_no_room)
SCENARIO(judge_without_an_entry)
SCENARIO(tell_every_byte_of_names)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tell_each_interface_of_a_packet_once),
        cmocka_unit_test(test_record_so_many_binds_and_no_more),
        cmocka_unit_test(test_count_events_that_find_no_room),
        cmocka_unit_test(test_judge_without_an_entry),
        cmocka_unit_test(test_tell_every_byte_of_names),
    };

    if (!world_begin()) {
        printf("skipped: needs root and mount namespaces\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
