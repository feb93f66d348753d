/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/event_strings.h"
#include "sample_event.h"

static struct event_strings made;

static void make(const struct event *event)
{
    static struct event_origin origin;

    origin = sample_origin();
    event_strings_make(event, &origin, &made);
}

static void assert_strings(unsigned id, unsigned count, const char *const *expected)
{
    assert_int_equal(made.id, id);
    assert_int_equal(made.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(made.string[i], expected[i]);
}

/* The order that published SIEM rules read. */
static void fifteen_strings_of_a_call(void **state)
{
    static const char *const expected[EVENT_STRINGS_MAX] = {
        "NdrStubCall2",
        "4711",
        "C:\\Windows\\System32\\lsass.exe",
        "ncacn_ip_tcp",
        "49667",
        "10.1.2.3",
        "e3514235-4b06-11d1-ab04-00c04fc2dcd2",
        "3",
        "EXAMPLE\\mallory",
        "PKT_PRIVACY",
        "KERBEROS",
        "51000",
        "fd00::1",
        "49667",
        "S-1-5-21-1-2-3-1105",
    };
    struct event event = sample_call();

    (void)state;
    make(&event);
    assert_strings(3, 15, expected);
}

static void unknown_facts_have_their_own_words(void **state)
{
    static const char *const expected[EVENT_STRINGS_MAX] = {
        "UNKNOWN", "4711",    "C:\\Windows\\System32\\lsass.exe",
        "UNKNOWN", "UNKNOWN", "0.0.0.0",
        "UNKNOWN", "UNKNOWN", "UNKNOWN",
        "UNKNOWN", "UNKNOWN", "UNKNOWN",
        "0.0.0.0", "UNKNOWN", "S-1-0-0",
    };
    struct event event = sample_call();

    (void)state;
    event.function = NULL;
    event.known = 0;
    make(&event);
    assert_strings(3, 15, expected);
}

static void strings_of_the_agents_own_events(void **state)
{
    static const char *const path = "C:\\Windows\\System32\\lsass.exe";
    const struct {
        enum event_kind kind;
        unsigned id;
        unsigned count;
        const char *string[5];
    } cases[] = {
        {EVENT_PROTECTION_ADDED, 1, 2, {path, "4711"}},
        {EVENT_PROTECTION_REMOVED, 2, 2, {path, "4711"}},
        {EVENT_POLICY_CHANGED, 4, 3, {path, "4711", "18446744073709551615"}},
        {EVENT_POLICY_REFUSED, 5, 4, {path, "4711", "18446744073709551615", "why"}},
        {EVENT_EVENTS_DROPPED, 6, 4, {path, "4711", "12", "why"}},
        {EVENT_POLICY_PUBLISHED, 7, 4, {path, "4711", "18446744073709551615", "UNKNOWN"}},
        {EVENT_POLICY_FILE_REFUSED, 8, 5, {path, "4711", "18446744073709551615", "UNKNOWN", "why"}},
        {EVENT_GAP_FOUND, 9, 4, {path, "4711", "why", "UNKNOWN"}},
        {EVENT_SERVICE_STARTED, 10, 3, {path, "4711", "why"}},
        {EVENT_SERVICE_STOPPED, 11, 3, {path, "4711", "why"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event;
        event_of_agent(&event, cases[i].kind, 0, UINT64_MAX, "why");
        event.dropped = 12;
        make(&event);
        assert_strings(cases[i].id, cases[i].count, cases[i].string);
    }
}

static void strings_of_the_services_events(void **state)
{
    static const char *const path = "C:\\Windows\\System32\\lsass.exe";
    static const char *const refused[] = {path, "4711", "6", "C:\\RpcFw.conf",
                                          "RpcFw.conf:3:1: error: \xef\xbf\xbd"};
    static const char *const gap[] = {path, "4711", "protected process", "native filters"};
    struct event event;

    (void)state;
    event_of_policy_file(&event, EVENT_POLICY_FILE_REFUSED, 0, 6, "C:\\RpcFw.conf",
                         "RpcFw.conf:3:1: error: \n");
    make(&event);
    assert_strings(8, 5, refused);
    event_of_gap(&event, 0, 6, "protected process", "native filters");
    make(&event);
    assert_strings(9, 4, gap);
}

static void a_name_cannot_break_the_line(void **state)
{
    static const struct {
        const char *name;
        const char *shown;
    } cases[] = {
        {"a\r\n\tb\x7f", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                         "b\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"J\xc3\xbcrgen \xf0\x9f\x98\x80 \"\\%1", "J\xc3\xbcrgen \xf0\x9f\x98\x80 \"\\%1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event = sample_call();
        strcpy(event.principal, cases[i].name);
        strcpy(event.endpoint, cases[i].name);
        make(&event);
        assert_string_equal(made.string[8], cases[i].shown);
        assert_string_equal(made.string[4], cases[i].shown);
    }
}

/* The sanitizer and the strings that come after would show an overrun of the storage. */
static void the_largest_texts_fit(void **state)
{
    struct event event = sample_call();

    (void)state;
    memset(event.principal, 0xff, sizeof(event.principal) - 1);
    memset(event.endpoint, 0x01, sizeof(event.endpoint) - 1);
    for (int i = 0; i < SID_MAX_SUB_AUTHORITIES; i++)
        event.sid.sub_authority[i] = UINT32_MAX;
    event.sid.sub_authority_count = SID_MAX_SUB_AUTHORITIES;
    memset(&event.client_addr, 0xfe, sizeof(event.client_addr));
    memset(&event.server_addr, 0xfe, sizeof(event.server_addr));
    make(&event);
    assert_int_equal(strlen(made.string[8]), 3 * (sizeof(event.principal) - 1));
    assert_int_equal(strlen(made.string[4]), 3 * (sizeof(event.endpoint) - 1));
    assert_string_equal(made.string[6], "e3514235-4b06-11d1-ab04-00c04fc2dcd2");
    assert_true(made.string[14] + strlen(made.string[14]) < made.storage + sizeof(made.storage));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifteen_strings_of_a_call),
        cmocka_unit_test(unknown_facts_have_their_own_words),
        cmocka_unit_test(strings_of_the_agents_own_events),
        cmocka_unit_test(strings_of_the_services_events),
        cmocka_unit_test(a_name_cannot_break_the_line),
        cmocka_unit_test(the_largest_texts_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
