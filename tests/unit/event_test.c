/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/event.h"
#include "core/policy.h"

static const struct verdict allowed = {.rule = VERDICT_NO_RULE, .audit = true};

static unsigned asked[FACT_COUNT];

/* A host that knows the even facts: it writes the number of the fact wherever a number goes. */
static void fetch(struct call *call, enum call_fact fact)
{
    asked[fact]++;
    if (fact % 2 == 1) {
        call_set_unknown(call, fact);
        return;
    }
    if (fact == FACT_CLIENT_ADDR)
        call->client_addr.bytes[15] = FACT_CLIENT_ADDR;
    else if (fact == FACT_PROTSEQ)
        call->protseq = PROTSEQ_NCACN_NP;
    else if (fact == FACT_AUTHN)
        call->authn_level = 6;
    else if (fact == FACT_PRINCIPAL)
        call->principal = (struct text){"D\\u", 3};
    call_set_known(call, fact);
}

static void asks_the_host_once_for_each_fact_that_is_shown(void **state)
{
    struct call call = {.fetch = fetch};
    struct event event;

    (void)state;
    memset(asked, 0, sizeof(asked));
    memset(&event, 0xee, sizeof(event));
    event_from_call(&event, &call, &allowed, NULL, "NdrStubCall2");
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        assert_int_equal(asked[fact], fact == FACT_PROCESS ? 0 : 1);
        assert_int_equal((event.known & FACT_BIT(fact)) != 0,
                         fact % 2 == 0 && fact != FACT_PROCESS);
    }
    assert_int_equal(event.kind, EVENT_CALL);
    assert_string_equal(event.function, "NdrStubCall2");
    assert_int_equal(event.client_addr.bytes[15], FACT_CLIENT_ADDR);
    assert_int_equal(event.protseq, PROTSEQ_NCACN_NP);
    assert_int_equal(event.authn_level, 6);
    assert_string_equal(event.principal, "D\\u");
    assert_int_equal(event.time_us, 0);
    assert_int_equal(event.rule_line, 0);
    assert_false(event.truncated);
}

static void copies_every_fact(void **state)
{
    static const struct sid user = {1, 2, {0, 0, 0, 0, 0, 5}, {21, 500}};
    static const struct sid group = {1, 1, {0, 0, 0, 0, 0, 1}, {0}};
    const struct sid *sids[] = {&user, &group};
    struct call call = {
        .interface = {.data1 = 1},
        .version_major = 2,
        .version_minor = 3,
        .opnum = 4,
        .client_port = 5,
        .server_port = 6,
        .authn_level = 7,
        .authn_service = 8,
        .protseq = PROTSEQ_NCACN_HTTP,
        .client_addr = {.bytes = {9}},
        .server_addr = {.bytes = {10}},
        .endpoint = {"\\pipe\\x", 7},
        .principal = {"D\\user", 6},
        .object = {.data2 = 11},
        .sids = sids,
        .sid_count = 2,
        .fetched = UINT32_MAX,
        .known = FACT_BIT(FACT_COUNT) - 1,
    };
    struct event event;

    (void)state;
    event_from_call(&event, &call, &allowed, NULL, NULL);
    assert_int_equal(event.interface.data1, 1);
    assert_int_equal(event.version_major, 2);
    assert_int_equal(event.version_minor, 3);
    assert_int_equal(event.opnum, 4);
    assert_int_equal(event.client_port, 5);
    assert_int_equal(event.server_port, 6);
    assert_int_equal(event.authn_level, 7);
    assert_int_equal(event.authn_service, 8);
    assert_int_equal(event.protseq, PROTSEQ_NCACN_HTTP);
    assert_int_equal(event.client_addr.bytes[0], 9);
    assert_int_equal(event.server_addr.bytes[0], 10);
    assert_string_equal(event.endpoint, "\\pipe\\x");
    assert_string_equal(event.principal, "D\\user");
    assert_int_equal(event.object.data2, 11);
    assert_true(sid_equal(&event.sid, &user));
}

static void no_sid_at_all_is_unknown(void **state)
{
    struct call call = {.fetched = UINT32_MAX, .known = FACT_BIT(FACT_SIDS)};
    struct event event;

    (void)state;
    event_from_call(&event, &call, &allowed, NULL, NULL);
    assert_int_equal(event.known, 0);
}

