/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan/filter_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan/rule_terms.h"
#include "core/authn.h"

/* Rules that are held against each block rule behind them; with more of them, any block rule counts
 * as touched. */
#define SKIPPED_MAX 256

/* Values of two conditions that are held against each other one by one; longer lists count as
 * overlapping. */
#define PAIRS_MAX   65536

#define REASON_SIZE 256

/* A condition of an address takes a filter's room from this many on. */
#define ADDRESSES_PER_FILTER 256

struct planning {
    const struct policy *policy;
    struct filter_plan *plan;
    size_t capacity; /* of plan->filters */
    bool out_of_memory;

    /* Rules for filters too, which let calls through that filters cannot tell from others. */
    const struct policy_rule *skipped[SKIPPED_MAX];
    size_t skipped_count; /* may exceed SKIPPED_MAX */
};

static void say(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(char *out, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out, size, format, arguments);
    va_end(arguments);
}

static void give_reason(struct planning *planning, struct plan_finding *finding, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));

static void give_reason(struct planning *planning, struct plan_finding *finding, const char *format,
                        ...)
{
    char text[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    finding->reason = strdup(text);
    planning->out_of_memory = planning->out_of_memory || !finding->reason;
}

/* ---- Filters of one rule ---- */

/* A new filter of the rule with room for `conditions`; NULL: out of memory. */
static struct planned_filter *add_filter(struct planning *planning, size_t rule, size_t conditions)
{
    struct filter_plan *plan = planning->plan;
    const struct policy_rule *from = &planning->policy->rules[rule];
    if (plan->filter_count == planning->capacity) {
        size_t capacity = planning->capacity ? planning->capacity * 2 : 16;
        struct planned_filter *filters = realloc(plan->filters, capacity * sizeof(*filters));
        if (!filters) {
            planning->out_of_memory = true;
            return NULL;
        }
        plan->filters = filters;
        planning->capacity = capacity;
    }
    struct planned_filter *filter = &plan->filters[plan->filter_count];
    *filter = (struct planned_filter){
        .rule = rule, .block = from->block && !from->dry, .audit = from->audit || from->dry};
    filter->conditions = calloc(conditions, sizeof(*filter->conditions));
    if (!filter->conditions) {
        planning->out_of_memory = true;
        return NULL;
    }
    plan->filter_count++;
    return filter;
}

static struct filter_condition *add_condition(struct planned_filter *filter,
                                              enum filter_field field)
{
    struct filter_condition *condition = &filter->conditions[filter->condition_count++];
    condition->field = field;
    return condition;
}

static void add_numbers(struct planned_filter *filter, enum filter_field field,
                        const uint16_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_condition(filter, field)->number = numbers[i];
    }
}

static void add_protocols(struct planned_filter *filter, unsigned protocols)
{
    static const struct {
        unsigned bit;
        enum protseq protseq;
    } rows[] = {{TERMS_TCP, PROTSEQ_NCACN_IP_TCP},
                {TERMS_NP, PROTSEQ_NCACN_NP},
                {TERMS_HTTP, PROTSEQ_NCACN_HTTP}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (protocols & rows[i].bit) {
            add_condition(filter, FILTER_PROTOCOL)->number = rows[i].protseq;
        }
    }
}

static void add_levels(struct planned_filter *filter, unsigned levels)
{
    for (unsigned level = AUTHN_LEVEL_NONE; level <= AUTHN_LEVEL_PRIVACY; level++) {
        if (levels != TERMS_ALL_LEVELS && (levels & 1u << level)) {
            add_condition(filter, FILTER_AUTHN_LEVEL)->number = level;
        }
    }
}

static void add_sids(struct planning *planning, struct planned_filter *filter,
                     const struct rule_terms *terms)
{
    if (!terms->sid_count) {
        return;
    }
    struct sid *sids = malloc(terms->sid_count * sizeof(*sids));
    if (!sids) {
        planning->out_of_memory = true;
        return;
    }
    memcpy(sids, terms->sids, terms->sid_count * sizeof(*sids));
    struct filter_condition *condition = add_condition(filter, FILTER_CLIENT_SID);
    condition->sids = sids;
    condition->sid_count = terms->sid_count;
}

