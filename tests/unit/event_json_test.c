/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "core/event_json.h"
#include "sample_event.h"

static char line[EVENT_JSON_SIZE];

/* The event's line as a strict reader understands it; the caller's to json_decref(). */
static json_t *written_from(const struct event *event, const struct event_origin *origin)
{
    size_t length = event_json_write(event, origin, line, sizeof(line));
    json_error_t error;
    json_t *object;

    assert_true(length > 0 && length <= sizeof(line));
    assert_int_equal(line[length - 1], '\n');
    assert_null(memchr(line, '\n', length - 1));
    object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        fail_msg("%s at %d: %.*s", error.text, error.position, (int)length, line);
    assert_true(json_is_object(object));
    return object;
}

static json_t *written(const struct event *event)
{
    struct event_origin origin = sample_origin();

    return written_from(event, &origin);
}

/* The value at "a.b.c", or NULL. */
static json_t *at(json_t *object, const char *path)
{
    char copy[64];

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *name = strtok(copy, "."); name && object; name = strtok(NULL, "."))
        object = json_object_get(object, name);
    return object;
}

static void assert_text(json_t *object, const char *path, const char *expected)
{
    const char *actual = json_string_value(at(object, path));

    if (!actual)
        fail_msg("%s is missing", path);
    assert_string_equal(actual, expected);
}

static void assert_number(json_t *object, const char *path, long long expected)
{
    assert_true(json_is_integer(at(object, path)));
    assert_int_equal(json_integer_value(at(object, path)), expected);
}

static void line_of_a_blocked_call(void **state)
{
    static const char expected[] =
        "{\"@timestamp\":\"2026-11-22T08:00:00.123456Z\",\"ecs\":{\"version\":\"8.11.0\"},"
        "\"event\":{\"kind\":\"event\",\"category\":[\"network\"],"
        "\"type\":[\"protocol\",\"denied\"],\"action\":\"rpc-call-blocked\","
        "\"outcome\":\"failure\"},"
        "\"source\":{\"ip\":\"10.1.2.3\",\"port\":51000},"
        "\"destination\":{\"ip\":\"fd00::1\",\"port\":49667},"
        "\"user\":{\"name\":\"mallory\",\"domain\":\"EXAMPLE\",\"id\":\"S-1-5-21-1-2-3-1105\"},"
        "\"process\":{\"pid\":4711,\"name\":\"lsass.exe\","
        "\"executable\":\"C:\\\\Windows\\\\System32\\\\lsass.exe\"},"
        "\"host\":{\"name\":\"dc1.example.com\"},"
        "\"network\":{\"protocol\":\"dcerpc\",\"transport\":\"tcp\"},"
        "\"rule\":{\"id\":\"3\",\"name\":\"no-dcsync\"},"
        "\"threat\":{\"technique\":{\"id\":[\"T1003.006\"]}},"
        "\"rpc\":{\"interface\":{\"uuid\":\"e3514235-4b06-11d1-ab04-00c04fc2dcd2\","
        "\"name\":\"drsuapi\",\"version\":\"4.0\"},\"opnum\":3,\"method\":\"DRSGetNCChanges\","
        "\"protseq\":\"ncacn_ip_tcp\",\"endpoint\":\"49667\","
        "\"object\":\"11111111-2222-3333-4444-555555555555\",\"function\":\"NdrStubCall2\","
        "\"auth\":{\"level\":\"PKT_PRIVACY\",\"service\":\"KERBEROS\"},"
        "\"policy\":{\"generation\":7}}}\n";
    struct event event = sample_call();
    struct event_origin origin = sample_origin();
    size_t length = event_json_write(&event, &origin, line, sizeof(line) - 1);

    (void)state;
    line[length] = '\0';
    assert_string_equal(line, expected);
    json_decref(written(&event));
}