static struct event with_principal(const char *bytes, size_t length)
{
    struct call call = {
        .principal = {bytes, length}, .fetched = UINT32_MAX, .known = FACT_BIT(FACT_PRINCIPAL)};
    struct event event;

    event_from_call(&event, &call, &allowed, NULL, NULL);
    return event;
}

static void texts_are_cut_at_a_character(void **state)
{
    char name[2 * EVENT_PRINCIPAL_SIZE];
    struct event event;

    (void)state;
    memset(name, 'a', sizeof(name));
    event = with_principal(name, EVENT_PRINCIPAL_SIZE - 1);
    assert_int_equal(strlen(event.principal), EVENT_PRINCIPAL_SIZE - 1);
    assert_false(event.truncated);
    event = with_principal(name, EVENT_PRINCIPAL_SIZE);
    assert_int_equal(strlen(event.principal), EVENT_PRINCIPAL_SIZE - 1);
    assert_true(event.truncated);

    memcpy(name + EVENT_PRINCIPAL_SIZE - 2, "\xe2\x82\xac", 3);
    event = with_principal(name, EVENT_PRINCIPAL_SIZE + 1);
    assert_int_equal(strlen(event.principal), EVENT_PRINCIPAL_SIZE - 2);
    assert_true(event.truncated);
}

static void a_zero_byte_does_not_end_a_name(void **state)
{
    struct event event = with_principal("D\\admin\0\0evil", 13);

    (void)state;
    assert_string_equal(event.principal, "D\\admin\xff\xff"
                                         "evil");
    event = with_principal(NULL, 0);
    assert_string_equal(event.principal, "");
}

static void names_the_rule_that_decided(void **state)
{
    static const char text[] = "# comment\naction:block audit:true id:stop-all\n";
    struct policy *policy =
        policy_read("test.conf", text, strlen(text), &(struct policy_read_options){0});
    struct call call = {.fetched = UINT32_MAX};
    struct verdict verdict = {.rule = 0, .block = true, .audit = true};
    struct event event;
    size_t size;
    void *image = policy_compile(policy, &size);

    (void)state;
    assert_int_equal(policy->diagnostics.errors, 0);
    assert_non_null(image);
    event_from_call(&event, &call, &verdict, image, NULL);
    assert_int_equal(event.rule_line, 2);
    assert_string_equal(event.rule_name, "stop-all");
    assert_string_equal(event.rule_file, "");
    assert_true(event.verdict.block);

    event_from_call(&event, &call, &allowed, image, NULL);
    assert_int_equal(event.rule_line, 0);
    assert_string_equal(event.rule_name, "");
    free(image);
    policy_free(policy);
}

static void own_events_are_empty_but_for_what_they_tell(void **state)
{
    char detail[2 * EVENT_DETAIL_SIZE];
    struct event event;

    (void)state;
    memset(detail, 'd', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    memset(&event, 0xee, sizeof(event));
    event_of_agent(&event, EVENT_POLICY_REFUSED, 5, 6, detail);
    assert_int_equal(event.kind, EVENT_POLICY_REFUSED);
    assert_int_equal(event.time_us, 5);
    assert_int_equal(event.generation, 6);
    assert_int_equal(strlen(event.detail), EVENT_DETAIL_SIZE - 1);
    assert_true(event.truncated);
    assert_int_equal(event.known, 0);
    assert_int_equal(event.verdict.rule, VERDICT_NO_RULE);
    event_of_agent(&event, EVENT_PROTECTION_ADDED, 5, 6, NULL);
    assert_string_equal(event.detail, "");
    assert_false(event.truncated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_the_host_once_for_each_fact_that_is_shown),
        cmocka_unit_test(copies_every_fact),
        cmocka_unit_test(no_sid_at_all_is_unknown),
        cmocka_unit_test(texts_are_cut_at_a_character),
        cmocka_unit_test(a_zero_byte_does_not_end_a_name),
        cmocka_unit_test(names_the_rule_that_decided),
        cmocka_unit_test(own_events_are_empty_but_for_what_they_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
