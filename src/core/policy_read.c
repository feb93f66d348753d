/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/source_text.h"
#include "core/wildcard.h"

/* A run of bytes in the line being read. */
struct word {
    const char *at;
    size_t length;
};

struct reader {
    struct policy *policy;
    const struct policy_read_options *options;
    bool prefixed; /* some line of the file has fw:, flt: or all: */
    uint32_t options_seen;
    struct source_place place; /* of the line */
};

/* How much of a wrong word a message repeats. */
static int shown(size_t length)
{
    return length > 80 ? 80 : (int)length;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

static struct source_place place_of(const struct reader *reader, struct word word)
{
    struct source_place place = reader->place;
    place.column = (uint32_t)(word.at - place.text) + 1;
    place.span = (uint32_t)word.length;
    return place;
}

#define report(reader, severity, word, suggestion, ...)                                            \
    do {                                                                                           \
        struct source_place report_place = place_of(reader, word);                                 \
        diagnostics_add(&(reader)->policy->diagnostics, severity, &report_place, suggestion,       \
                        __VA_ARGS__);                                                              \
    } while (0)

#define error_at(reader, word, suggestion, ...)                                                    \
    report(reader, DIAGNOSTIC_ERROR, word, suggestion, __VA_ARGS__)
#define warning_at(reader, word, suggestion, ...)                                                  \
    report(reader, DIAGNOSTIC_WARNING, word, suggestion, __VA_ARGS__)

/* The next word at *at, up to a blank; empty at the end of the line or where a comment starts. */
static struct word next_word(const char **at, const char *end)
{
    while (*at < end && is_blank(**at)) {
        (*at)++;
    }
    struct word word = {*at, 0};
    if (*at < end && **at == '#') {
        *at = end;
        return word;
    }
    while (*at < end && !is_blank(**at)) {
        (*at)++;
    }
    word.length = (size_t)(*at - word.at);
    return word;
}

static char *copy_text(struct word word)
{
    char *copy = malloc(word.length + 1);
    if (copy) {
        memcpy(copy, word.at, word.length);
        copy[word.length] = '\0';
    }
    return copy;
}

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
    rule->name = copy_text(value);
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

/* Reads the comma list behind a condition's colon; reports every wrong element. */
static void read_values(struct reader *reader, struct policy_condition *condition, struct word list)
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
        struct value_error error = {0};
        struct value_reader values = {&condition->values, &reader->policy->pool, &error};
        if (!value.length) {
            struct word where = comma || at > list.at ? (struct word){at, comma ? 1 : 0} : list;
            error_at(reader, where, NULL, "a value is missing in %s: (for example %s:%s)",
                     key->name, key->name, key->example);
        } else if (!key->read(&values, value.at, value.length)) {
            error_at(reader, value, error.suggestion, "%s: %s", key->name, error.message);
        }
        if (!comma) {
            break;
        }
        at = comma + 1;
    }
    if (key->type->normalise) {
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
    size_t at = rule->condition_count++;
    while (at > 0 && conditions[at - 1].key > condition->key) {
        conditions[at] = conditions[at - 1];
        at--;
    }
    conditions[at] = *condition;
    rule->conditions = conditions;
    return true;
}

/* ---- Rules ---- */

/* Which keys a rule has had, a bit each: conditions first, then outcomes. */
static bool take_key(struct reader *reader, uint32_t *seen, unsigned bit, struct word key)
{
    if (*seen & 1u << bit) {
        error_at(reader, key, NULL, "the key '%.*s' stands twice in this rule", (int)key.length,
                 key.at);
        return false;
    }
    *seen |= 1u << bit;
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
    if (!value.length) {
        error_at(reader, key, NULL, "a value is missing behind '%s:' (for example %s:%s)",
                 condition_keys[number].name, condition_keys[number].name,
                 condition_keys[number].example);
        return;
    }
    read_values(reader, &condition, value);
    if (!condition.values.count || !rule_add_condition(rule, &condition)) {
        free(condition.values.items);
    }
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
    bool next_is_key = colon && condition_key_from_name(head.at, head.length) != KEY_COUNT;
    for (size_t i = 0; colon && i < OUTCOME_COUNT; i++) {
        next_is_key = next_is_key || word_is(head, outcome_keys[i].name);
    }
    if (!next_is_key) {
        *at = ahead;
    }
}