/* One filter for a part of the rule's calls; `addresses` are all of one family. */
static void make_filter(struct planning *planning, size_t rule, const struct rule_terms *terms,
                        const struct ipaddr *addresses, size_t address_count)
{
    size_t room =
        3 + terms->interface_count + terms->opnum_count + 6 + terms->port_count + address_count + 1;
    struct planned_filter *filter = add_filter(planning, rule, room);
    if (!filter) {
        return;
    }
    add_protocols(filter, terms->protocols);
    for (size_t i = 0; i < terms->interface_count; i++) {
        add_condition(filter, FILTER_INTERFACE)->uuid = terms->interfaces[i];
    }
    add_numbers(filter, FILTER_OPNUM, terms->opnums, terms->opnum_count);
    add_levels(filter, terms->levels);
    add_numbers(filter, FILTER_LOCAL_PORT, terms->ports, terms->port_count);
    for (size_t i = 0; i < address_count; i++) {
        enum filter_field field = ipaddr_is_v4(&addresses[i]) ? FILTER_CLIENT_V4 : FILTER_CLIENT_V6;
        add_condition(filter, field)->address = addresses[i];
    }
    add_sids(planning, filter, terms);
}

/* A filter for each handful of addresses, the families apart: conditions on two fields must both
 * hold. */
static void make_for_addresses(struct planning *planning, size_t rule,
                               const struct rule_terms *terms)
{
    struct ipaddr chunk[ADDRESSES_PER_FILTER];
    if (!terms->address_count) {
        make_filter(planning, rule, terms, NULL, 0);
        return;
    }
    for (int v4 = 1; v4 >= 0; v4--) {
        size_t count = 0;
        for (size_t i = 0; i < terms->address_count; i++) {
            if (ipaddr_is_v4(&terms->addresses[i].first) != v4) {
                continue;
            }
            chunk[count++] = terms->addresses[i].first;
            if (count == ADDRESSES_PER_FILTER) {
                make_filter(planning, rule, terms, chunk, count);
                count = 0;
            }
        }
        if (count) {
            make_filter(planning, rule, terms, chunk, count);
        }
    }
}

/*
 * The caller is known where it authenticated, to RPC or, for a pipe, to the file server: an
 * unauthenticated caller must not pass for somebody because the engine takes it for Everyone.
 */
static void make_for_callers(struct planning *planning, size_t rule, const struct rule_terms *terms)
{
    struct rule_terms pipes = *terms;
    struct rule_terms others = *terms;
    pipes.protocols &= TERMS_NP;
    others.protocols &= ~TERMS_NP;
    others.levels &= TERMS_AUTHENTICATED;
    if (!terms->sid_count || !(terms->levels & ~TERMS_AUTHENTICATED)) {
        make_for_addresses(planning, rule, terms);
        return;
    }
    if (others.protocols && others.levels) {
        make_for_addresses(planning, rule, &others);
    }
    if (pipes.protocols) {
        make_for_addresses(planning, rule, &pipes);
    }
}

static size_t make_filters(struct planning *planning, size_t rule, const struct rule_terms *terms)
{
    size_t before = planning->plan->filter_count;
    struct rule_terms reachable = *terms;
    if (terms->address_count) {
        reachable.protocols &= TERMS_TCP;
    }
    make_for_callers(planning, rule, &reachable);
    return planning->plan->filter_count - before;
}

static void free_filters_from(struct filter_plan *plan, size_t first)
{
    for (size_t i = first; i < plan->filter_count; i++) {
        for (size_t k = 0; k < plan->filters[i].condition_count; k++) {
            free(plan->filters[i].conditions[k].sids);
        }
        free(plan->filters[i].conditions);
    }
    plan->filter_count = first;
}

/* ---- Order ---- */