static void action_and_outcome_follow_the_verdict(void **state)
{
    static const struct {
        struct verdict verdict;
        const char *action;
        const char *outcome;
        const char *type;
    } cases[] = {
        {{.block = true}, "rpc-call-blocked", "failure", "denied"},
        {{.dry = true}, "rpc-call-would-block", "success", "allowed"},
        {{.audit = true}, "rpc-call-allowed", "success", "allowed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event = sample_call();
        event.verdict = cases[i].verdict;
        json_t *object = written(&event);
        assert_text(object, "event.action", cases[i].action);
        assert_text(object, "event.outcome", cases[i].outcome);
        assert_string_equal(json_string_value(json_array_get(at(object, "event.type"), 1)),
                            cases[i].type);
        json_decref(object);
    }
}

static void a_bind_has_what_a_call_has_but_the_opnum(void **state)
{
    (void)state;
    for (int served = 0; served < 2; served++) {
        struct event event = sample_call();
        event.kind = EVENT_BIND;
        event.known &= ~FACT_BIT(FACT_OPNUM);
        event.verdict = (struct verdict){.audit = true};
        event.served = served;
        json_t *object = written(&event);
        assert_text(object, "event.action", "rpc-bind");
        assert_text(object, "event.outcome", served ? "success" : "failure");
        assert_text(object, "network.protocol", "dcerpc");
        assert_non_null(at(object, "rpc.interface.uuid"));
        assert_non_null(at(object, "source.ip"));
        assert_non_null(at(object, "rule.id"));
        assert_null(at(object, "rpc.opnum"));
        assert_null(at(object, "rpc.method"));
        json_decref(object);
    }
}

static void events_of_the_agent_itself(void **state)
{
    static const struct {
        enum event_kind kind;
        const char *action;
        const char *outcome;
        const char *category;
    } cases[] = {
        {EVENT_PROTECTION_ADDED, "protection-added", "success", "configuration"},
        {EVENT_PROTECTION_REMOVED, "protection-removed", "success", "configuration"},
        {EVENT_POLICY_CHANGED, "policy-changed", "success", "configuration"},
        {EVENT_POLICY_REFUSED, "policy-refused", "failure", "configuration"},
        {EVENT_EVENTS_DROPPED, "events-dropped", "failure", "host"},
        {EVENT_POLICY_PUBLISHED, "policy-published", "success", "configuration"},
        {EVENT_POLICY_FILE_REFUSED, "policy-file-refused", "failure", "configuration"},
        {EVENT_GAP_FOUND, "gap-found", "failure", "host"},
        {EVENT_SERVICE_STARTED, "service-started", "success", "process"},
        {EVENT_SERVICE_STOPPED, "service-stopped", "success", "process"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event;
        event_of_agent(&event, cases[i].kind, 0, 9, "bad checksum");
        event.dropped = UINT64_C(1) << 40;
        json_t *object = written(&event);
        assert_text(object, "event.action", cases[i].action);
        assert_text(object, "event.outcome", cases[i].outcome);
        assert_text(object, "event.reason", "bad checksum");
        assert_string_equal(json_string_value(json_array_get(at(object, "event.category"), 0)),
                            cases[i].category);
        assert_number(object, "process.pid", 4711);
        assert_number(object, "rpc.policy.generation", 9);
        assert_null(at(object, "network"));
        assert_null(at(object, "rule"));
        if (cases[i].kind == EVENT_EVENTS_DROPPED)
            assert_number(object, "rpc.dropped", 1LL << 40);
        else
            assert_null(at(object, "rpc.dropped"));
        json_decref(object);
    }
}

static void texts_of_the_services_events(void **state)
{
    struct event event;
    json_t *object;

    (void)state;
    event_of_policy_file(&event, EVENT_POLICY_PUBLISHED, 0, 9, "C:\\RpcFw.conf", NULL);
    object = written(&event);
    assert_text(object, "file.path", "C:\\RpcFw.conf");
    assert_null(at(object, "event.reason"));
    assert_null(at(object, "rpc.covered_by"));
    json_decref(object);
    event_of_gap(&event, 0, 9, "protected process", "native filters");
    object = written(&event);
    assert_text(object, "event.reason", "protected process");
    assert_text(object, "rpc.covered_by", "native filters");
    assert_null(at(object, "file"));
    json_decref(object);
}

static void unknown_facts_are_left_out(void **state)
{
    static const char *const absent[] = {
        "source",     "destination",   "user",         "network.transport",
        "rule",       "rpc.interface", "rpc.opnum",    "rpc.protseq",
        "rpc.auth",   "rpc.endpoint",  "rpc.object",   "rpc.truncated",
        "rpc.policy", "rpc.unknown",   "rpc.function", "event.reason",
    };
    struct event event = sample_call();

    (void)state;
    event.known = 0;
    event.rule_line = 0;
    event.rule_name[0] = '\0';
    event.generation = 0;
    event.function = NULL;
    json_t *object = written(&event);
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        if (at(object, absent[i]))
            fail_msg("%s is there", absent[i]);
    }
    assert_text(object, "network.protocol", "dcerpc");
    json_decref(object);
}

/* Each fact alone, so that one field's absence cannot break the objects around another. */
static void each_fact_alone_is_valid(void **state)
{
    static const char *const path[FACT_COUNT] = {
        [FACT_INTERFACE] = "rpc.interface.version",
        [FACT_OPNUM] = "rpc.opnum",
        [FACT_PROTSEQ] = "rpc.protseq",
        [FACT_ENDPOINT] = "rpc.endpoint",
        [FACT_CLIENT_ADDR] = "source.ip",
        [FACT_CLIENT_PORT] = "source.port",
        [FACT_SERVER_ADDR] = "destination.ip",
        [FACT_SERVER_PORT] = "destination.port",
        [FACT_PRINCIPAL] = "user.name",
        [FACT_SIDS] = "user.id",
        [FACT_AUTHN] = "rpc.auth.service",
        [FACT_OBJECT] = "rpc.object",
    };

    (void)state;
    for (int fact = 0; fact < FACT_PROCESS; fact++) {
        struct event event = sample_call();
        event.known = FACT_BIT(fact);
        json_t *object = written(&event);
        for (int other = 0; other < FACT_PROCESS; other++)
            assert_int_equal(at(object, path[other]) != NULL, other == fact);
        json_decref(object);
    }
}

static void names_what_the_rule_could_not_tell(void **state)
{
    struct event event = sample_call();

    (void)state;
    event.verdict.unknown = FACT_BIT(FACT_CLIENT_ADDR) | FACT_BIT(FACT_SIDS);
    event.truncated = true;
    json_t *object = written(&event);
    json_t *unknown = at(object, "rpc.unknown");
    assert_int_equal(json_array_size(unknown), 2);
    assert_string_equal(json_string_value(json_array_get(unknown, 0)), fact_name(FACT_CLIENT_ADDR));
    assert_string_equal(json_string_value(json_array_get(unknown, 1)), fact_name(FACT_SIDS));
    assert_true(json_is_true(at(object, "rpc.truncated")));
    json_decref(object);
}

static void object_of_zeros_is_no_object(void **state)
{
    struct event event = sample_call();

    (void)state;
    memset(&event.object, 0, sizeof(event.object));
    json_t *object = written(&event);
    assert_null(at(object, "rpc.object"));
    json_decref(object);
}

static void rule_of_an_included_file(void **state)
{
    struct event event = sample_call();

    (void)state;
    strcpy(event.rule_file, "sites\\\"a\".conf");
    json_t *object = written(&event);
    assert_text(object, "rule.id", "sites\\\"a\".conf:3");
    json_decref(object);
}

static void principal_is_split_at_the_first_backslash(void **state)
{
    static const struct {
        const char *principal;
        const char *domain; /* NULL: none */
        const char *name;
    } cases[] = {
        {"EXAMPLE\\joe", "EXAMPLE", "joe"},
        {"EXAMPLE\\a\\b", "EXAMPLE", "a\\b"},
        {"joe@example.com", NULL, "joe@example.com"},
        {"\\joe", NULL, "joe"},
        {"EXAMPLE\\", "EXAMPLE", NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event = sample_call();
        strcpy(event.principal, cases[i].principal);
        json_t *object = written(&event);
        const char *domain = json_string_value(at(object, "user.domain"));
        const char *name = json_string_value(at(object, "user.name"));
        assert_string_equal(domain ? domain : "-", cases[i].domain ? cases[i].domain : "-");
        assert_string_equal(name ? name : "-", cases[i].name ? cases[i].name : "-");
        json_decref(object);
    }
}

/* ---- Hostile texts ---- */

static void every_byte_comes_through_or_is_replaced(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        struct event event = sample_call();
        char expected[8] = "x?y";
        snprintf(event.principal, sizeof(event.principal), "D\\x%cy", byte);
        if (byte < 0x80)
            expected[1] = (char)byte;
        else
            strcpy(expected, "x\xef\xbf\xbdy");
        json_t *object = written(&event);
        assert_text(object, "user.name", expected);
        json_decref(object);
    }
}

#define BAD "\xef\xbf\xbd"

static void what_is_no_utf8_is_replaced(void **state)
{
    static const struct {
        const char *name;
        const char *expected;
    } cases[] = {
        {"\",\"event\":{\"outcome\":\"success\"},\"", "\",\"event\":{\"outcome\":\"success\"},\""},
        {"a\\\"b\\u0041", "a\\\"b\\u0041"},
        {"line\r\n{\"fake\":1}", "line\r\n{\"fake\":1}"},
        {"\x7f\x1b[2J", "\x7f\x1b[2J"},
        {"\xed\xa0\x80z", BAD BAD BAD "z"},    /* lone high surrogate */
        {"\xed\xb0\x80z", BAD BAD BAD "z"},    /* lone low surrogate */
        {"\xc0\xaf", BAD BAD},                 /* overlong slash */
        {"\xe0\x80\xa2", BAD BAD BAD},         /* overlong quote */
        {"\xf0\x80\x80\xa2", BAD BAD BAD BAD}, /* overlong quote */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* above U+10FFFF */
        {"\xe2\x82", BAD BAD},                 /* cut */
        {"\xe2\x82\"", BAD BAD "\""},
        {"\xf0\x9f\x98\x80 \xe2\x80\xa8 \xc3\xa4", "\xf0\x9f\x98\x80 \xe2\x80\xa8 \xc3\xa4"},
        {"\xef\xbf\xbe", "\xef\xbf\xbe"}, /* U+FFFE is a character of UTF-8 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event = sample_call();
        snprintf(event.principal, sizeof(event.principal), "D\\%s", cases[i].name);
        strcpy(event.endpoint, cases[i].name);
        strcpy(event.rule_name, cases[i].name);
        json_t *object = written(&event);
        assert_text(object, "user.name", cases[i].expected);
        assert_text(object, "rpc.endpoint", cases[i].expected);
        assert_text(object, "rule.name", cases[i].expected);
        assert_text(object, "event.outcome", "failure");
        json_decref(object);
    }
}

static void fill(char *text, size_t size, char byte)
{
    memset(text, byte, size - 1);
    text[size - 1] = '\0';
}

/* Everything known, every text full of the byte that takes the most room: still a line. */
static void the_largest_event_fits(void **state)
{
    static const char bytes[] = {'\x01', '\xff', '"', 'a'};

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        struct event event = sample_call();
        struct event_origin origin = sample_origin();
        fill(event.endpoint, sizeof(event.endpoint), bytes[i]);
        fill(event.principal, sizeof(event.principal), bytes[i]);
        fill(event.rule_name, sizeof(event.rule_name), bytes[i]);
        fill(event.rule_file, sizeof(event.rule_file), bytes[i]);
        fill(event.detail, sizeof(event.detail), bytes[i]);
        fill(origin.host, sizeof(origin.host), bytes[i]);
        fill(origin.process_name, sizeof(origin.process_name), bytes[i]);
        fill(origin.executable, sizeof(origin.executable), bytes[i]);
        event.time_us = UINT64_MAX;
        event.generation = INT64_MAX; /* what a long of the schema holds at most */
        event.rule_line = UINT32_MAX;
        event.verdict.unknown = FACT_BIT(FACT_COUNT) - 1;
        event.truncated = true;
        json_decref(written_from(&event, &origin));
    }
}

static void too_little_room_gives_nothing_and_writes_no_further(void **state)
{
    struct event event = sample_call();
    struct event_origin origin = sample_origin();
    size_t needed = event_json_write(&event, &origin, line, sizeof(line));

    (void)state;
    for (size_t size = 0; size < needed; size++) {
        char *room = malloc(size + 1); /* the sanitizer watches its end */
        room[size] = '#';
        assert_int_equal(event_json_write(&event, &origin, room, size), 0);
        assert_int_equal(room[size], '#');
        free(room);
    }
    char *room = malloc(needed);
    assert_int_equal(event_json_write(&event, &origin, room, needed), needed);
    free(room);
}

static void time_is_utc_to_the_microsecond(void **state)
{
    static const struct {
        uint64_t time_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {UINT64_C(951782399999999), "2000-02-28T23:59:59.999999Z"},
        {UINT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
        {UINT64_C(951868800000000), "2000-03-01T00:00:00.000000Z"},
        {UINT64_C(1735689599999999), "2024-12-31T23:59:59.999999Z"},
        {UINT64_C(1735689600000000), "2025-01-01T00:00:00.000000Z"},
        {UINT64_C(4107542399000000), "2100-02-28T23:59:59.000000Z"},
        {UINT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z"},
        {UINT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        {UINT64_MAX, "9999-12-31T23:59:59.999999Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event = sample_call();
        event.time_us = cases[i].time_us;
        json_t *object = written(&event);
        assert_string_equal(json_string_value(json_object_get(object, "@timestamp")),
                            cases[i].text);
        json_decref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_of_a_blocked_call),
        cmocka_unit_test(action_and_outcome_follow_the_verdict),
        cmocka_unit_test(a_bind_has_what_a_call_has_but_the_opnum),
        cmocka_unit_test(events_of_the_agent_itself),
        cmocka_unit_test(texts_of_the_services_events),
        cmocka_unit_test(unknown_facts_are_left_out),
        cmocka_unit_test(each_fact_alone_is_valid),
        cmocka_unit_test(names_what_the_rule_could_not_tell),
        cmocka_unit_test(object_of_zeros_is_no_object),
        cmocka_unit_test(rule_of_an_included_file),
        cmocka_unit_test(principal_is_split_at_the_first_backslash),
        cmocka_unit_test(every_byte_comes_through_or_is_replaced),
        cmocka_unit_test(what_is_no_utf8_is_replaced),
        cmocka_unit_test(the_largest_event_fits),
        cmocka_unit_test(too_little_room_gives_nothing_and_writes_no_further),
        cmocka_unit_test(time_is_utc_to_the_microsecond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
