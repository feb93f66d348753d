/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy_reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/wildcard.h"

/* ---- Outcome keys ---- */

struct outcome_key {
    const char *name;
    /* Sets the rule's member from the value; false after it reported what is wrong. */
    bool (*apply)(struct reader *reader, struct policy_rule *rule, struct word value);
};

static bool apply_action(struct reader *reader, struct policy_rule *rule, struct word value)
{
    static const char *const actions[] = {"allow", "block", NULL};
    static const char *const blocks[] = {"deny", "drop", "reject", "refuse", "forbid", NULL};
    static const char *const allows[] = {"accept", "permit", "pass", NULL};

    if (word_is(value, "block") || word_is(value, "allow")) {
        rule->block = value.at[0] == 'b';
        return true;
    }
    const char *meant = closest_word(value.at, value.length, actions);
    if (!meant && closest_word(value.at, value.length, blocks)) {
        meant = "block";
    }
    if (!meant && closest_word(value.at, value.length, allows)) {
        meant = "allow";
    }
    error_at(reader, value, meant, "'%.*s' is not an action (allow or block)", shown(value.length),
             value.at);
    return false;
}

static bool read_boolean(struct reader *reader, struct word value, const char *key, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "y", NULL};
    static const char *const no[] = {"false", "no", "off", "0", "n", NULL};
    if (word_is(value, "true") || word_is(value, "false")) {
        *out = value.at[0] == 't';
        return true;
    }
    const char *meant = NULL;
    for (size_t i = 0; yes[i]; i++) {
        char lower[8] = {0};
        for (size_t k = 0; k < value.length && value.length < sizeof(lower); k++) {
            lower[k] = wildcard_fold(value.at[k]);
        }
        meant = strcmp(lower, yes[i]) == 0 ? "true" : strcmp(lower, no[i]) == 0 ? "false" : meant;
    }
    if (!meant) {
        static const char *const both[] = {"true", "false", NULL};
        meant = closest_word(value.at, value.length, both);
    }
    error_at(reader, value, meant, "%s: takes true or false, not '%.*s'", key, shown(value.length),
             value.at);
    return false;
}

static bool apply_audit(struct reader *reader, struct policy_rule *rule, struct word value)
{
    return read_boolean(reader, value, "audit", &rule->audit);
}

static bool apply_dry(struct reader *reader, struct policy_rule *rule, struct word value)
{
    return read_boolean(reader, value, "dry", &rule->dry);
}

static bool apply_verbose(struct reader *reader, struct policy_rule *rule, struct word value)
{
    return read_boolean(reader, value, "verbose", &rule->verbose);
}

#define RULE_NAME_MAX 64

static bool apply_id(struct reader *reader, struct policy_rule *rule, struct word value)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t good = 0;
    while (good < value.length && strchr(allowed, value.at[good])) {
        good++;
    }
    if (!value.length || good != value.length || value.length > RULE_NAME_MAX) {
        error_at(reader, value, NULL,
                 "id: takes a name of 1 to %d letters, digits, '_', '.' and '-'", RULE_NAME_MAX);
        return false;
    }
    rule->name = copy_word(value);
    if (!rule->name) {
        error_at(reader, value, NULL, "out of memory");
    }
    return rule->name != NULL;
}

static const struct outcome_key outcome_keys[] = {
    {"action", apply_action},   {"audit", apply_audit}, {"dry", apply_dry},
    {"verbose", apply_verbose}, {"id", apply_id},
};

#define OUTCOME_COUNT (sizeof(outcome_keys) / sizeof(outcome_keys[0]))

/* ---- Conditions ---- */

static void report_unknown_key(struct reader *reader, struct word key)
{
    const char *names[KEY_COUNT + OUTCOME_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        names[count++] = condition_keys[i].name;
    }
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        names[count++] = outcome_keys[i].name;
    }
    names[count] = NULL;
    error_at(reader, key, closest_word(key.at, key.length, names), "unknown key '%.*s'",
             shown(key.length), key.at);
}

/* What the readers of values may ask of the rule and the policy around them. */
static struct value_context context_of(const struct reader *reader, const struct policy_rule *rule)
{
    const struct policy *policy = reader->policy;
    const struct policy_condition *first = rule->condition_count ? &rule->conditions[0] : NULL;
    struct value_context context = {.domain = policy->has_domain ? &policy->domain
                                                                 : reader->options->domain};
    if (first && first->key == KEY_UUID && !first->negated) {
        context.interfaces = first->values.items;
        context.interface_count = first->values.count;
    }
    return context;
}