/* Whether no value of one list overlaps one of the other. */
static bool lists_disjoint(const struct policy_condition *a, const struct policy_condition *b)
{
    const struct condition_type *type = condition_keys[a->key].type;
    if (a->negated || b->negated || !type->disjoint ||
        a->values.count * b->values.count > PAIRS_MAX) {
        return false;
    }
    for (size_t i = 0; i < a->values.count; i++) {
        for (size_t k = 0; k < b->values.count; k++) {
            const char *one = (const char *)a->values.items + i * type->size;
            const char *other = (const char *)b->values.items + k * type->size;
            if (!type->disjoint(one, other)) {
                return false;
            }
        }
    }
    return true;
}

static bool may_share_calls(const struct policy_rule *a, const struct policy_rule *b)
{
    for (size_t i = 0; i < a->condition_count; i++) {
        for (size_t k = 0; k < b->condition_count; k++) {
            if (a->conditions[i].key == b->conditions[k].key &&
                lists_disjoint(&a->conditions[i], &b->conditions[k])) {
                return false;
            }
        }
    }
    return true;
}

/* The rule before this one that lets some of its calls through without a filter; NULL: none. */
static const struct policy_rule *let_through_before(const struct planning *planning,
                                                    const struct policy_rule *rule)
{
    for (size_t i = 0; i < planning->skipped_count && i < SKIPPED_MAX; i++) {
        if (may_share_calls(planning->skipped[i], rule)) {
            return planning->skipped[i];
        }
    }
    return NULL;
}

static void skip_rule(struct planning *planning, const struct policy_rule *rule)
{
    if (planning->skipped_count < SKIPPED_MAX) {
        planning->skipped[planning->skipped_count] = rule;
    }
    planning->skipped_count++;
}

/* ---- Findings ---- */

char *plan_rule_place(const struct policy_rule *rule, char *text, size_t size)
{
    const struct source_place *place = &rule->place;
    say(text, size, "%s%s%lu", place->file ? place->path : "", place->file ? ":" : "",
        (unsigned long)place->line);
    return text;
}

static void find_without_filter(struct planning *planning, const struct policy_rule *rule,
                                struct plan_finding *finding)
{
    finding->refused = rule->target == TARGET_FILTER;
    finding->where = finding->refused ? PLAN_NOWHERE : PLAN_AGENT;
    planning->plan->refused += finding->refused;
    /* A refused plan is never applied; of others, rules behind this one must leave its calls alone.
     * A rule that blocks does no harm by its absence: the agent still blocks. */
    if (!finding->refused && (!rule->block || rule->dry)) {
        skip_rule(planning, rule);
    }
}

static const char *note_of(const struct policy_rule *rule, const struct rule_terms *terms)
{
    static const char *const notes[2][2] = {
        {NULL, "what it would block is recorded as permitted"},
        {"RPC filters know no address of calls over pipes and HTTP, so they do not match those",
         "RPC filters know no address of calls over pipes and HTTP, so they do not match those; "
         "what "
         "it would block is recorded as permitted"},
    };
    return notes[terms->address_count && terms->protocols != TERMS_TCP][rule->dry];
}

static void find_with_filters(struct planning *planning, const struct policy_rule *rule,
                              const struct rule_terms *terms, size_t count,
                              struct plan_finding *finding)
{
    finding->filters = count;
    finding->where = rule->target == TARGET_ALL ? PLAN_BOTH : PLAN_FILTER;
    finding->note = note_of(rule, terms);
    give_reason(planning, finding, "%lu %s%s", (unsigned long)count,
                count == 1 ? "RPC filter" : "RPC filters",
                rule->target == TARGET_ALL ? ", and the agent in protected processes" : "");
}

static void find_never(const struct policy_rule *rule, struct plan_finding *finding)
{
    finding->where = rule->target == TARGET_ALL ? PLAN_AGENT : PLAN_NOWHERE;
}

