/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native filters put in force, replaced and removed, against the engine of fake_engine.h; then the
 * same with each call of the engine failing in turn. Run under the sanitizers too, which see leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "windows/filters/filters.h"

#define OLD                                                                                        \
    "flt:uuid:svcctl prot:ncacn_np action:block\n"                                                 \
    "flt:uuid:efsrpc sid:BA auth:privacy action:allow\n"

#define NEW                                                                                        \
    "fw:uuid:samr action:block\n"                                                                  \
    "all:uuid:drsuapi addr:192.0.2.10,2001:db8::10 action:allow id:dcs\n"                          \
    "flt:uuid:drsuapi opnum:3 action:block audit:true\n"                                           \
    "flt:uuid:efsrpc action:block\n"

static struct policy *read_policy(const char *text)
{
    struct policy_read_options options = {0};
    struct policy *policy = policy_read("RpcFw.conf", text, strlen(text), &options);
    assert_non_null(policy);
    assert_int_equal(policy->diagnostics.errors, 0);
    return policy;
}

static enum filters_outcome apply(struct fake_engine *fake, const char *text,
                                  struct filters_report *report)
{
    struct policy *policy = read_policy(text);
    struct filter_plan *plan;
    enum filters_outcome outcome = filters_apply(&fake->table, policy, &plan, report);
    filter_plan_free(plan);
    policy_free(policy);
    return outcome;
}

static void assert_good(const struct fake_engine *fake)
{
    assert_int_equal(fake->violations, 0);
    assert_false(fake->open);
    assert_false(fake->in_transaction);
}

static void assert_same_filters(const struct fake_state *a, const struct fake_state *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->frame, b->frame);
    for (size_t i = 0; i < a->count; i++) {
        assert_memory_equal(&a->filters[i].key, &b->filters[i].key, sizeof(struct guid));
    }
}

static void test_apply_sets_filters(void **state)
{
    static const struct {
        enum filter_sublayer sublayer;
        uint64_t weight;
        bool block;
        bool audit;
        const char *name;
    } expected[] = {
        {SUBLAYER_OURS, 4, false, false, "RPC Firewall rule=2 dcs"},
        {SUBLAYER_OURS, 3, false, false, "RPC Firewall rule=2 dcs"},
        {SUBLAYER_OURS, 2, true, false, "RPC Firewall rule=3"},
        {SUBLAYER_OURS, 1, true, false, "RPC Firewall rule=4"},
        /* Down to the last that records, again, with the same verdicts. */
        {SUBLAYER_AUDIT, 4, false, false, "RPC Firewall rule=2 dcs"},
        {SUBLAYER_AUDIT, 3, false, false, "RPC Firewall rule=2 dcs"},
        {SUBLAYER_AUDIT, 2, true, true, "RPC Firewall rule=3"},
    };
    struct fake_engine fake;
    struct filters_report report;
    (void)state;
    fake_engine_init(&fake);
    assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
    assert_good(&fake);
    assert_int_equal(report.added, 7);
    assert_int_equal(report.removed, 0);
    assert_null(report.step);
    assert_null(report.warning);
    assert_int_equal(fake.committed.count, 7);
    for (size_t i = 0; i < 7; i++) {
        const struct installed_filter *shown = &fake.committed.filters[i];
        assert_int_equal(shown->sublayer, expected[i].sublayer);
        assert_int_equal(shown->weight, expected[i].weight);
        assert_int_equal(shown->block, expected[i].block);
        assert_int_equal(shown->audit, expected[i].audit);
        assert_string_equal(shown->name, expected[i].name);
    }
}

static void test_apply_replaces(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    (void)state;
    fake_engine_init(&fake);
    for (int round = 0; round < 4; round++) {
        assert_int_equal(apply(&fake, OLD, &report), FILTERS_DONE);
        assert_int_equal(fake.committed.count, 2);
        assert_int_equal(report.removed, round ? 7 : 0);
        assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
        assert_int_equal(fake.committed.count, 7);
        assert_int_equal(report.removed, 2);
    }
    /* No rule for filters: nothing of ours stays. */
    assert_int_equal(apply(&fake, "fw:uuid:samr action:block\n", &report), FILTERS_DONE);
    assert_int_equal(fake.committed.count, 0);
    assert_false(fake.committed.frame);
    assert_int_equal(fake.audit, 0);
    assert_false(fake.has_record);
    assert_good(&fake);
}