/* Reports a wrong value of a set, unless an earlier rule met it in the same key. */
static void report_element(struct reader *reader, enum policy_key key,
                           const struct policy_set_element *element,
                           const struct value_error *error)
{
    const struct policy_set *owner = &reader->policy->sets[element->set];
    if (!(owner->reported & 1u << key)) {
        diagnostics_add(&reader->policy->diagnostics, DIAGNOSTIC_ERROR, &element->place,
                        error->suggestion, "set %s, used in %s: %s", owner->name,
                        condition_keys[key].name, error->message);
    }
}

/* The values of a set, each read as the key reads it; what is wrong is reported where it stands. */
static void read_set_values(struct reader *reader, struct policy_condition *condition,
                            const struct value_context *context, struct word element)
{
    const struct condition_key *key = &condition_keys[condition->key];
    struct word name = {element.at + 1, element.length - 1};
    struct policy_set *set = find_set(reader->policy, name);
    if (!set) {
        error_at(reader, element, NULL, "no set '%.*s' is defined before this line",
                 shown(name.length), name.at);
        return;
    }
    set->used = true;
    reader->policy->values_from_sets += set->count;
    if (reader->policy->values_from_sets > POLICY_TAKEN_VALUES_MAX) {
        error_at(reader, element, NULL, "the rules take more than %lu values from sets",
                 (unsigned long)POLICY_TAKEN_VALUES_MAX);
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct source_place *place = &set->elements[i].place;
        struct value_error error = {0};
        struct value_reader values = {&condition->values, &reader->policy->pool, context, &error};
        if (!key->read(&values, place->text + place->column - 1, place->span)) {
            report_element(reader, condition->key, &set->elements[i], &error);
        }
    }
    for (size_t i = 0; i < set->count; i++) {
        reader->policy->sets[set->elements[i].set].reported |= 1u << condition->key;
    }
}

static void read_value(struct reader *reader, struct policy_condition *condition,
                       const struct value_context *context, struct word value)
{
    const struct condition_key *key = &condition_keys[condition->key];
    struct value_error error = {0};
    struct value_reader values = {&condition->values, &reader->policy->pool, context, &error};
    if (key->sets && value.length && value.at[0] == '@') {
        read_set_values(reader, condition, context, value);
    } else if (!value.length) {
        error_at(reader, value, NULL, "a value is missing in %s: (for example %s:%s)", key->name,
                 key->name, key->example);
    } else if (!key->read(&values, value.at, value.length)) {
        error_at(reader, value, error.suggestion, "%s: %s", key->name, error.message);
    }
}

/* Reads the comma list behind a condition's colon; reports every wrong element. */
static void read_values(struct reader *reader, struct policy_condition *condition,
                        const struct value_context *context, struct word list)
{
    const struct condition_key *key = &condition_keys[condition->key];
    const char *end = list.at + list.length;
    const char *at = list.at;

    if (list.length && *at == '!') {
        condition->negated = true;
        at++;
    }
    for (;;) {
        const char *comma = key->multiple ? memchr(at, ',', (size_t)(end - at)) : NULL;
        struct word value = {at, (size_t)((comma ? comma : end) - at)};
        read_value(reader, condition, context, value);
        if (!comma) {
            break;
        }
        at = comma + 1;
    }
    if (key->type->normalise && condition->values.count) {
        condition->values.count =
            key->type->normalise(condition->values.items, condition->values.count);
    }
}

static bool rule_add_condition(struct policy_rule *rule, const struct policy_condition *condition)
{
    size_t size = (rule->condition_count + 1) * sizeof(*rule->conditions);
    struct policy_condition *conditions = realloc(rule->conditions, size);
    if (!conditions) {
        return false;
    }
    conditions[rule->condition_count++] = *condition;
    rule->conditions = conditions;
    return true;
}

/* ---- Rules ---- */

/* The words of a rule, by key: conditions are read in the order of their keys, so that opnum: finds
 * the interfaces that uuid: names, whichever comes first in the line. */
struct rule_words {
    uint32_t seen; /* a bit for each enum policy_key, then one for each outcome */
    struct word key[KEY_COUNT];
    struct word value[KEY_COUNT]; /* length 0: reported already */
};

static bool take_key(struct reader *reader, struct rule_words *words, unsigned bit, struct word key)
{
    if (words->seen & 1u << bit) {
        error_at(reader, key, NULL, "the key '%.*s' stands twice in this rule", (int)key.length,
                 key.at);
        return false;
    }
    words->seen |= 1u << bit;
    return true;
}

static void read_outcome(struct reader *reader, struct policy_rule *rule,
                         const struct outcome_key *outcome, struct word key, struct word value)
{
    if (!value.length) {
        error_at(reader, key, NULL, "a value is missing behind '%s:'", outcome->name);
        return;
    }
    outcome->apply(reader, rule, value);
}