static void read_pair(struct reader *reader, struct policy_rule *rule, struct word pair,
                      uint32_t *seen, const char **at, const char *end)
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
        if (!take_key(reader, seen, number, key)) {
            return;
        }
        if (!value.length && next_word(&ahead, end).length) {
            report_space(reader, key, at, end);
            return;
        }
        read_condition(reader, rule, number, key, value);
        return;
    }
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        if (!word_is(key, outcome_keys[i].name)) {
            continue;
        }
        if (!take_key(reader, seen, KEY_COUNT + i, key)) {
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

static void rule_free(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        free(rule->conditions[i].values.items);
    }
    free(rule->conditions);
    free(rule->name);
}

static void read_rule(struct reader *reader, enum policy_target target, const char *at,
                      const char *end)
{
    struct policy_rule rule = {.target = target};
    uint32_t seen = 0;
    size_t errors_before = reader->policy->diagnostics.errors;
    struct word whole = {at, (size_t)(end - at)};
    rule.place = place_of(reader, whole);

    for (;;) {
        struct word pair = next_word(&at, end);
        if (!pair.length) {
            break;
        }
        read_pair(reader, &rule, pair, &seen, &at, end);
    }
    if (!seen && reader->policy->diagnostics.errors == errors_before) {
        whole.length = 0;
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
    rule_free(&rule);
}

/* ---- Options ---- */

struct option_row {
    const char *name;
    const char *values; /* for messages */
    /* False: the value is none of those. */
    bool (*apply)(struct policy *policy, struct word value);
};

static bool apply_switch(struct word value, bool *off)
{
    *off = word_is(value, "off");
    return *off || word_is(value, "on");
}

/* The agents run in another folder than the manager, so only an absolute path means the same file
 * to all. */
static bool is_absolute_path(struct word path)
{
    bool drive = path.length > 3 && path.at[1] == ':' && (path.at[2] == '\\' || path.at[2] == '/');
    return drive ||
           (path.length > 1 && (path.at[0] == '/' || (path.at[0] == '\\' && path.at[1] == '\\')));
}

static bool apply_json(struct policy *policy, struct word value)
{
    if (word_is(value, "off")) {
        policy->json_off = true;
        return true;
    }
    if (!is_absolute_path(value)) {
        return false;
    }
    policy->json_path = copy_text(value);
    return policy->json_path != NULL;
}

static bool apply_eventlog(struct policy *policy, struct word value)
{
    return apply_switch(value, &policy->eventlog_off);
}

static bool apply_journal(struct policy *policy, struct word value)
{
    return apply_switch(value, &policy->journal_off);
}

static bool apply_unknown(struct policy *policy, struct word value)
{
    policy->unknown_lenient = word_is(value, "lenient");
    return policy->unknown_lenient || word_is(value, "strict");
}

static const struct option_row option_rows[] = {
    {"json", "an absolute path, or off", apply_json},
    {"eventlog", "on or off", apply_eventlog},
    {"journal", "on or off", apply_journal},
    {"unknown", "strict or lenient", apply_unknown},
};

#define OPTION_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))

/* The rest of the line up to a comment, without blanks at its ends: paths may hold blanks. */
static struct word rest_of_line(const char *at, const char *end)
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    const char *stop = at;
    while (stop < end && !(*stop == '#' && (stop == at || is_blank(stop[-1])))) {
        stop++;
    }
    while (stop > at && is_blank(stop[-1])) {
        stop--;
    }
    return (struct word){at, (size_t)(stop - at)};
}

static void read_option(struct reader *reader, struct word directive, const char *at,
                        const char *end)
{
    struct word name = next_word(&at, end);
    struct word value = rest_of_line(at, end);
    const char *names[OPTION_COUNT + 1] = {NULL};

    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        names[i] = option_rows[i].name;
        if (!word_is(name, option_rows[i].name)) {
            continue;
        }
        if (reader->options_seen & 1u << i) {
            error_at(reader, name, NULL, "option %s stands twice", option_rows[i].name);
        } else if (!value.length) {
            error_at(reader, name, NULL, "option %s needs a value: %s", option_rows[i].name,
                     option_rows[i].values);
        } else if (!option_rows[i].apply(reader->policy, value)) {
            error_at(reader, value, NULL, "option %s takes %s, not '%.*s'", option_rows[i].name,
                     option_rows[i].values, shown(value.length), value.at);
        }
        reader->options_seen |= 1u << i;
        return;
    }
    if (!name.length) {
        error_at(reader, directive, NULL, "option needs a name and a value");
        return;
    }
    error_at(reader, name, closest_word(name.at, name.length, names), "unknown option '%.*s'",
             shown(name.length), name.at);
}

/* ---- Lines and files ---- */

static const struct {
    const char *text;
    enum policy_target target;
} prefixes[] = {{"fw:", TARGET_FIREWALL}, {"flt:", TARGET_FILTER}, {"all:", TARGET_ALL}};

