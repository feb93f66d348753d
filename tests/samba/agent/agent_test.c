/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rpcfirewall.so in a process with a fake RPC server: attaching, judging, blocking, following the
 * policy, leaving. The fake stands in for what the real library cannot be asked for (other
 * releases, broken calls, a pointer that somebody else replaced); tests/samba/test_*.py drive the
 * real one. Needs root and mount namespaces; skipped without.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_world.h"
#include "samba/agent/import_slots.h"

#define LAYOUT       (&samba_layouts[0])
#define ACCESS       5u
#define STATUS_FAULT 0xc00000d2u

static struct world world;
static struct fake_call call;
static uint32_t fault;

static bool passes(void)
{
    unsigned before = call.served;
    uint32_t status = world.request(&call, false, &fault);

    return status == FAKE_STATUS_OK && call.served == before + 1;
}

static bool is_blocked(void)
{
    unsigned before = call.served;
    void *pull = fake_pointer(call.interface, call.layout->iface_ndr_pull);

    fault = 0;
    uint32_t status = world.request(&call, false, &fault);
    CHECK(fake_pointer(call.interface, call.layout->iface_ndr_pull) == pull);
    fake_set_u32(call.call, call.layout->call_fault_code, 0);
    return status == STATUS_FAULT && fault == ACCESS && call.served == before;
}

static void start(const char *policy)
{
    fake_call_init(&call, LAYOUT);
    world_load(&world, LAYOUT);
    if (policy)
        world_publish(policy);
    CHECK(world.attach() == AGENT_REASON_NONE);
    CHECK(world_own_entry()->state == AGENT_PROTECTED);
}

/* ---- Scenarios ---- */

static const struct samba_layout *layout_under_test;

static void judge_with_layout(void)
{
    const struct samba_layout *layout = layout_under_test;
    struct event event;

    fake_call_init(&call, layout);
    world_load(&world, layout);
    world_publish("uuid:drsuapi opnum:3 sid:S-1-5-21-1-2-3-513 addr:10.0.0.7 action:block "
                  "audit:true id:sync\naudit:true\n");
    CHECK(world.attach() == AGENT_REASON_NONE);
    CHECK(world_own_entry()->state == AGENT_PROTECTED);
    CHECK(strncmp(world_own_entry()->samba, "4.", 2) == 0);
    CHECK(is_blocked());
    CHECK(world_next_event(EVENT_CALL, &event));
    CHECK(event.verdict.block && event.generation == 1 && event.opnum == 3);
    CHECK(strcmp(event.rule_name, "sync") == 0);
    CHECK(strcmp(event.principal, "EXAMPLE\\mallory") == 0);
    CHECK(strcmp(event.endpoint, "49152") == 0);
    CHECK(event.known == ((1u << FACT_COUNT) - 1) - FACT_BIT(FACT_PROCESS));

    fake_set_opnum(&call, 4);
    CHECK(passes());
    CHECK(world_next_event(EVENT_CALL, &event));
    CHECK(!event.verdict.block && event.opnum == 4);
    fake_set_opnum(&call, 3);
    fake_set_address(&call.client, "10.0.0.8", 1);
    CHECK(passes());
    CHECK(world_own_entry()->counters.calls == 3);
    CHECK(world_own_entry()->counters.blocked == 1);
    CHECK(world_own_entry()->counters.audited == 3);
    CHECK(world_own_entry()->in_call == 0);
}

/* A call that Samba gives up in between leaves the interface changed until the next request. */
static void give_up_in_between(void)
{
    start("opnum:3 action:block\n");
    void *own = fake_pointer(call.interface, LAYOUT->iface_ndr_pull);
    CHECK(world.request(&call, true, &fault) == FAKE_STATUS_TRAILER);
    CHECK(fake_pointer(call.interface, LAYOUT->iface_ndr_pull) != own);
    fake_set_opnum(&call, 4);
    CHECK(passes());
    CHECK(fake_pointer(call.interface, LAYOUT->iface_ndr_pull) == own);

    /* Another call of the interface that comes by another way is not the blocked one. */
    static struct fake_call other;
    uint32_t (*pull)(void *, void *, void *, void **);
    void *arguments;
    fake_call_init(&other, LAYOUT);
    fake_set_opnum(&call, 3);
    CHECK(world.request(&call, true, &fault) == FAKE_STATUS_TRAILER);
    void *now = fake_pointer(call.interface, LAYOUT->iface_ndr_pull);
    memcpy(&pull, &now, sizeof(pull));
    CHECK(pull(other.call, other.call, &other, &arguments) == FAKE_STATUS_OK);
    CHECK(other.served == 1);
    CHECK(fake_pointer(call.interface, LAYOUT->iface_ndr_pull) == own);

    CHECK(world.request(&call, true, &fault) == FAKE_STATUS_TRAILER);
    CHECK(world.detach() == 0);
    CHECK(fake_pointer(call.interface, LAYOUT->iface_ndr_pull) == own);
    CHECK(passes());
}