static void test_refused_changes_nothing(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    (void)state;
    fake_engine_init(&fake);
    assert_int_equal(apply(&fake, OLD, &report), FILTERS_DONE);
    struct fake_state before = fake.committed;
    assert_int_equal(apply(&fake, OLD "flt:uuid:samr addr:10.0.0.0/8 action:allow\n", &report),
                     FILTERS_REFUSED);
    assert_same_filters(&fake.committed, &before);
    /* On a host that does not compare opnums, a rule for one method never becomes one for its
     * interface. */
    fake.host = *filter_host_from_id("ws2022");
    assert_int_equal(apply(&fake, NEW, &report), FILTERS_REFUSED);
    assert_same_filters(&fake.committed, &before);
    assert_int_equal(fake.audit, 0);
    assert_good(&fake);
}

static void test_no_engine(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    struct installed_filter *list;
    struct filter_host host;
    size_t count;
    (void)state;
    fake_engine_init(&fake);
    fake.absent = true;
    assert_int_equal(apply(&fake, NEW, &report), FILTERS_NO_ENGINE);
    assert_int_equal(filters_remove(&fake.table, &report), FILTERS_NO_ENGINE);
    assert_int_equal(filters_list(&fake.table, &list, &count, &report), FILTERS_NO_ENGINE);
    assert_int_equal(filters_describe_host(&fake.table, &host, &report), FILTERS_NO_ENGINE);
    assert_int_equal(fake.calls, 0);
}

static void test_list_and_describe(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    struct installed_filter *list;
    struct filter_host host;
    size_t count;
    (void)state;
    fake_engine_init(&fake);
    assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
    assert_int_equal(filters_list(&fake.table, &list, &count, &report), FILTERS_DONE);
    assert_int_equal(count, 7);
    free(list);
    assert_int_equal(filters_describe_host(&fake.table, &host, &report), FILTERS_DONE);
    assert_string_equal(host.name, "Windows Server 2025");
    assert_good(&fake);
}

