/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/condition.h"
#include "core/decide.h"
#include "core/image.h"
#include "core/policy.h"

#define DRSUAPI "e3514235-4b06-11d1-ab04-00c04fc2dcd2"

static const struct guid drsuapi = {
    0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}};

static struct policy_image *compile(const char *text)
{
    size_t size = 0;
    struct policy *policy = policy_read("p", text, strlen(text), NULL);
    assert_non_null(policy);
    assert_int_equal(policy->diagnostics.errors, 0);
    struct policy_image *image = policy_compile(policy, &size);
    policy_free(policy);
    assert_non_null(image);
    assert_int_equal(image_validate(image, size), IMAGE_OK);
    return image;
}

/* ---- A host that keeps a list of what it was asked ---- */

static const struct sid administrators = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}};
static const struct sid *const token[] = {&administrators};

struct host {
    uint32_t can_tell; /* FACT_BITs */
    enum call_fact asked[64];
    size_t asked_count;
};

static void answer(struct call *call, enum call_fact fact)
{
    static const uint8_t client[4] = {10, 0, 0, 1};
    struct host *host = call->host;
    assert_true(host->asked_count < 64);
    host->asked[host->asked_count++] = fact;
    if (!(host->can_tell & FACT_BIT(fact))) {
        return; /* neither known nor marked: it must not be asked for again */
    }
    call->interface = drsuapi;
    call->opnum = 3;
    call->protseq = PROTSEQ_NCACN_IP_TCP;
    call->client_addr = ipaddr_from_v4(client);
    call->sids = token;
    call->sid_count = 1;
    call->principal = (struct text){"CORP\\admin", 10};
    call_set_known(call, fact);
}

static struct verdict ask(const char *text, struct host *host)
{
    struct policy_image *image = compile(text);
    struct call call = {.fetch = answer, .host = host};
    struct verdict verdict = decide(image, &call);
    free(image);
    return verdict;
}

static struct verdict ask_knowing(const char *text, uint32_t can_tell)
{
    struct host host = {.can_tell = can_tell};
    return ask(text, &host);
}

static bool was_asked(const struct host *host, enum call_fact fact)
{
    for (size_t i = 0; i < host->asked_count; i++) {
        if (host->asked[i] == fact) {
            return true;
        }
    }
    return false;
}

#define ALL (FACT_BIT(FACT_COUNT) - 1)

static void the_first_match_wins(void **state)
{
    (void)state;
    assert_int_equal(ask_knowing("opnum:4\nopnum:3\nopnum:3 action:block\n", ALL).rule, 1);
    assert_int_equal(ask_knowing("opnum:4\n", ALL).rule, VERDICT_NO_RULE);
    assert_int_equal(
        ask_knowing("addr:10.0.0.2\naddr:10.0.0.1\naddr:10.0.0.0/8 action:block\n", ALL).rule, 1);
}