/* Tells in `reason` why a rule that filters can express must not have one; false: it may. */
static bool must_stand_back(struct planning *planning, const struct policy_rule *rule, char *reason,
                            size_t size)
{
    char place[REASON_SIZE / 2];
    if (!rule->block || rule->dry) {
        return false;
    }
    const struct policy_rule *before = let_through_before(planning, rule);
    if (before) {
        say(reason, size,
            "rule=%s, which RPC filters cannot express, lets some of its calls through",
            plan_rule_place(before, place, sizeof(place)));
    } else if (planning->skipped_count > SKIPPED_MAX) {
        say(reason, size,
            "more than %d rules before it, which RPC filters cannot express, let calls through, "
            "which may be its",
            SKIPPED_MAX);
    } else {
        return false;
    }
    return true;
}

/* The rule's filters; false, and why in `reason`, when there would be too many. */
static bool make_within_limits(struct planning *planning, size_t number,
                               const struct rule_terms *terms, size_t *count, char *reason,
                               size_t size)
{
    size_t first = planning->plan->filter_count;
    *count = make_filters(planning, number, terms);
    if (planning->plan->filter_count <= FILTER_PLAN_MAX) {
        return true;
    }
    free_filters_from(planning->plan, first);
    say(reason, size, "the policy needs more than %d RPC filters", FILTER_PLAN_MAX);
    return false;
}

static void plan_rule(struct planning *planning, size_t number)
{
    const struct policy_rule *rule = &planning->policy->rules[number];
    struct plan_finding *finding = &planning->plan->findings[number];
    struct rule_terms terms = {0};
    char reason[REASON_SIZE];
    size_t count = 0;
    if (!(rule->target & TARGET_FILTER)) {
        finding->where = PLAN_AGENT;
        give_reason(planning, finding, "not for RPC filters");
        return;
    }
    enum terms_result result = rule_terms_read(&terms, planning->policy, rule,
                                               &planning->plan->host, reason, sizeof(reason));
    if (result == TERMS_EXACT &&
        (must_stand_back(planning, rule, reason, sizeof(reason)) ||
         !make_within_limits(planning, number, &terms, &count, reason, sizeof(reason)))) {
        result = TERMS_INEXPRESSIBLE;
    }
    if (result == TERMS_INEXPRESSIBLE) {
        give_reason(planning, finding, "%s", reason);
        find_without_filter(planning, rule, finding);
    } else if (count) {
        find_with_filters(planning, rule, &terms, count, finding);
    } else {
        give_reason(planning, finding, "no call that RPC filters see can match it");
        find_never(rule, finding);
    }
}

/* ---- The plan ---- */

const char *plan_where_name(enum plan_where where)
{
    static const char *const names[] = {[PLAN_NOWHERE] = "nowhere",
                                        [PLAN_AGENT] = "agent",
                                        [PLAN_FILTER] = "filter",
                                        [PLAN_BOTH] = "both"};
    return names[where];
}

struct filter_plan *filter_plan_make(const struct policy *policy, const struct filter_host *host)
{
    struct filter_plan *plan = calloc(1, sizeof(*plan));
    if (!plan) {
        return NULL;
    }
    struct planning planning = {.policy = policy, .plan = plan};
    plan->host = *host;
    plan->finding_count = policy->rule_count;
    plan->findings = calloc(policy->rule_count + 1, sizeof(*plan->findings));
    if (!plan->findings) {
        filter_plan_free(plan);
        return NULL;
    }
    for (size_t i = 0; i < policy->rule_count && !planning.out_of_memory; i++) {
        plan_rule(&planning, i);
    }
    for (size_t i = 0; i < plan->filter_count; i++) {
        plan->filters[i].weight = plan->filter_count - i;
    }
    if (planning.out_of_memory) {
        filter_plan_free(plan);
        return NULL;
    }
    return plan;
}

void filter_plan_free(struct filter_plan *plan)
{
    if (!plan) {
        return;
    }
    free_filters_from(plan, 0);
    for (size_t i = 0; plan->findings && i < plan->finding_count; i++) {
        free(plan->findings[i].reason);
    }
    free(plan->filters);
    free(plan->findings);
    free(plan);
}
