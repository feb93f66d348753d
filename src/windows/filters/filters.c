/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/filters/filters.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/plan/filter_key.h"

/* ERROR_OUTOFMEMORY */
#define OUT_OF_MEMORY 14u

#define NAME_SIZE     256

/* One change of the set of filters. */
struct change {
    const struct filter_engine *engine;
    struct filters_report *report;
    struct installed_filter *old; /* owned */
    size_t old_count;
};

/* Notes a failure, but for the first; returns whether there was none. */
static bool good(struct filters_report *report, const char *step, uint32_t error)
{
    if (error && !report->step) {
        report->step = step;
        report->error = error;
    }
    return !error;
}

static void warn(struct filters_report *report, const char *what, uint32_t error)
{
    if (error && !report->warning) {
        report->warning = what;
        report->warning_error = error;
    }
}

static enum filters_outcome open_engine(const struct filter_engine *engine,
                                        struct filters_report *report)
{
    *report = (struct filters_report){0};
    uint32_t error = engine->open(engine->context);
    if (error == FILTER_ENGINE_ABSENT) {
        return FILTERS_NO_ENGINE;
    }
    return good(report, "the filter engine cannot be opened", error) ? FILTERS_DONE
                                                                     : FILTERS_FAILED;
}

/* ---- The audit subcategory ---- */

/*
 * Returns whether it left a note that was not there before. What fails is a warning: filters are
 * worth more than the events about them.
 */
static bool switch_audit_on(const struct filter_engine *engine, struct filters_report *report)
{
    const uint32_t both = FILTER_AUDIT_SUCCESS | FILTER_AUDIT_FAILURE;
    struct audit_record record;
    bool present;
    uint32_t bits;
    uint32_t error = engine->audit_read(engine->context, &bits);
    if (error) {
        warn(report, "the audit policy for RPC events cannot be read", error);
        return false;
    }
    if ((bits & both) == both) {
        return false;
    }
    error = engine->record_read(engine->context, &present, &record);
    if (!error) {
        record = (struct audit_record){present ? record.before : bits, bits | both};
        error = engine->record_write(engine->context, &record);
    }
    if (error) {
        warn(report, "what the audit policy was cannot be noted, so it is left", error);
        return false;
    }
    error = engine->audit_write(engine->context, bits | both);
    if (error) {
        warn(report, "the audit policy for RPC events cannot be switched on", error);
    }
    return !present;
}

/* Gives the subcategory back what it was before ours, unless somebody else has changed it. */
static void restore_audit(const struct filter_engine *engine, struct filters_report *report)
{
    struct audit_record record;
    bool present;
    uint32_t bits;
    uint32_t error = engine->record_read(engine->context, &present, &record);
    if (!error && !present) {
        return;
    }
    error = error ? error : engine->audit_read(engine->context, &bits);
    if (!error && bits == record.after) {
        error = engine->audit_write(engine->context, record.before);
    }
    error = error ? error : engine->record_remove(engine->context);
    warn(report, "the audit policy for RPC events cannot be given back what it was", error);
}

/* ---- The set of filters ---- */

/* Begins a transaction that has removed the old filters. */
static bool begin_change(struct change *change)
{
    const struct filter_engine *engine = change->engine;
    if (!good(change->report, "no transaction can be begun", engine->begin(engine->context))) {
        return false;
    }
    if (!good(change->report, "the filters cannot be listed",
              engine->list(engine->context, &change->old, &change->old_count))) {
        return false;
    }
    for (size_t i = 0; i < change->old_count; i++) {
        if (!good(change->report, "an old filter cannot be removed",
                  engine->remove(engine->context, &change->old[i].key))) {
            return false;
        }
    }
    return true;
}

/* Commits what went well so far and takes back what did not. */
static enum filters_outcome end_change(struct change *change, bool well)
{
    const struct filter_engine *engine = change->engine;
    well = well && good(change->report, "the transaction cannot be committed",
                        engine->commit(engine->context));
    if (!well) {
        engine->abort(engine->context); /* closing the engine takes it back too */
    } else {
        change->report->removed = change->old_count;
    }
    free(change->old);
    change->old = NULL;
    return well ? FILTERS_DONE : FILTERS_FAILED;
}

/* The family of keys that the old filters do not have. */
static enum filter_family other_family(const struct change *change)
{
    for (size_t i = 0; i < change->old_count; i++) {
        if (filter_key_is(&change->old[i].key, FILTER_FAMILY_EVEN)) {
            return FILTER_FAMILY_ODD;
        }
    }
    return FILTER_FAMILY_EVEN;
}

/* How many filters, from the first on, the engine needs once more to record calls: which rule
 * records a call is the matter of the first that matches, as for the decision. */
static size_t audited_part(const struct filter_plan *plan)
{
    size_t count = plan->filter_count;
    while (count && !plan->filters[count - 1].audit) {
        count--;
    }
    return count;
}