static void outcomes_are_those_of_the_rule(void **state)
{
    static const struct {
        const char *text;
        bool block, audit, dry, verbose;
    } cases[] = {
        {"opnum:3", false, false, false, false},
        {"opnum:3 audit:true", false, true, false, false},
        {"opnum:3 action:block", true, false, false, false},
        {"opnum:3 action:block audit:true verbose:true", true, true, false, true},
        {"opnum:3 action:block dry:true", false, true, true, false},
        {"opnum:4 action:block audit:true verbose:true", false, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct verdict verdict = ask_knowing(cases[i].text, ALL);
        assert_int_equal(verdict.block, cases[i].block);
        assert_int_equal(verdict.audit, cases[i].audit);
        assert_int_equal(verdict.dry, cases[i].dry);
        assert_int_equal(verdict.verbose, cases[i].verbose);
        assert_int_equal(verdict.unknown, 0);
    }
}

/* Each fact a rule can ask for, unknown: an allow rule does not match, a block rule does and says
 * why; unless the policy is lenient. */
static void unknown_is_never_a_pass(void **state)
{
    static const struct {
        const char *condition;
        enum call_fact fact;
    } cases[] = {
        {"uuid:" DRSUAPI, FACT_INTERFACE},
        {"iface_version:4.0", FACT_INTERFACE},
        {"opnum:3", FACT_OPNUM},
        {"prot:ncacn_np", FACT_PROTSEQ},
        {"endpoint:lsarpc", FACT_ENDPOINT},
        {"addr:10.0.0.1", FACT_CLIENT_ADDR},
        {"addr:!10.0.0.1", FACT_CLIENT_ADDR},
        {"sid:BA", FACT_SIDS},
        {"sid:!BA", FACT_SIDS},
        {"user:CORP\\*", FACT_PRINCIPAL},
        {"auth:pkt", FACT_AUTHN},
        {"object:" DRSUAPI, FACT_OBJECT},
        {"process:*", FACT_PROCESS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        uint32_t others = ALL & ~FACT_BIT(cases[i].fact);
        snprintf(text, sizeof(text), "%s\n", cases[i].condition);
        assert_int_equal(ask_knowing(text, others).rule, VERDICT_NO_RULE);
        snprintf(text, sizeof(text), "%s action:block\n", cases[i].condition);
        struct verdict verdict = ask_knowing(text, others);
        assert_int_equal(verdict.rule, 0);
        assert_true(verdict.block);
        assert_int_equal(verdict.unknown, FACT_BIT(cases[i].fact));
        snprintf(text, sizeof(text), "%s action:block dry:true\n", cases[i].condition);
        verdict = ask_knowing(text, others);
        assert_true(verdict.dry && verdict.audit && !verdict.block);
        snprintf(text, sizeof(text), "option unknown lenient\n%s action:block\n",
                 cases[i].condition);
        assert_int_equal(ask_knowing(text, others).rule, VERDICT_NO_RULE);
    }
}

/* One condition that fails decides, whatever cannot be told beside it. */
static void unknown_beside_a_failed_condition_is_no_match(void **state)
{
    (void)state;
    assert_int_equal(ask_knowing("opnum:9 sid:BA action:block\n", ALL & ~FACT_BIT(FACT_SIDS)).rule,
                     VERDICT_NO_RULE);
    assert_int_equal(
        ask_knowing("addr:10.0.0.9 sid:BA action:block\n", ALL & ~FACT_BIT(FACT_SIDS)).rule,
        VERDICT_NO_RULE);
    assert_int_equal(
        ask_knowing("addr:10.0.0.9 sid:SY action:block\n", ALL & ~FACT_BIT(FACT_CLIENT_ADDR)).rule,
        VERDICT_NO_RULE);
}

/* Rules that differ in their addresses only are merged; an unknown address still finds the first
 * that blocks. */
static void an_unknown_address_finds_the_first_block_of_many(void **state)
{
    static const char text[] = "opnum:3 addr:10.0.0.9\nopnum:3 addr:10.0.0.8\n"
                               "opnum:3 addr:10.0.0.7 action:block\n"
                               "opnum:3 addr:10.0.0.6 action:block\nopnum:3 audit:true\n";
    struct verdict verdict = ask_knowing(text, ALL & ~FACT_BIT(FACT_CLIENT_ADDR));
    (void)state;
    assert_int_equal(verdict.rule, 2);
    assert_int_equal(verdict.unknown, FACT_BIT(FACT_CLIENT_ADDR));
    assert_int_equal(ask_knowing(text, ALL).rule, 4);
}

static void nothing_is_asked_of_the_host_without_rules(void **state)
{
    struct host host = {.can_tell = ALL};
    (void)state;
    assert_int_equal(ask("", &host).rule, VERDICT_NO_RULE);
    assert_int_equal(host.asked_count, 0);
}

/* The token and the name are dear: not for rules that fail on interface, opnum or protocol. */
static void dear_facts_are_asked_for_when_they_matter(void **state)
{
    static const struct {
        const char *text;
        bool sids;
    } cases[] = {
        {"opnum:4 sid:BA action:block\n", false},
        {"uuid:367abb81-9844-35f1-ad32-98f038001003 sid:BA action:block\n", false},
        {"prot:ncacn_np sid:BA action:block\n", false},
        {"addr:10.9.9.9 sid:BA action:block\n", false},
        {"opnum:3\nopnum:3 sid:BA action:block\n", false},
        {"opnum:3 sid:BA action:block\n", true},
        {"opnum:4\nuuid:" DRSUAPI " sid:SY\nopnum:3\n", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct host host = {.can_tell = ALL};
        ask(cases[i].text, &host);
        assert_int_equal(was_asked(&host, FACT_SIDS), cases[i].sids);
        assert_false(was_asked(&host, FACT_PRINCIPAL));
        assert_false(was_asked(&host, FACT_PROCESS));
    }
}

static void no_fact_is_asked_for_twice(void **state)
{
    static const char text[] = "opnum:1-3 sid:SY user:a\\b\nopnum:3 sid:AN addr:10.0.0.2\n"
                               "sid:AU user:c\\d\naddr:10.0.0.3 sid:AU prot:ncacn_np\n"
                               "uuid:" DRSUAPI " sid:LS process:x endpoint:y object:" DRSUAPI "\n"
                               "uuid:" DRSUAPI " sid:NS process:y auth:pkt\n";
    (void)state;
    for (int unknown = 0; unknown < FACT_COUNT; unknown++) {
        struct host host = {.can_tell = ALL & ~FACT_BIT(unknown)};
        uint32_t seen = 0;
        ask(text, &host);
        assert_true(host.asked_count > 2);
        for (size_t i = 0; i < host.asked_count; i++) {
            assert_false(seen & FACT_BIT(host.asked[i]));
            seen |= FACT_BIT(host.asked[i]);
        }
    }
}

static void local_calls_are_seen_where_a_rule_names_them(void **state)
{
    static const struct {
        const char *text;
        uint32_t rule;
    } cases[] = {
        {"action:block\n", VERDICT_NO_RULE},
        {"uuid:" DRSUAPI " action:block\n", VERDICT_NO_RULE},
        {"prot:!ncacn_np action:block\n", VERDICT_NO_RULE},
        {"prot:ncalrpc action:block\n", 0},
        {"action:block\nprot:ncacn_np,ncalrpc action:block\n", 1},
        {"addr:10.0.0.0/8 action:block\naddr:11.0.0.0/8 action:block\n", VERDICT_NO_RULE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_image *image = compile(cases[i].text);
        struct call call = {.interface = drsuapi,
                            .protseq = PROTSEQ_NCALRPC,
                            .fetched = ALL,
                            .known = ALL & ~FACT_BIT(FACT_CLIENT_ADDR)};
        assert_int_equal(decide(image, &call).rule, cases[i].rule);
        free(image);
    }
}

/* What `explain --trace` shows. */
static void one_rule_says_which_condition_failed(void **state)
{
    struct policy_image *image = compile("opnum:3 addr:10.0.0.9 sid:BA\nprot:ncacn_np\nopnum:3\n");
    const struct image_condition *conditions =
        (const struct image_condition *)((const char *)image + image->conditions.offset);
    struct host host = {.can_tell = ALL};
    struct call call = {.fetch = answer, .host = &host};
    uint32_t failed = 0;
    (void)state;
    assert_int_equal(decide_rule(image, 0, &call, &failed), MATCH_NO);
    assert_int_equal(conditions[failed].key, KEY_ADDR);
    assert_int_equal(decide_rule(image, 1, &call, &failed), MATCH_NO);
    assert_int_equal(conditions[failed].key, KEY_PROT);
    assert_int_equal(decide_rule(image, 2, &call, &failed), MATCH_YES);
    call_set_unknown(&call, FACT_CLIENT_ADDR);
    assert_int_equal(decide_rule(image, 0, &call, &failed), MATCH_UNKNOWN);
    assert_int_equal(conditions[failed].key, KEY_ADDR);
    call.protseq = PROTSEQ_NCALRPC;
    assert_int_equal(decide_rule(image, 2, &call, &failed), MATCH_NO);
    assert_int_equal(failed, UINT32_MAX);
    free(image);
}

/* ---- Binds ---- */

static void a_bind_is_decided_without_rules_for_opnums(void **state)
{
    static const struct {
        const char *policy;
        bool audit;
        uint32_t rule;
    } cases[] = {
        {"action:allow audit:true\n", true, 0},
        {"opnum:3 audit:true\nuuid:" DRSUAPI " action:block audit:true\n", true, 1},
        {"opnum:!3 audit:true\naction:allow\n", false, 1},
        {"opnum:0-65535 audit:true\n", false, VERDICT_NO_RULE},
        {"uuid:" DRSUAPI " opnum:0-65535 action:block audit:true\nuuid:" DRSUAPI " audit:true\n",
         true, 1},
        {"uuid:" DRSUAPI " action:block\naudit:true\n", false, 0},
        {"action:block dry:true\n", true, 0},
        {"addr:10.0.0.2 audit:true\naddr:10.0.0.1 audit:true\n", true, 1},
        {"addr:10.0.0.2 opnum:0-65535 audit:true\naddr:10.0.0.1 opnum:0-65535 audit:true\n", false,
         VERDICT_NO_RULE},
        {"prot:ncalrpc audit:true\n", false, VERDICT_NO_RULE},
        {"uuid:12345778-1234-abcd-ef00-0123456789ac audit:true\n", false, VERDICT_NO_RULE},
        {"", false, VERDICT_NO_RULE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct host host = {.can_tell = UINT32_MAX};
        struct policy_image *image = compile(cases[i].policy);
        struct call call = {.fetch = answer, .host = &host};
        struct verdict verdict = decide_bind(image, &call);
        assert_int_equal(verdict.audit, cases[i].audit);
        assert_int_equal(verdict.rule, cases[i].rule);
        assert_false(verdict.block);
        assert_false(verdict.dry);
        free(image);
    }
}

static void a_rule_that_asks_for_an_unknown_fact_records_the_bind(void **state)
{
    struct host host = {.can_tell = FACT_BIT(FACT_INTERFACE) | FACT_BIT(FACT_PROTSEQ)};
    struct policy_image *image = compile("addr:10.0.0.1\naddr:!10.0.0.1 action:block audit:true\n");
    struct call call = {.fetch = answer, .host = &host};
    struct verdict verdict = decide_bind(image, &call);

    (void)state;
    assert_int_equal(verdict.rule, 1);
    assert_true(verdict.audit);
    assert_int_equal(verdict.unknown, FACT_BIT(FACT_CLIENT_ADDR));
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_match_wins),
        cmocka_unit_test(outcomes_are_those_of_the_rule),
        cmocka_unit_test(unknown_is_never_a_pass),
        cmocka_unit_test(unknown_beside_a_failed_condition_is_no_match),
        cmocka_unit_test(an_unknown_address_finds_the_first_block_of_many),
        cmocka_unit_test(nothing_is_asked_of_the_host_without_rules),
        cmocka_unit_test(dear_facts_are_asked_for_when_they_matter),
        cmocka_unit_test(no_fact_is_asked_for_twice),
        cmocka_unit_test(local_calls_are_seen_where_a_rule_names_them),
        cmocka_unit_test(one_rule_says_which_condition_failed),
        cmocka_unit_test(a_bind_is_decided_without_rules_for_opnums),
        cmocka_unit_test(a_rule_that_asks_for_an_unknown_fact_records_the_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
