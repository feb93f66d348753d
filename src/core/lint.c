/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings about rules that are read without error and yet do not do what their author thinks.
 */
#include "core/authn.h"
#include "core/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * How many times a rule is compared with an earlier one. Only rules that can concern the same
 * interface are compared; what is beyond is left, with a warning: a million rules that all leave
 * the interface open would take hours.
 */
#define LINT_PAIRS_MAX 50000000u

/* A rule among those that name an interface. */
struct named_rule {
    struct guid uuid;
    uint32_t number;
};

struct lint {
    struct policy *policy;
    uint64_t pairs;
    bool cut;                 /* LINT_PAIRS_MAX was reached, and said */
    struct named_rule *named; /* a row for each interface of a rule; by interface and number */
    size_t named_count;
    uint32_t *others; /* the rules that name no interface, or only those that they exclude */
    size_t other_count;
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

/* Texts in the pool are folded already. */
static bool same_text(const char *pool, const struct image_pattern *a,
                      const struct image_pattern *b)
{
    return a->length == b->length && memcmp(pool + a->offset, pool + b->offset, a->length) == 0;
}

static bool value_covers(const struct policy *policy, enum policy_key key, const void *outer,
                         const void *inner)
{
    const char *pool = policy->pool.bytes;
    if (key == KEY_ENDPOINT) { /* a '*' in it is no wildcard */
        return same_text(pool, outer, inner);
    }
    return condition_keys[key].type->covers(outer, inner, pool, pool);
}

/* Whether every value of `inner` lies within some value of `outer`. */
static bool values_cover(const struct policy *policy, const struct policy_condition *outer,
                         const struct policy_condition *inner)
{
    for (size_t i = 0; i < inner->values.count; i++) {
        bool covered = false;
        for (size_t k = 0; k < outer->values.count && !covered; k++) {
            covered = value_covers(policy, outer->key, value_at(outer, k), value_at(inner, i));
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

static bool names_protseq(const struct policy_rule *rule, enum protseq protseq)
{
    const struct policy_condition *prot = find_condition(rule, KEY_PROT);
    for (size_t i = 0; prot && !prot->negated && i < prot->values.count; i++) {
        if (*(const uint32_t *)value_at(prot, i) == (uint32_t)protseq) {
            return true;
        }
    }
    return false;
}

static bool names_only_protseq(const struct policy_rule *rule, enum protseq protseq)
{
    const struct policy_condition *prot = find_condition(rule, KEY_PROT);
    return prot && prot->values.count == 1 && names_protseq(rule, protseq);
}

/* Whether `outer` holds for every call that `inner` matches and of which all is known that `outer`
 * asks for. */
static bool rule_covers_known(const struct policy *policy, const struct policy_rule *outer,
                              const struct policy_rule *inner)
{
    /* Only rules that name ncalrpc see local calls. */
    if (names_protseq(inner, PROTSEQ_NCALRPC) && !names_protseq(outer, PROTSEQ_NCALRPC)) {
        return false;
    }
    for (size_t i = 0; i < outer->condition_count; i++) {
        const struct policy_condition *same = find_condition(inner, outer->conditions[i].key);
        if (!same || !condition_covers(policy, &outer->conditions[i], same)) {
            return false;
        }
    }
    return (outer->target & inner->target) == inner->target;
}

/* For such a rule: whether what is unknown of a call makes no difference. A blocking rule matches
 * what is unknown, an allowing one does not. */
static bool covers_unknown(const struct policy *policy, const struct policy_rule *outer,
                           const struct policy_rule *inner)
{
    return outer->block || !inner->block || !outer->condition_count || policy->unknown_lenient;
}

static bool same_outcome(const struct policy_rule *a, const struct policy_rule *b)
{
    return a->block == b->block && (a->audit || a->dry) == (b->audit || b->dry) &&
           a->dry == b->dry && a->verbose == b->verbose;
}

#define warn(lint, rule, ...)                                                                      \
    diagnostics_add(&(lint)->policy->diagnostics, DIAGNOSTIC_WARNING, &(rule)->place, NULL,        \
                    __VA_ARGS__)

/* Texts that a warning is put together from. */
#define PLACE_MAX 160
#define KEYS_MAX  128

/* "line 7", or "FILE:7" for a rule of another file than the one that the warning is about. */
static const char *name_place(const struct policy_rule *rule, const struct policy_rule *about,
                              char text[PLACE_MAX])
{
    if (rule->place.file == about->place.file) {
        snprintf(text, PLACE_MAX, "line %lu", (unsigned long)rule->place.line);
        return text;
    }
    const char *path = rule->place.path;
    size_t length = strlen(path);
    const size_t most = PLACE_MAX - sizeof(":4294967295");
    path += length > most ? length - most : 0; /* the end tells more */
    while (((unsigned char)*path & 0xc0) == 0x80) {
        path++;
    }
    snprintf(text, PLACE_MAX, "%s:%lu", path, (unsigned long)rule->place.line);
    return text;
}

/* "uuid:, opnum: or addr:": what the rule asks for. */
static const char *name_keys(const struct policy_rule *rule, char text[KEYS_MAX])
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < rule->condition_count; i++) {
        const char *separator = i + 1 < rule->condition_count ? ", " : " or ";
        length += (size_t)snprintf(text + length, KEYS_MAX - length, "%s%s:", i ? separator : "",
                                   condition_keys[rule->conditions[i].key].name);
    }
    return text;
}

static void warn_covered(struct lint *lint, const struct policy_rule *rule,
                         const struct policy_rule *earlier)
{
    char place[PLACE_MAX];
    char keys[KEYS_MAX];
    bool same = rule_covers_known(lint->policy, rule, earlier);
    name_place(earlier, rule, place);
    if (!covers_unknown(lint->policy, earlier, rule)) {
        warn(lint, rule, "%s %s: this rule decides only calls of which %s is unknown", place,
             same ? "has the same conditions, another outcome, and comes first"
                  : "comes first and allows what this rule would block",
             name_keys(earlier, keys));
    } else if (same) {
        warn(lint, rule,
             same_outcome(earlier, rule)
                 ? "duplicate: same conditions and outcome as %s"
                 : "contradiction: %s has the same conditions and another outcome, and decides "
                   "first",
             place);
    } else if (!earlier->condition_count && !earlier->block) {
        warn(lint, rule, "never reached: %s allows everything before it", place);
    } else {
        warn(lint, rule, "never reached: %s matches every call that this rule matches", place);
    }
}

/* ---- Pairs of rules ---- */

static int order_named(const void *a, const void *b)
{
    const struct named_rule *x = a;
    const struct named_rule *y = b;
    int order = guid_compare(&x->uuid, &y->uuid);
    return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

/* The interfaces that the rule is about, or NULL: it can concern any. */
static const struct policy_condition *named_interfaces(const struct policy_rule *rule)
{
    const struct policy_condition *uuid = find_condition(rule, KEY_UUID);
    return uuid && !uuid->negated && uuid->values.count ? uuid : NULL;
}

static bool sort_rules(struct lint *lint)
{
    const struct policy *policy = lint->policy;
    size_t named = 0;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct policy_condition *uuid = named_interfaces(&policy->rules[i]);
        named += uuid ? uuid->values.count : 0;
    }
    lint->named = malloc((named + 1) * sizeof(*lint->named));
    lint->others = malloc((policy->rule_count + 1) * sizeof(*lint->others));
    if (!lint->named || !lint->others) {
        return false;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct policy_condition *uuid = named_interfaces(&policy->rules[i]);
        if (!uuid) {
            lint->others[lint->other_count++] = (uint32_t)i;
        }
        for (size_t k = 0; uuid && k < uuid->values.count; k++) {
            struct named_rule *row = &lint->named[lint->named_count++];
            memcpy(&row->uuid, value_at(uuid, k), sizeof(row->uuid));
            row->number = (uint32_t)i;
        }
    }
    qsort(lint->named, lint->named_count, sizeof(*lint->named), order_named);
    return true;
}

/* The first row of the interface. */
static size_t find_named(const struct lint *lint, const struct guid *uuid)
{
    size_t low = 0;
    size_t high = lint->named_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (guid_compare(&lint->named[middle].uuid, uuid) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The earlier rules that can take calls from a rule, in their order: those that name its first
 * interface and those that name none. */
struct earlier_rules {
    const struct lint *lint;
    const struct guid *uuid; /* NULL: the rule names none */
    size_t named;
    size_t other;
};

static uint32_t next_earlier(struct earlier_rules *rules)
{
    const struct lint *lint = rules->lint;
    uint32_t named = UINT32_MAX;
    uint32_t other = UINT32_MAX;
    if (rules->uuid && rules->named < lint->named_count &&
        guid_equal(&lint->named[rules->named].uuid, rules->uuid)) {
        named = lint->named[rules->named].number;
    }
    if (rules->other < lint->other_count) {
        other = lint->others[rules->other];
    }
    if (named < other) {
        rules->named++;
        return named;
    }
    rules->other++;
    return other;
}

/* Counts a comparison; false, with a warning, when there were too many. */
static bool may_compare(struct lint *lint, const struct policy_rule *rule)
{
    if (lint->pairs++ < LINT_PAIRS_MAX) {
        return true;
    }
    warn(lint, rule, "rules from line %lu on were not compared with all earlier ones: too many",
         (unsigned long)rule->place.line);
    lint->cut = true;
    return false;
}

/* Says when an earlier rule takes every call that this one could decide. */
static void find_shadow(struct lint *lint, size_t number)
{
    const struct policy *policy = lint->policy;
    const struct policy_rule *rule = &policy->rules[number];
    const struct policy_condition *uuid = named_interfaces(rule);
    const struct policy_rule *found = NULL;
    struct earlier_rules rules = {.lint = lint};
    if (uuid) {
        rules.uuid = value_at(uuid, 0);
        rules.named = find_named(lint, rules.uuid);
    }
    for (uint32_t i; (i = next_earlier(&rules)) < number;) {
        const struct policy_rule *earlier = &policy->rules[i];
        if (!may_compare(lint, rule)) {
            return;
        }
        if (!rule_covers_known(policy, earlier, rule)) {
            continue;
        }
        if (covers_unknown(policy, earlier, rule)) {
            found = earlier;
            break;
        }
        found = found ? found : earlier;
    }
    if (found) {
        warn_covered(lint, rule, found);
    }
}

/* ---- Single rules ---- */

static bool covers_all_opnums(const struct policy_condition *condition)
{
    const struct image_range *range = condition->values.items;
    return condition->values.count == 1 && range->first == 0 && range->last == UINT16_MAX;
}

/* For a condition that no known value fulfils. */
static void warn_impossible(struct lint *lint, const struct policy_rule *rule, enum policy_key key,
                            const char *why)
{
    if (rule->block && !lint->policy->unknown_lenient) {
        warn(lint, rule, "matches only calls of which %s: is unknown: %s", condition_keys[key].name,
             why);
    } else {
        warn(lint, rule, "can never match: %s", why);
    }
}

static bool is_port(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return length > 0;
}

static bool names_only_pipes(const struct policy *policy, const struct policy_condition *endpoint)
{
    for (size_t i = 0; i < endpoint->values.count; i++) {
        const struct image_pattern *name = value_at(endpoint, i);
        if (is_port(policy->pool.bytes + name->offset, name->length)) {
            return false;
        }
    }
    return !endpoint->negated;
}

/* A rule whose conditions contradict themselves. */
static void find_impossible(struct lint *lint, const struct policy_rule *rule)
{
    const struct policy_condition *opnum = find_condition(rule, KEY_OPNUM);
    const struct policy_condition *auth = find_condition(rule, KEY_AUTH);
    const struct policy_condition *endpoint = find_condition(rule, KEY_ENDPOINT);

    if (opnum && opnum->negated && covers_all_opnums(opnum)) {
        warn_impossible(lint, rule, KEY_OPNUM, "opnum:! excludes every opnum");
    }
    /* "<none" is below the lowest level that a call can have. */
    if (auth && !auth->negated &&
        *(const uint32_t *)auth->values.items == (AUTH_WEAKER | AUTHN_LEVEL_NONE)) {
        warn_impossible(lint, rule, KEY_AUTH, "no call is weaker than none");
    }
    if (names_only_protseq(rule, PROTSEQ_NCALRPC) && find_condition(rule, KEY_ADDR)) {
        warn(lint, rule, "ncalrpc calls carry no address, so addr: is never known");
    }
    /* Said of blocks alone, which leave open what looks shut: a learned allow is what was seen. */
    if (rule->block && names_only_protseq(rule, PROTSEQ_NCACN_IP_TCP) && endpoint &&
        names_only_pipes(lint->policy, endpoint)) {
        warn(lint, rule, "ncacn_ip_tcp calls come to a port, and endpoint: names only pipes");
    }
}

static void warn_open_door(struct lint *lint, const struct policy_rule *allow,
                           const struct policy_rule *block)
{
    char place[PLACE_MAX];
    warn(lint, allow, "allows everything, though a block follows in %s",
         name_place(block, allow, place));
}

/* The first rule that allows everything and stands before a block for the same target. */
static void find_open_door(struct lint *lint)
{
    const struct policy *policy = lint->policy;
    const struct policy_rule *blocks[TARGET_FILTER + 1] = {NULL}; /* the next for each target */
    const struct policy_rule *allow = NULL;
    const struct policy_rule *block = NULL;
    for (size_t i = policy->rule_count; i-- > 0;) {
        const struct policy_rule *rule = &policy->rules[i];
        for (unsigned target = TARGET_FIREWALL; target <= TARGET_FILTER; target++) {
            if (!(rule->target & target)) {
                continue;
            }
            if (rule->block && !names_only_protseq(rule, PROTSEQ_NCALRPC)) {
                blocks[target] = rule;
            } else if (!rule->condition_count && !rule->block && blocks[target]) {
                block = allow == rule && block < blocks[target] ? block : blocks[target];
                allow = rule;
            }
        }
    }
    if (allow) {
        warn_open_door(lint, allow, block);
    }
}

static int order_names(const void *a, const void *b)
{
    const struct policy_rule *x = *(const struct policy_rule *const *)a;
    const struct policy_rule *y = *(const struct policy_rule *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : x < y ? -1 : x > y;
}

/* Events name a rule by its id: two rules of one name cannot be told apart. */
static bool find_repeated_names(struct lint *lint)
{
    const struct policy *policy = lint->policy;
    const struct policy_rule **named = malloc((policy->rule_count + 1) * sizeof(*named));
    char place[PLACE_MAX];
    size_t count = 0;
    if (!named) {
        return false;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->rules[i].name) {
            named[count++] = &policy->rules[i];
        }
    }
    qsort(named, count, sizeof(*named), order_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(named[i - 1]->name, named[i]->name) == 0) {
            warn(lint, named[i], "id:%s is also that of %s: events cannot tell the two apart",
                 named[i]->name, name_place(named[i - 1], named[i], place));
        }
    }
    free(named);
    return true;
}

static bool lint_rules(struct lint *lint)
{
    const struct policy *policy = lint->policy;
    bool done = sort_rules(lint);
    for (size_t i = 0; done && i < policy->rule_count; i++) {
        find_impossible(lint, &policy->rules[i]);
        if (!lint->cut) {
            find_shadow(lint, i);
        }
    }
    free(lint->named);
    free(lint->others);
    find_open_door(lint);
    return done && find_repeated_names(lint);
}

void policy_lint(struct policy *policy)
{
    struct lint lint = {.policy = policy};
    policy->diagnostics.out_of_memory |= !lint_rules(&lint);
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