static void follow_updates(void)
{
    struct event event;

    start(NULL);
    CHECK(world_own_entry()->generation == 0);
    CHECK(passes());
    CHECK(world_count_events(EVENT_CALL) == 0);
    CHECK(world_publish("opnum:3 action:block\n") == 1);
    CHECK(is_blocked());
    CHECK(world_own_entry()->generation == 1);
    CHECK(world_next_event(EVENT_POLICY_CHANGED, &event) && event.generation == 1);
    CHECK(world_publish("opnum:4 action:block\n") == 2);
    CHECK(passes());

    world_publish_rubbish();
    fake_set_opnum(&call, 4);
    CHECK(is_blocked());
    CHECK(is_blocked());
    CHECK(world_own_entry()->generation == 2);
    CHECK(world_own_entry()->policy_error == POLICY_VIEW_BAD);
    CHECK(world_count_events(EVENT_POLICY_REFUSED) == 1); /* told once, not for each call */
    CHECK(world_publish("opnum:5 action:block\n") == 4);
    CHECK(passes());
    CHECK(world_own_entry()->policy_error == POLICY_VIEW_OK);
}

static void dry_rules_and_hits(void)
{
    struct state_mapping hits;
    int directory = state_directory_open(true);

    start("opnum:3 action:block dry:true\n");
    CHECK(passes());
    CHECK(passes());
    CHECK(world_own_entry()->counters.would_block == 2);
    CHECK(world_count_events(EVENT_CALL) == 2);
    CHECK(state_file_map(directory, "hits-1", 8, false, &hits) == 0);
    uint64_t value;
    memcpy(&value, hits.bytes, sizeof(value));
    CHECK(value == 2);
}

/* ---- Binds ---- */

static void record_binds(void)
{
    static const struct fake_syntax served = {
        {0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}}, 4};
    static const struct fake_syntax unknown = {{.data1 = 9}, 1};
    struct fake_syntax asked[] = {served, served, unknown, unknown, served};
    static struct fake_syntax many[255];
    struct event event;

    start("opnum:0-65535\naudit:true\n");
    fake_make_bind(&call, asked, 5, true);
    CHECK(world.bind(&call));
    CHECK(world_next_event(EVENT_BIND, &event) && event.served && event.version_major == 4);
    CHECK(!(event.known & (FACT_BIT(FACT_OPNUM) | FACT_BIT(FACT_SIDS) | FACT_BIT(FACT_PRINCIPAL))));
    CHECK(event.known & FACT_BIT(FACT_CLIENT_ADDR));
    CHECK(world_next_event(EVENT_BIND, &event) && !event.served && event.interface.data1 == 9);
    CHECK(!world_next_event(EVENT_BIND, &event));
    CHECK(world_own_entry()->counters.binds == 1);

    struct fake_syntax minor = served; /* another version is another interface */
    minor.version |= 1 << 16;
    fake_make_bind(&call, &minor, 1, false);
    CHECK(world.alter(&call));
    CHECK(world_next_event(EVENT_BIND, &event) && !event.served && event.version_minor == 1);
    CHECK(event.known & FACT_BIT(FACT_SIDS));

    for (unsigned i = 0; i < 255; i++)
        many[i].uuid.data1 = i;
    fake_make_bind(&call, many, 255, true);
    CHECK(world.bind(&call));
    CHECK(world_count_events(EVENT_BIND) == 255);
    fake_make_bind(&call, many, 0, true);
    CHECK(world.bind(&call));
    fake_set_pointer(call.call + LAYOUT->call_pkt, LAYOUT->pkt_ctx_list, NULL);
    CHECK(world.bind(&call));
    CHECK(world_count_events(EVENT_BIND) == 0);

    world_publish("opnum:3 audit:true\n");
    fake_make_bind(&call, asked, 5, true);
    CHECK(world.bind(&call));
    CHECK(world_count_events(EVENT_BIND) == 0);
}