/* A field in the layer is no proof: some releases take the condition and ignore it. */
static void test_hosts_by_build(void **state)
{
    static const struct {
        uint32_t build;
        bool field;
        bool opnum;
    } cases[] = {{14393, false, false}, {20348, true, false}, {26099, true, false},
                 {26100, true, true},   {26200, true, true},  {26100, false, false},
                 {0, true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct filter_host host;
        filter_host_from_build(&host, cases[i].build, cases[i].field);
        assert_int_equal(host.opnum, cases[i].opnum);
        assert_true(host.opnum == !host.no_opnum);
    }
    for (const struct filter_host *row = filter_hosts; row->id[0]; row++) {
        assert_ptr_equal(filter_host_from_id(row->id), row);
        assert_true(row->opnum == (row->build >= FILTER_HOST_OPNUM_BUILD));
        assert_true(row->opnum == !row->no_opnum);
    }
    assert_null(filter_host_from_id(""));
    assert_null(filter_host_from_id("ws2012"));
}

/* ---- The audit policy ---- */

static void test_audit_is_given_back(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    (void)state;
    for (uint32_t before = 0; before < 4; before++) {
        fake_engine_init(&fake);
        fake.audit = before;
        assert_int_equal(apply(&fake, OLD, &report), FILTERS_DONE);
        assert_int_equal(fake.audit, before); /* nothing is recorded */
        assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
        assert_int_equal(fake.audit, 3);
        assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
        assert_int_equal(filters_remove(&fake.table, &report), FILTERS_DONE);
        assert_int_equal(fake.audit, before);
        assert_false(fake.has_record);
        assert_int_equal(fake.committed.count, 0);
        assert_false(fake.committed.frame);
        assert_int_equal(filters_remove(&fake.table, &report), FILTERS_DONE);
        assert_good(&fake);
    }
}

/* What somebody else set meanwhile is theirs. */
static void test_audit_of_others_stays(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    (void)state;
    fake_engine_init(&fake);
    assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
    fake.audit = FILTER_AUDIT_FAILURE;
    assert_int_equal(filters_remove(&fake.table, &report), FILTERS_DONE);
    assert_int_equal(fake.audit, FILTER_AUDIT_FAILURE);
    assert_false(fake.has_record);
}

/* ---- Each call of the engine fails in turn ---- */

static bool is_about_audit(const char *function)
{
    return strncmp(function, "audit_", 6) == 0 || strncmp(function, "record_", 7) == 0;
}

/* An engine with the old filters. */
static void prepare(struct fake_engine *fake, const char *text)
{
    struct filters_report report;
    fake_engine_init(fake);
    assert_int_equal(apply(fake, text, &report), FILTERS_DONE);
    fake->calls = 0;
}

static void test_apply_fails_at_each_step(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    unsigned failures = 0;
    (void)state;
    for (unsigned step = 1;; step++) {
        prepare(&fake, OLD);
        struct fake_state before = fake.committed;
        fake.fail_at = step;
        enum filters_outcome outcome = apply(&fake, NEW, &report);
        assert_good(&fake);
        if (!fake.failed) {
            assert_int_equal(outcome, FILTERS_DONE);
            break;
        }
        failures++;
        if (is_about_audit(fake.failed)) {
            assert_int_equal(outcome, FILTERS_DONE);
            assert_int_equal(fake.committed.count, 7);
            assert_non_null(report.warning);
            assert_int_equal(report.warning_error, FAKE_ERROR);
            continue;
        }
        assert_int_equal(outcome, FILTERS_FAILED);
        assert_non_null(report.step);
        assert_int_equal(report.error, FAKE_ERROR);
        assert_int_equal(report.added, 0);
        assert_int_equal(report.removed, 0);
        assert_same_filters(&fake.committed, &before);
        assert_int_equal(fake.audit, 0);
        assert_false(fake.has_record);
        /* And the next attempt succeeds. */
        fake.fail_at = 0;
        assert_int_equal(apply(&fake, NEW, &report), FILTERS_DONE);
        assert_int_equal(fake.committed.count, 7);
    }
    /* open describe, four of the audit policy, begin list, 2 removals, the frame, 7 additions,
     * commit. */
    assert_int_equal(failures, 2 + 4 + 2 + 2 + 1 + 7 + 1);
}

static void test_remove_fails_at_each_step(void **state)
{
    struct fake_engine fake;
    struct filters_report report;
    unsigned failures = 0;
    (void)state;
    for (unsigned step = 1;; step++) {
        prepare(&fake, NEW);
        struct fake_state before = fake.committed;
        fake.fail_at = step;
        enum filters_outcome outcome = filters_remove(&fake.table, &report);
        assert_good(&fake);
        if (!fake.failed) {
            assert_int_equal(outcome, FILTERS_DONE);
            break;
        }
        failures++;
        if (is_about_audit(fake.failed)) {
            assert_int_equal(outcome, FILTERS_DONE);
            assert_int_equal(fake.committed.count, 0);
            assert_non_null(report.warning);
        } else {
            assert_int_equal(outcome, FILTERS_FAILED);
            assert_same_filters(&fake.committed, &before);
            assert_int_equal(fake.audit, 3); /* the filters still record */
        }
        /* What is left over goes at the next attempt. */
        fake.fail_at = 0;
        assert_int_equal(filters_remove(&fake.table, &report), FILTERS_DONE);
        assert_int_equal(fake.committed.count, 0);
        assert_int_equal(fake.audit, 0);
        assert_false(fake.has_record);
    }
    /* open begin list, 7 removals, the frame, commit, four of the audit policy. */
    assert_int_equal(failures, 3 + 7 + 1 + 1 + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply_sets_filters),
        cmocka_unit_test(test_apply_replaces),
        cmocka_unit_test(test_refused_changes_nothing),
        cmocka_unit_test(test_no_engine),
        cmocka_unit_test(test_list_and_describe),
        cmocka_unit_test(test_hosts_by_build),
        cmocka_unit_test(test_audit_is_given_back),
        cmocka_unit_test(test_audit_of_others_stays),
        cmocka_unit_test(test_apply_fails_at_each_step),
        cmocka_unit_test(test_remove_fails_at_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
