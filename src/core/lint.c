/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings about rules that are read without error and yet do not do what their author thinks.
 */
#include "core/policy.h"

#include <stdlib.h>
#include <string.h>

/*
 * Rules that an earlier one is looked for among: those that name the same first interface, and
 * those that name none. Policies beyond it are linted rule by rule only; comparing all pairs of a
 * million rules would take hours.
 */
#define LINT_PAIRS_MAX 50000000u

struct lint {
    struct policy *policy;
    uint64_t pairs;
};

static const struct policy_condition *find_condition(const struct policy_rule *rule,
                                                     enum policy_key key)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (rule->conditions[i].key == key) {
            return &rule->conditions[i];
        }
    }
    return NULL;
}

static const void *value_at(const struct policy_condition *condition, size_t i)
{
    return (const char *)condition->values.items + i * condition_keys[condition->key].type->size;
}

/* Whether every value of `inner` lies within some value of `outer`. */
static bool values_cover(const struct policy *policy, const struct policy_condition *outer,
                         const struct policy_condition *inner)
{
    const struct condition_type *type = condition_keys[outer->key].type;
    const char *pool = policy->pool.bytes;
    for (size_t i = 0; i < inner->values.count; i++) {
        bool covered = false;
        for (size_t k = 0; k < outer->values.count && !covered; k++) {
            covered = type->covers(value_at(outer, k), value_at(inner, i), pool, pool);
        }
        if (!covered) {
            return false;
        }
    }
    return true;
}

static bool values_are_disjoint(const struct policy_condition *a, const struct policy_condition *b)
{
    const struct condition_type *type = condition_keys[a->key].type;
    for (size_t i = 0; type->disjoint && i < a->values.count; i++) {
        for (size_t k = 0; k < b->values.count; k++) {
            if (!type->disjoint(value_at(a, i), value_at(b, k))) {
                return false;
            }
        }
    }
    return type->disjoint != NULL;
}

/* Whether every call for which `inner` holds is one for which `outer` holds. */
static bool condition_covers(const struct policy *policy, const struct policy_condition *outer,
                             const struct policy_condition *inner)
{
    if (!outer->negated && !inner->negated) {
        return values_cover(policy, outer, inner);
    }
    if (outer->negated && inner->negated) {
        return values_cover(policy, inner, outer);
    }
    return outer->negated && values_are_disjoint(outer, inner);
}

static bool rule_covers(const struct policy *policy, const struct policy_rule *outer,
                        const struct policy_rule *inner)
{
    /* A rule sees local calls only when it names ncalrpc: one that does is not covered by one that
     * names nothing. */
    const struct policy_condition *prot = find_condition(inner, KEY_PROT);
    if (prot && !prot->negated && !find_condition(outer, KEY_PROT)) {
        const uint32_t *protseq = prot->values.items;
        for (size_t i = 0; i < prot->values.count; i++) {
            if (protseq[i] == PROTSEQ_NCALRPC) {
                return false;
            }
        }
    }
    for (size_t i = 0; i < outer->condition_count; i++) {
        const struct policy_condition *same = find_condition(inner, outer->conditions[i].key);
        if (!same || !condition_covers(policy, &outer->conditions[i], same)) {
            return false;
        }
    }
    return (outer->target & inner->target) == inner->target;
}

static bool same_outcome(const struct policy_rule *a, const struct policy_rule *b)
{
    return a->block == b->block && (a->audit || a->dry) == (b->audit || b->dry) && a->dry == b->dry;
}

static void warn(struct lint *lint, const struct policy_rule *rule, const char *message,
                 uint32_t line)
{
    diagnostics_add(&lint->policy->diagnostics, DIAGNOSTIC_WARNING, &rule->place, NULL, message,
                    line);
}

/* Says when an earlier rule takes every call that this one could decide. */
static void find_shadow(struct lint *lint, size_t number)
{
    const struct policy_rule *rule = &lint->policy->rules[number];
    for (size_t i = 0; i < number && lint->pairs < LINT_PAIRS_MAX; i++) {
        const struct policy_rule *earlier = &lint->policy->rules[i];
        lint->pairs++;
        if (!rule_covers(lint->policy, earlier, rule)) {
            continue;
        }
        if (rule_covers(lint->policy, rule, earlier)) {
            warn(lint, rule,
                 same_outcome(earlier, rule)
                     ? "duplicate: line %u is the same rule"
                     : "contradiction: line %u has the same conditions and another outcome, and "
                       "decides first",
                 earlier->place.line);
        } else if (!earlier->condition_count && !earlier->block) {
            warn(lint, rule, "never reached: line %u allows everything before it",
                 earlier->place.line);
        } else {
            warn(lint, rule, "never reached: line %u matches every call that this rule matches",
                 earlier->place.line);
        }
        return;
    }
}

static bool covers_all_opnums(const struct policy_condition *condition)
{
    const struct image_range *range = condition->values.items;
    return condition->values.count == 1 && range->first == 0 && range->last == UINT16_MAX;
}

/* A rule whose conditions contradict themselves. */
static void find_impossible(struct lint *lint, const struct policy_rule *rule)
{
    const struct policy_condition *opnum = find_condition(rule, KEY_OPNUM);
    const struct policy_condition *auth = find_condition(rule, KEY_AUTH);
    const struct policy_condition *prot = find_condition(rule, KEY_PROT);
    const struct policy_condition *addr = find_condition(rule, KEY_ADDR);

    if (opnum && opnum->negated && covers_all_opnums(opnum)) {
        warn(lint, rule, "can never match: opnum:! excludes every opnum", 0);
    }
    /* "<none" is below the lowest level that a call can have. */
    if (auth && !auth->negated && *(const uint32_t *)auth->values.items == (0x100u | 1u)) {
        warn(lint, rule, "can never match: no call is weaker than none", 0);
    }
    if (prot && !prot->negated && addr && prot->values.count == 1 &&
        *(const uint32_t *)prot->values.items == PROTSEQ_NCALRPC) {
        warn(lint, rule, "ncalrpc calls carry no address, so addr: is never known", 0);
    }
}

static void find_open_door(struct lint *lint)
{
    const struct policy *policy = lint->policy;
    for (size_t i = 0; i + 1 < policy->rule_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        if (rule->condition_count || rule->block || !(rule->target & TARGET_FIREWALL)) {
            continue;
        }
        for (size_t k = i + 1; k < policy->rule_count; k++) {
            if (policy->rules[k].block) {
                warn(lint, rule, "allows everything, though a block follows in line %u",
                     policy->rules[k].place.line);
                return;
            }
        }
    }
}

void policy_lint(struct policy *policy)
{
    struct lint lint = {.policy = policy};
    for (size_t i = 0; i < policy->rule_count; i++) {
        find_impossible(&lint, &policy->rules[i]);
        find_shadow(&lint, i);
    }
    find_open_door(&lint);
    for (size_t i = 0; i < policy->set_count; i++) {
        if (!policy->sets[i].used) {
            diagnostics_add(&policy->diagnostics, DIAGNOSTIC_WARNING, &policy->sets[i].place, NULL,
                            "no rule uses the set '%s'", policy->sets[i].name);
        }
    }
    if (!policy->rule_count) {
        struct source_place whole = {.path = policy->sources[0].path};
        diagnostics_add(&policy->diagnostics, DIAGNOSTIC_WARNING, &whole, NULL,
                        "the policy has no rules: every call is allowed and none is audited");
    }
    diagnostics_sort(&policy->diagnostics);
}
