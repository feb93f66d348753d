/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy_reader.h"

#include <stdlib.h>
#include <string.h>

/* ---- option NAME VALUE ---- */

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

/* The agents run in another folder than the manager: only an absolute path is the same to all. */
static bool is_absolute_path(struct word path)
{
    bool drive = path.length > 3 && path.at[1] == ':' && (path.at[2] == '\\' || path.at[2] == '/');
    bool share = path.length > 1 && path.at[0] == '\\' && path.at[1] == '\\';
    return drive || share || (path.length > 1 && path.at[0] == '/');
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
    policy->json_path = copy_word(value);
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

static bool apply_unsupported(struct policy *policy, struct word value)
{
    policy->unsupported_closed = word_is(value, "closed");
    return policy->unsupported_closed || word_is(value, "open");
}

/* A domain is S-1-5-21 and three numbers ([MS-DTYP] 2.4.2.4). */
static bool apply_domain(struct policy *policy, struct word value)
{
    struct sid sid;
    if (!sid_parse(value.at, value.length, &sid) || sid.sub_authority_count != 4 ||
        sid.sub_authority[0] != 21) {
        return false;
    }
    policy->domain = sid;
    policy->has_domain = true;
    return true;
}

static const struct option_row option_rows[] = {
    {"json", "an absolute path, or off", apply_json},
    {"eventlog", "on or off", apply_eventlog},
    {"journal", "on or off", apply_journal},
    {"unknown", "strict or lenient", apply_unknown},
    {"unsupported", "open or closed", apply_unsupported},
    {"domain", "the SID of a domain, S-1-5-21-…", apply_domain},
};

#define OPTION_COUNT (sizeof(option_rows) / sizeof(option_rows[0]))

static void take_option(struct reader *reader, unsigned number, struct word name, struct word value)
{
    const struct option_row *row = &option_rows[number];
    struct policy *policy = reader->policy;
    if (policy->options_seen & 1u << number) {
        error_at(reader, name, NULL, "option %s stands twice", row->name);
    } else if (!value.length) {
        error_at(reader, name, NULL, "option %s needs a value: %s", row->name, row->values);
    } else if (!row->apply(policy, value)) {
        error_at(reader, value, NULL, "option %s takes %s, not '%.*s'", row->name, row->values,
                 shown(value.length), value.at);
    }
    policy->options_seen |= 1u << number;
}

void read_option(struct reader *reader, struct word directive, const char *at, const char *end)
{
    struct word name = next_word(&at, end);
    struct word value = rest_of_line(at, end);
    const char *names[OPTION_COUNT + 1] = {NULL};

    if (!name.length) {
        error_at(reader, directive, NULL, "option needs a name and a value");
        return;
    }
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        names[i] = option_rows[i].name;
        if (word_is(name, option_rows[i].name)) {
            take_option(reader, i, name, value);
            return;
        }
    }
    error_at(reader, name, closest_word(name.at, name.length, names), "unknown option '%.*s'",
             shown(name.length), name.at);
}

/* ---- set NAME value,value… ---- */

#define SET_NAME_MAX 64

struct policy_set *find_set(struct policy *policy, struct word name)
{
    for (size_t i = 0; i < policy->set_count; i++) {
        if (word_is(name, policy->sets[i].name)) {
            return &policy->sets[i];
        }
    }
    return NULL;
}

/* Whether all sets together may hold that many values more; reports it at `element` if not. */
static bool reserve_values(struct reader *reader, struct word element, size_t count)
{
    struct policy *policy = reader->policy;
    if (count > POLICY_SET_VALUES_MAX - policy->set_values) {
        error_at(reader, element, NULL, "the sets hold more than %lu values in all",
                 (unsigned long)POLICY_SET_VALUES_MAX);
        return false;
    }
    policy->set_values += count;
    return true;
}

static bool add_element(struct policy_set *set, const struct policy_set_element *element)
{
    /* Grown by doubling: room runs out when the count is a power of two. */
    if ((set->count & (set->count - 1)) == 0) {
        size_t capacity = set->count ? set->count * 2 : 1;
        struct policy_set_element *grown = realloc(set->elements, capacity * sizeof(*grown));
        if (!grown) {
            return false;
        }
        set->elements = grown;
    }
    set->elements[set->count++] = *element;
    return true;
}

/* Takes over what another set holds: `set all @dcs,@backup`. */
static bool add_other(struct reader *reader, struct policy_set *set, struct word element)
{
    struct word name = {element.at + 1, element.length - 1};
    struct policy_set *other = find_set(reader->policy, name);
    if (!other) {
        error_at(reader, element, NULL, "no set '%.*s' is defined before this line",
                 shown(name.length), name.at);
        return true;
    }
    other->used = true;
    if (!reserve_values(reader, element, other->count)) {
        return true;
    }
    for (size_t i = 0; i < other->count; i++) {
        if (!add_element(set, &other->elements[i])) {
            return false;
        }
    }
    return true;
}

/* False: out of memory. */
static bool add_elements(struct reader *reader, struct policy_set *set, struct word list)
{
    const size_t number = reader->policy->set_count; /* which the set will have */
    const char *end = list.at + list.length;
    const char *at = list.at;
    bool good = true;
    while (good) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        struct word value = {at, (size_t)((comma ? comma : end) - at)};
        struct policy_set_element element = {place_of(reader, value), number};
        if (!value.length) {
            error_at(reader, value, NULL, "a value is missing");
        } else if (value.at[0] == '@') {
            good = add_other(reader, set, value);
        } else if (reserve_values(reader, value, 1)) {
            good = add_element(set, &element);
        }
        if (!comma) {
            break;
        }
        at = comma + 1;
    }
    return good;
}

static bool is_set_name(struct word name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    for (size_t i = 0; i < name.length; i++) {
        if (!name.at[i] || !strchr(allowed, name.at[i])) {
            return false;
        }
    }
    return name.length && name.length <= SET_NAME_MAX;
}

static bool policy_add_set(struct policy *policy, const struct policy_set *set)
{
    struct policy_set *grown = realloc(policy->sets, (policy->set_count + 1) * sizeof(*grown));
    if (!grown) {
        return false;
    }
    policy->sets = grown;
    policy->sets[policy->set_count++] = *set;
    return true;
}

void read_set(struct reader *reader, struct word directive, const char *at, const char *end)
{
    struct word name = next_word(&at, end);
    struct word list = next_word(&at, end);
    struct word more = next_word(&at, end);
    struct policy_set set = {.place = place_of(reader, name)};

    if (!name.length || !list.length) {
        error_at(reader, name.length ? name : directive, NULL,
                 "a set needs a name and values: "
                 "set NAME VALUE,VALUE");
        return;
    }
    if (!is_set_name(name)) {
        error_at(reader, name, NULL,
                 "a set's name is 1 to %d letters, digits, '_', '.' and '-', without @",
                 SET_NAME_MAX);
        return;
    }
    struct policy_set *before = find_set(reader->policy, name);
    if (before) {
        error_at(reader, name, NULL, "the set '%s' is defined already, in line %lu of %s",
                 before->name, (unsigned long)before->place.line, before->place.path);
        return;
    }
    if (more.length) {
        error_at(reader, more, NULL, "the values of a set stand without blanks between them");
    }
    set.name = copy_word(name);
    if (!set.name || !add_elements(reader, &set, list) || !policy_add_set(reader->policy, &set)) {
        error_at(reader, name, NULL, "out of memory");
        free(set.name);
        free(set.elements);
    }
}