static bool add_filters(struct change *change, const struct filter_plan *plan,
                        const struct policy *policy)
{
    const struct filter_engine *engine = change->engine;
    enum filter_family family = other_family(change);
    size_t audited = audited_part(plan);
    for (size_t i = 0; i < plan->filter_count + audited; i++) {
        bool again = i >= plan->filter_count;
        const struct planned_filter *filter = &plan->filters[again ? i - plan->filter_count : i];
        const struct policy_rule *rule = &policy->rules[filter->rule];
        char place[NAME_SIZE / 2];
        char name[NAME_SIZE];
        snprintf(name, sizeof(name), "RPC Firewall rule=%s%s%s",
                 plan_rule_place(rule, place, sizeof(place)), rule->name ? " " : "",
                 rule->name ? rule->name : "");
        struct filter_entry entry = {
            .key = filter_key(family, i),
            .sublayer = again ? SUBLAYER_AUDIT : SUBLAYER_OURS,
            .weight = filter->weight,
            .block = filter->block,
            .audit = again && filter->audit,
            .name = name,
            .conditions = filter->conditions,
            .condition_count = filter->condition_count,
        };
        if (!good(change->report, "a filter cannot be added",
                  engine->add(engine->context, &entry))) {
            return false;
        }
    }
    return true;
}

static bool fill_change(struct change *change, const struct filter_plan *plan,
                        const struct policy *policy)
{
    const struct filter_engine *engine = change->engine;
    if (!plan->filter_count) {
        return good(change->report, "the provider and the sublayer cannot be removed",
                    engine->remove_frame(engine->context));
    }
    return good(change->report, "the provider and the sublayer cannot be added",
                engine->add_frame(engine->context)) &&
           add_filters(change, plan, policy);
}

/* ---- What managers call ---- */

static enum filters_outcome replace(const struct filter_engine *engine,
                                    const struct filter_plan *plan, const struct policy *policy,
                                    struct filters_report *report)
{
    struct change change = {.engine = engine, .report = report};
    bool records = audited_part(plan) > 0;
    /* Before the filters, so that the first call that they record is not lost. */
    bool switched = records && switch_audit_on(engine, report);
    enum filters_outcome outcome =
        end_change(&change, begin_change(&change) && fill_change(&change, plan, policy));
    if (outcome == FILTERS_DONE) {
        report->added = plan->filter_count + audited_part(plan);
    }
    if (outcome == FILTERS_DONE ? !records : switched) {
        restore_audit(engine, report);
    }
    return outcome;
}

enum filters_outcome filters_apply(const struct filter_engine *engine, const struct policy *policy,
                                   struct filter_plan **plan, struct filters_report *report)
{
    struct filter_host host;
    *plan = NULL;
    enum filters_outcome outcome = open_engine(engine, report);
    if (outcome != FILTERS_DONE) {
        return outcome;
    }
    outcome = FILTERS_FAILED;
    if (good(report, "the filter engine cannot be described",
             engine->describe(engine->context, &host))) {
        *plan = filter_plan_make(policy, &host);
        good(report, "the filters cannot be planned", *plan ? 0 : OUT_OF_MEMORY);
    }
    if (*plan) {
        outcome = (*plan)->refused ? FILTERS_REFUSED : replace(engine, *plan, policy, report);
    }
    engine->close(engine->context);
    return outcome;
}

enum filters_outcome filters_remove(const struct filter_engine *engine,
                                    struct filters_report *report)
{
    struct change change = {.engine = engine, .report = report};
    enum filters_outcome outcome = open_engine(engine, report);
    if (outcome != FILTERS_DONE) {
        return outcome;
    }
    bool well =
        begin_change(&change) && good(report, "the provider and the sublayer cannot be removed",
                                      engine->remove_frame(engine->context));
    outcome = end_change(&change, well);
    if (outcome == FILTERS_DONE) {
        restore_audit(engine, report);
    }
    engine->close(engine->context);
    return outcome;
}

enum filters_outcome filters_list(const struct filter_engine *engine,
                                  struct installed_filter **list, size_t *count,
                                  struct filters_report *report)
{
    enum filters_outcome outcome = open_engine(engine, report);
    if (outcome != FILTERS_DONE) {
        return outcome;
    }
    if (!good(report, "the filters cannot be listed", engine->list(engine->context, list, count))) {
        outcome = FILTERS_FAILED;
    }
    engine->close(engine->context);
    return outcome;
}

enum filters_outcome filters_describe_host(const struct filter_engine *engine,
                                           struct filter_host *host, struct filters_report *report)
{
    struct filter_host found;
    enum filters_outcome outcome = open_engine(engine, report);
    if (outcome != FILTERS_DONE) {
        return outcome;
    }
    if (good(report, "the filter engine cannot be described",
             engine->describe(engine->context, &found))) {
        *host = found;
    } else {
        outcome = FILTERS_FAILED;
    }
    engine->close(engine->context);
    return outcome;
}