/* ---- Coming and going ---- */

static void refuse_unknown_samba(void)
{
    struct samba_layout strange = *LAYOUT;

    strange.sizes.call_state += 8;
    strange.sizes.handle += 8;
    fake_call_init(&call, LAYOUT);
    world_load(&world, &strange);
    world_publish("action:block audit:true\n");
    CHECK(world.attach() == AGENT_REASON_UNKNOWN_SAMBA);
    CHECK(world_own_entry()->state == AGENT_REFUSED);
    CHECK(world_own_entry()->reason == AGENT_REASON_UNKNOWN_SAMBA);
    CHECK(strstr(world_own_entry()->detail, ",144"));
    CHECK(world_count_events(EVENT_GAP_FOUND) == 1);
    CHECK(passes());
    CHECK(world.bind(&call));
    world_publish("option unsupported closed\naction:allow\n");
    CHECK(world.request(&call, false, &fault) == FAKE_STATUS_MEMORY);
    CHECK(world_own_entry()->counters.blocked == 1);
    CHECK(world.attach() == AGENT_REASON_UNKNOWN_SAMBA);
    world_publish("option unsupported open\naction:allow\n");
    CHECK(passes());
    world_publish("option unsupported closed\naction:allow\n");
    CHECK(world.detach() == 0);
    CHECK(passes());
    CHECK(world_own_entry()->state == AGENT_DETACHED);
}

static void come_and_go(void)
{
    struct event event;

    start("opnum:3 action:block\n");
    CHECK(world_next_event(EVENT_PROTECTION_ADDED, &event));
    for (int i = 0; i < 100; i++) {
        CHECK(is_blocked());
        CHECK(world.attach() == 0);
        CHECK(world.detach() == 0);
        CHECK(world.detach() == 0);
        CHECK(world_own_entry()->state == AGENT_DETACHED && world_own_entry()->generation == 0);
        CHECK(!getenv("LD_PRELOAD"));
        CHECK(passes());
        CHECK(world.attach() == 0);
        const char *preload = getenv("LD_PRELOAD");
        CHECK(preload && strcmp(preload, AGENT) == 0);
    }
    CHECK(world_count_events(EVENT_PROTECTION_REMOVED) == 100);
}

static void keep_what_the_host_sees(void)
{
    start("opnum:3 audit:true\n");
    errno = 4711;
    CHECK(passes());
    CHECK(*world.errno_seen == 4711);
    errno = 4711;
    CHECK(world.bind(&call));
    CHECK(errno == 4711);
    errno = 4711;
    CHECK(world.detach() == 0 && errno == 4711);
    CHECK(world.attach() == 0 && errno == 4711);
}

static void wait_for_the_server(void)
{
    world_publish("opnum:3 action:block\n");
    world_load_agent(&world);
    CHECK(world.init_module(NULL) == 0);
    CHECK(!world_entry((uint32_t)getpid())); /* this program is no daemon: a client, perhaps */
    CHECK(!getenv("LD_PRELOAD"));
    CHECK(world.attach() == 0);
    CHECK(world_own_entry()->state == AGENT_WAITING);
    world_load_samba(&world, LAYOUT);
    fake_call_init(&call, LAYOUT);
    CHECK(passes());
    CHECK(world.init_module(NULL) == 0);
    CHECK(world_own_entry()->state == AGENT_PROTECTED);
    CHECK(world_own_entry()->loading == AGENT_LOADED_MODULE);
    CHECK(is_blocked());
}

static void stay_idle_when_switched_off(void)
{
    world_publish("opnum:3 action:block\n");
    world_set_mode(CONTROL_OFF);
    fake_call_init(&call, LAYOUT);
    world_load(&world, LAYOUT);
    CHECK(world.init_module(NULL) == 0);
    CHECK(world_own_entry()->state == AGENT_DETACHED);
    CHECK(world_own_entry()->reason == AGENT_REASON_SWITCHED_OFF);
    CHECK(!getenv("LD_PRELOAD"));
    CHECK(passes());
    CHECK(world.attach() == 0); /* by hand it protects all the same */
    CHECK(world_own_entry()->state == AGENT_PROTECTED);
    CHECK(is_blocked());
}