#define PREFIX_COUNT (sizeof(prefixes) / sizeof(prefixes[0]))

/* The prefix that the line at `at` starts with: its length, and its target; 0: none. */
static size_t prefix_of(const char *at, const char *end, enum policy_target *target)
{
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        size_t length = strlen(prefixes[i].text);
        if ((size_t)(end - at) >= length && memcmp(at, prefixes[i].text, length) == 0) {
            *target = prefixes[i].target;
            return length;
        }
    }
    return 0;
}

/* "FW:": a prefix in the wrong case, whose file would else be read in the other form. */
static const char *misspelt_prefix(struct word word)
{
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        size_t length = strlen(prefixes[i].text);
        if (word.length >= length && wildcard_equal(prefixes[i].text, length, word.at, length)) {
            return prefixes[i].text;
        }
    }
    return NULL;
}

static void report_no_prefix(struct reader *reader, struct word first)
{
    const char *meant = misspelt_prefix(first);
    if (reader->options->compat && !meant) {
        warning_at(reader, first, NULL, "line without a prefix ignored");
        return;
    }
    error_at(reader, first, meant ? meant : "",
             "a line without fw:, flt: or all: in a file where others have one");
}

static void read_line(struct reader *reader, const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = text;
    enum policy_target target = TARGET_FIREWALL;

    reader->place.text = text;
    reader->place.text_length = length;
    if (length > POLICY_LINE_MAX) {
        reader->place.text = NULL;
        diagnostics_add(&reader->policy->diagnostics, DIAGNOSTIC_ERROR, &reader->place, NULL,
                        "the line is longer than %u bytes", POLICY_LINE_MAX);
        return;
    }
    size_t bad = source_text_bad_byte(text, length);
    if (bad < length) {
        error_at(reader, ((struct word){text + bad, 1}), NULL, "byte 0x%02x is not UTF-8 text",
                 (unsigned char)text[bad]);
        return;
    }
    const char *after_first = at;
    struct word first = next_word(&after_first, end);
    if (!first.length) {
        return;
    }
    if (word_is(first, "option")) {
        read_option(reader, first, after_first, end);
        return;
    }
    size_t prefix = prefix_of(first.at, end, &target);
    if (!prefix && reader->prefixed) {
        report_no_prefix(reader, first);
        return;
    }
    if (prefix && first.length == prefix && next_word(&after_first, end).length) {
        error_at(reader, first, NULL, "a space behind the prefix '%.*s'", (int)prefix, first.at);
        return;
    }
    read_rule(reader, target, first.at + prefix, end);
}

/* Calls `visit` for each line without its end, LF or CRLF. */
static void each_line(struct reader *reader, void (*visit)(struct reader *, const char *, size_t))
{
    const char *at = reader->policy->text;
    const char *end = at + reader->policy->text_size;
    reader->place.line = 0;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed ? feed : end;
        size_t length = (size_t)(stop - at);
        if (length && at[length - 1] == '\r') {
            length--;
        }
        reader->place.line++;
        visit(reader, at, length);
        at = feed ? feed + 1 : end;
    }
}

static void find_prefix(struct reader *reader, const char *text, size_t length)
{
    enum policy_target target;
    const char *at = text;
    struct word first = next_word(&at, text + length);
    if (first.length && prefix_of(first.at, text + length, &target)) {
        reader->prefixed = true;
    }
}

struct policy *policy_read(const char *path, const void *bytes, size_t size,
                           const struct policy_read_options *options)
{
    static const struct policy_read_options defaults = {0};
    struct policy *policy = calloc(1, sizeof(*policy));
    if (!policy) {
        return NULL;
    }
    struct reader reader = {.policy = policy, .options = options ? options : &defaults};
    const char *why = "out of memory";
    policy->path = copy_text((struct word){path, strlen(path)});
    if (policy->path) {
        reader.place.path = policy->path;
        policy->text = size > POLICY_FILE_MAX
                           ? (why = "the file is too large", NULL)
                           : source_text_decode(bytes, size, &policy->text_size, &why);
    }
    if (!policy->text) {
        diagnostics_add(&policy->diagnostics, DIAGNOSTIC_ERROR, &reader.place, NULL, "%s", why);
        return policy;
    }
    each_line(&reader, find_prefix);
    each_line(&reader, read_line);
    diagnostics_sort(&policy->diagnostics);
    return policy;
}

void policy_free(struct policy *policy)
{
    if (!policy) {
        return;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        rule_free(&policy->rules[i]);
    }
    free(policy->rules);
    free(policy->pool.bytes);
    free(policy->path);
    free(policy->text);
    free(policy->json_path);
    diagnostics_free(&policy->diagnostics);
    free(policy);
}