static void read_condition(struct reader *reader, struct policy_rule *rule, enum policy_key number,
                           struct word key, struct word value)
{
    struct policy_condition condition = {.key = number, .column = place_of(reader, key).column};
    struct value_context context = context_of(reader, rule);
    read_values(reader, &condition, &context, value);
    if (!condition.values.count || !rule_add_condition(rule, &condition)) {
        free(condition.values.items);
    }
}

static void keep_condition(struct reader *reader, struct rule_words *words, enum policy_key number,
                           struct word key, struct word value)
{
    if (!value.length) {
        error_at(reader, key, NULL, "a value is missing behind '%s:' (for example %s:%s)",
                 condition_keys[number].name, condition_keys[number].name,
                 condition_keys[number].example);
        return;
    }
    words->key[number] = key;
    words->value[number] = value;
}

bool is_rule_key(struct word name)
{
    bool known = condition_key_from_name(name.at, name.length) != KEY_COUNT;
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        known = known || word_is(name, outcome_keys[i].name);
    }
    return known;
}

/* "uuid: X": the value was put behind a space. Says so and takes the value away, which is no key of
 * its own. */
static void report_space(struct reader *reader, struct word key, const char **at, const char *end)
{
    const char *ahead = *at;
    struct word next = next_word(&ahead, end);
    error_at(reader, key, NULL, "a space behind '%.*s:'; the value must follow the colon at once",
             shown(key.length), key.at);
    const char *colon = memchr(next.at, ':', next.length);
    struct word head = {next.at, colon ? (size_t)(colon - next.at) : 0};
    if (!colon || !is_rule_key(head)) {
        *at = ahead;
    }
}

static void read_pair(struct reader *reader, struct policy_rule *rule, struct word pair,
                      struct rule_words *words, const char **at, const char *end)
{
    const char *colon = memchr(pair.at, ':', pair.length);
    if (!colon) {
        error_at(reader, pair, NULL, "'%.*s' is not a condition or an outcome (key:value)",
                 shown(pair.length), pair.at);
        return;
    }
    struct word key = {pair.at, (size_t)(colon - pair.at)};
    struct word value = {colon + 1, pair.length - key.length - 1};
    enum policy_key number = condition_key_from_name(key.at, key.length);
    const char *ahead = *at;

    if (number != KEY_COUNT) {
        if (!take_key(reader, words, number, key)) {
            return;
        }
        if (!value.length && next_word(&ahead, end).length) {
            report_space(reader, key, at, end);
            return;
        }
        keep_condition(reader, words, number, key, value);
        return;
    }
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (!word_is(key, outcome_keys[i].name)) {
            continue;
        }
        if (!take_key(reader, words, KEY_COUNT + i, key)) {
            return;
        }
        if (!value.length && next_word(&ahead, end).length) {
            report_space(reader, key, at, end);
            return;
        }
        read_outcome(reader, rule, &outcome_keys[i], key, value);
        return;
    }
    report_unknown_key(reader, key);
}

static bool policy_add_rule(struct policy *policy, const struct policy_rule *rule)
{
    if (policy->rule_count == policy->rule_capacity) {
        size_t capacity = policy->rule_capacity ? policy->rule_capacity * 2 : 64;
        struct policy_rule *rules = realloc(policy->rules, capacity * sizeof(*rules));
        if (!rules) {
            return false;
        }
        policy->rules = rules;
        policy->rule_capacity = capacity;
    }
    policy->rules[policy->rule_count++] = *rule;
    return true;
}

static void read_words(struct reader *reader, struct policy_rule *rule, struct rule_words *words,
                       const char *at, const char *end)
{
    for (;;) {
        struct word pair = next_word(&at, end);
        if (!pair.length) {
            break;
        }
        read_pair(reader, rule, pair, words, &at, end);
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        if (words->value[key].length) {
            read_condition(reader, rule, (enum policy_key)key, words->key[key], words->value[key]);
        }
    }
}

void read_rule(struct reader *reader, enum policy_target target, const char *at, const char *end)
{
    struct policy_rule rule = {.target = target};
    struct rule_words words = {0};
    size_t errors_before = reader->policy->diagnostics.errors;
    struct word whole = {at, (size_t)(end - at)};
    rule.place = place_of(reader, whole);
    whole.length = 0;

    read_words(reader, &rule, &words, at, end);
    if (!words.seen && reader->policy->diagnostics.errors == errors_before) {
        error_at(reader, whole, NULL, "a rule needs a condition or an outcome");
    }
    if (rule.dry && !rule.block) {
        error_at(reader, whole, NULL, "dry:true is for rules with action:block");
    }
    if (reader->policy->rule_count == POLICY_RULES_MAX) {
        error_at(reader, whole, NULL, "more than %u rules", POLICY_RULES_MAX);
    } else if (policy_add_rule(reader->policy, &rule)) {
        return;
    } else {
        error_at(reader, whole, NULL, "out of memory");
    }
    policy_rule_free(&rule);
}