static void do_nothing_for_others_than_root(void)
{
    fake_call_init(&call, LAYOUT);
    world_load(&world, LAYOUT);
    CHECK(seteuid(65534) == 0);
    CHECK(world.init_module(NULL) == 0);
    CHECK(world.attach() == AGENT_REASON_STATE);
    CHECK(passes());
    CHECK(!getenv("LD_PRELOAD"));
    CHECK(seteuid(0) == 0);
    CHECK(access("/run/rpcfw", F_OK) != 0);
}

/* The process acts as a user when a new policy comes: the old one judges until it is root again. */
static void change_policy_while_acting_as_a_user(void)
{
    start("opnum:3 action:block\n");
    CHECK(is_blocked());
    CHECK(seteuid(65534) == 0);
    world_entry((uint32_t)getpid());
    CHECK(is_blocked());
    CHECK(seteuid(0) == 0);
    world_publish("opnum:4 action:block\n");
    CHECK(seteuid(65534) == 0);
    CHECK(is_blocked());
    CHECK(seteuid(0) == 0);
    CHECK(passes());
    CHECK(world_own_entry()->generation == 2);
    CHECK(world_count_events(EVENT_POLICY_REFUSED) == 0);
}

static void count_in_children_apart(void)
{
    int status;

    start("opnum:3 action:block\n");
    CHECK(is_blocked());
    pid_t child = fork();
    if (child == 0) {
        CHECK(is_blocked());
        CHECK(is_blocked());
        CHECK(world_own_entry()->loading == AGENT_LOADED_FORK);
        CHECK(world_own_entry()->state == AGENT_PROTECTED);
        CHECK(world_own_entry()->counters.calls == 2);
        CHECK(world_own_entry()->generation == 1);
        CHECK(strcmp(world_own_entry()->samba, "4.17") == 0);
        world_publish("opnum:4 action:block\n");
        CHECK(passes());
        CHECK(world.detach() == 0);
        CHECK(passes());
        _Exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(world_own_entry()->state == AGENT_PROTECTED && world_own_entry()->counters.calls == 1);
    CHECK(passes()); /* by the child's new policy, which is everybody's */
    CHECK(world_own_entry()->generation == 2);
}

static void *(*behind)(const void *blob, void *memory);
static unsigned others_calls;

static void *others_pull_init(const void *blob, void *memory)
{
    others_calls++;
    return behind(blob, memory);
}

/* Whoever hooked over the agent would be cut off, or would call into what is gone. */
static void leave_only_what_is_its_own(void)
{
    struct loaded_library library = {.path = NULL};

    start("opnum:3 action:block\n");
    CHECK(loaded_library_find("libdcerpc-server-core.so.0", &library));
    void **slot = import_slot_find(&library, "ndr_pull_init_blob");
    void *agents = *slot;
    memcpy(&behind, &agents, sizeof(behind));
    CHECK(import_slot_replace(&library, slot, agents, (void *)others_pull_init) == 0);
    CHECK(import_slot_replace(&library, slot, agents, agents) == -EBUSY);
    CHECK(is_blocked() && others_calls == 1);

    CHECK(world.detach() == AGENT_REASON_HOOK);
    CHECK(world_own_entry()->state == AGENT_PROTECTED);
    CHECK(strstr(world_own_entry()->detail, "ndr_pull_init_blob"));
    CHECK(is_blocked() && others_calls == 2);
    fake_make_bind(&call, &(struct fake_syntax){.version = 1}, 1, false);
    CHECK(world.bind(&call));
    CHECK(world_own_entry()->counters.binds == 1); /* the other hooks were put back */
    fake_call_init(&call, LAYOUT);

    CHECK(import_slot_replace(&library, slot, (void *)others_pull_init, agents) == 0);
    CHECK(world.detach() == 0);
    CHECK(passes() && others_calls == 2);
}

/* The state directory cannot be used: nothing is judged, and nothing breaks. */
static void go_on_without_state(void)
{
    fake_call_init(&call, LAYOUT);
    world_load(&world, LAYOUT);
    int directory = state_directory_open(true);
    CHECK(fchmod(directory, 0755) == 0);
    CHECK(world.attach() == AGENT_REASON_STATE);
    CHECK(world.init_module(NULL) == 0);
    CHECK(passes());
    CHECK(world.detach() == 0);
    CHECK(fchmod(directory, 0700) == 0);
    CHECK(world.attach() == 0);
    CHECK(world_own_entry()->state == AGENT_PROTECTED);
}

/* ---- What cannot be hooked as a whole ---- */

static void load_server(const char *path)
{
    world_samba_path = path;
    fake_call_init(&call, LAYOUT);
    world_load(&world, LAYOUT);
}

/* A server of a known layout that calls its own functions directly: there is one pointer to
 * replace, and that is enough to let no call pass. */
static void close_what_cannot_be_hooked(void)
{
    load_server(FAKE_BOUND);
    world_publish("option unsupported closed\naction:allow\n");
    CHECK(world.attach() == AGENT_REASON_SYMBOLS);
    CHECK(world_own_entry()->state == AGENT_REFUSED);
    CHECK(strcmp(world_own_entry()->detail, "dcesrv_auth_bind: not imported by the RPC server") ==
          0);
    CHECK(world_count_events(EVENT_GAP_FOUND) == 1);
    CHECK(world.request(&call, false, &fault) == FAKE_STATUS_MEMORY);
    CHECK(call.served == 0 && world_own_entry()->counters.blocked == 1);
    world_publish("option unsupported open\naction:block\n");
    CHECK(passes());
    world_publish("option unsupported closed\naction:allow\n");
    CHECK(world.detach() == 0);
    CHECK(passes());
}

/* Nothing of it goes through a pointer: that is said, for the option cannot hold. */
static void say_what_cannot_be_closed(void)
{
    struct event event;

    load_server(FAKE_ALONE);
    world_publish("option unsupported closed\naction:block\n");
    CHECK(world.attach() == AGENT_REASON_SYMBOLS);
    CHECK(world_own_entry()->state == AGENT_REFUSED);
    CHECK(strstr(world_own_entry()->detail, "ndr_pull_init_blob: not imported"));
    CHECK(strstr(world_own_entry()->detail,
                 "option unsupported closed has no hold on it: calls pass"));
    CHECK(world_next_event(EVENT_GAP_FOUND, &event));
    CHECK(strstr(event.detail, "calls pass"));
    CHECK(passes());
    CHECK(world.detach() == 0);
}

static bool run_layouts(void)
{
    bool good = true;

    for (size_t i = 0; i < samba_layout_count; i++) {
        layout_under_test = &samba_layouts[i];
        good = world_run(judge_with_layout) && good;
    }
    return good;
}

static void each_layout_judges(void **state)
{
    (void)state;
    assert_true(run_layouts());
}

#define SCENARIO(name)                                                                             \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(world_run(name));                                                              \
    }

SCENARIO(give_up_in_between)
SCENARIO(follow_updates)
SCENARIO(dry_rules_and_hits)
SCENARIO(record_binds)
SCENARIO(refuse_unknown_samba)
SCENARIO(come_and_go)
SCENARIO(keep_what_the_host_sees)
SCENARIO(wait_for_the_server)
SCENARIO(stay_idle_when_switched_off)
SCENARIO(do_nothing_for_others_than_root)
SCENARIO(change_policy_while_acting_as_a_user)
SCENARIO(count_in_children_apart)
SCENARIO(leave_only_what_is_its_own)
SCENARIO(go_on_without_state)
SCENARIO(close_what_cannot_be_hooked)
SCENARIO(say_what_cannot_be_closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layout_judges),
        cmocka_unit_test(test_give_up_in_between),
        cmocka_unit_test(test_follow_updates),
        cmocka_unit_test(test_dry_rules_and_hits),
        cmocka_unit_test(test_record_binds),
        cmocka_unit_test(test_refuse_unknown_samba),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_keep_what_the_host_sees),
        cmocka_unit_test(test_wait_for_the_server),
        cmocka_unit_test(test_stay_idle_when_switched_off),
        cmocka_unit_test(test_do_nothing_for_others_than_root),
        cmocka_unit_test(test_change_policy_while_acting_as_a_user),
        cmocka_unit_test(test_count_in_children_apart),
        cmocka_unit_test(test_leave_only_what_is_its_own),
        cmocka_unit_test(test_go_on_without_state),
        cmocka_unit_test(test_close_what_cannot_be_hooked),
        cmocka_unit_test(test_say_what_cannot_be_closed),
    };

    if (!world_begin()) {
        printf("skipped: needs root and mount namespaces\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
