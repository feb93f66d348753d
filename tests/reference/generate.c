/* SPDX-License-Identifier: Apache-2.0 */
#include "generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "universe.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Values ---- */

static void add_value(struct reference_policy *policy, const struct reference_value *value)
{
    if (policy->value_count == policy->value_capacity) {
        policy->value_capacity = policy->value_capacity ? policy->value_capacity * 2 : 1024;
        policy->values = realloc(policy->values, policy->value_capacity * sizeof(*policy->values));
        if (!policy->values) {
            abort();
        }
    }
    policy->values[policy->value_count++] = *value;
}

static void copy_values(struct reference_policy *policy, const struct reference_condition *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        struct reference_value value = policy->values[from->first + i];
        add_value(policy, &value);
    }
}

/* How many values a condition gets: mostly few, seldom many. */
static uint32_t draw_length(struct random_stream *stream, enum policy_key key)
{
    if (key == KEY_AUTH) {
        return 1;
    }
    if ((key == KEY_ADDR || key == KEY_SID || key == KEY_OPNUM) && random_chance(stream, 10)) {
        return 1 + random_below(stream, 12);
    }
    return 1 + random_below(stream, random_chance(stream, 60) ? 1 : 4);
}

static bool takes_sets(enum policy_key key)
{
    return key == KEY_UUID || key == KEY_ADDR || key == KEY_SID;
}

/* A set that this key can use, or NO_SET. */
static uint32_t draw_set(struct random_stream *stream, const struct reference_policy *policy,
                         enum policy_key key)
{
    uint32_t set = policy->set_count ? random_below(stream, policy->set_count) : NO_SET;
    bool usable = set != NO_SET && takes_sets(key) && policy->sets[set].key == key;
    return usable && random_chance(stream, 40) ? set : NO_SET;
}

static void draw_condition(struct random_stream *stream, struct reference_policy *policy,
                           enum policy_key key, struct reference_condition *out)
{
    uint32_t set = draw_set(stream, policy, key);
    uint32_t own = draw_length(stream, key);
    *out = (struct reference_condition){.present = true,
                                        .negated = random_chance(stream, 20),
                                        .first = policy->value_count,
                                        .set = set};
    if (set != NO_SET) {
        copy_values(policy, &policy->sets[set].values);
        out->set_values = policy->sets[set].values.count;
        own = random_below(stream, 3);
    }
    for (uint32_t i = 0; i < own; i++) {
        struct reference_value value = draw_value(stream, key);
        add_value(policy, &value);
    }
    out->count = policy->value_count - out->first;
}

/* ---- Rules ---- */

/* What the rules of one policy are like. */
struct shape {
    uint32_t keys[KEY_COUNT]; /* percent of the rules that have the key */
    uint32_t run;             /* percent of the rules that repeat the one before but for one key */
    enum policy_key run_key;  /* that key; KEY_COUNT: any */
    uint32_t outcome_changes; /* percent, within a run */
};

static struct shape draw_shape(struct random_stream *stream)
{
    static const enum policy_key run_keys[] = {KEY_ADDR, KEY_ADDR,  KEY_ADDR, KEY_SID,
                                               KEY_SID,  KEY_OPNUM, KEY_UUID, KEY_COUNT};
    struct shape shape = {.run_key = run_keys[random_below(stream, COUNT_OF(run_keys))]};
    static const uint32_t changes[] = {0, 5, 30, 100};
    uint32_t others = random_chance(stream, 60) ? 4 : 25;
    for (int key = 0; key < KEY_COUNT; key++) {
        shape.keys[key] = random_chance(stream, 50) ? others : 2;
    }
    shape.keys[KEY_UUID] = random_chance(stream, 80) ? 95 : 40;
    shape.keys[KEY_OPNUM] = random_chance(stream, 80) ? 80 : 20;
    shape.keys[KEY_ADDR] = random_below(stream, 100);
    shape.keys[KEY_SID] = random_below(stream, 60);
    shape.run = random_chance(stream, 40) ? 90 : random_chance(stream, 50) ? 30 : 0;
    shape.outcome_changes = changes[random_below(stream, COUNT_OF(changes))];
    return shape;
}

static void draw_outcome(struct random_stream *stream, struct reference_rule *rule)
{
    rule->block = random_chance(stream, 50);
    rule->audit = random_chance(stream, 50);
    rule->dry = rule->block && random_chance(stream, 15);
    rule->verbose = random_chance(stream, 10);
}

static void draw_target(struct random_stream *stream, const struct reference_policy *policy,
                        struct reference_rule *rule)
{
    uint32_t pick = policy->prefixed ? random_below(stream, 10) : 9;
    rule->for_agents = pick != 0;
    rule->for_filters = pick <= 2;
}

static void draw_rule(struct random_stream *stream, struct reference_policy *policy,
                      const struct shape *shape, struct reference_rule *rule)
{
    *rule = (struct reference_rule){0};
    for (int key = 0; key < KEY_COUNT; key++) {
        if (random_chance(stream, shape->keys[key])) {
            draw_condition(stream, policy, (enum policy_key)key, &rule->conditions[key]);
        }
    }
    draw_outcome(stream, rule);
}

/* The rule before with one condition drawn anew (or dropped), as lists of addresses are written. */
static void continue_run(struct random_stream *stream, struct reference_policy *policy,
                         const struct shape *shape, struct reference_rule *rule)
{
    enum policy_key key = shape->run_key;
    *rule = rule[-1];
    if (key == KEY_COUNT) {
        key = (enum policy_key)random_below(stream, KEY_COUNT);
    }
    if (random_chance(stream, 3)) {
        rule->conditions[key].present = false;
    } else {
        draw_condition(stream, policy, key, &rule->conditions[key]);
    }
    if (random_chance(stream, shape->outcome_changes)) {
        draw_outcome(stream, rule);
    }
}

static void draw_sets(struct random_stream *stream, struct reference_policy *policy)
{
    static const enum policy_key keys[] = {KEY_UUID, KEY_ADDR, KEY_SID};
    uint32_t count = random_chance(stream, 50) ? random_below(stream, REFERENCE_SETS_MAX + 1) : 0;
    policy->set_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct reference_set set = {.key = keys[random_below(stream, COUNT_OF(keys))]};
        draw_condition(stream, policy, set.key, &set.values);
        policy->sets[policy->set_count++] = set;
    }
}

/* Rules that stand side by side move into an included file. */
static void draw_included(struct random_stream *stream, struct reference_policy *policy)
{
    if (!random_chance(stream, 10)) {
        return;
    }
    uint32_t first = random_below(stream, policy->rule_count);
    uint32_t last = first + random_below(stream, policy->rule_count - first);
    for (uint32_t i = first; i <= last; i++) {
        policy->rules[i].included = true;
    }
}

void generate_policy(struct random_stream *stream, struct reference_policy *policy)
{
    static const uint32_t sizes[] = {1, 5, 20, 60, REFERENCE_RULES_MAX};
    struct shape shape = draw_shape(stream);
    policy->rule_count = 1 + random_below(stream, sizes[random_below(stream, COUNT_OF(sizes))]);
    policy->value_count = 0;
    policy->lenient = random_chance(stream, 25);
    policy->prefixed = random_chance(stream, 50);
    policy->spelling = random_bits(stream);
    draw_sets(stream, policy);
    for (uint32_t i = 0; i < policy->rule_count; i++) {
        struct reference_rule *rule = &policy->rules[i];
        if (i && random_chance(stream, shape.run)) {
            continue_run(stream, policy, &shape, rule);
        } else {
            draw_rule(stream, policy, &shape, rule);
        }
        draw_target(stream, policy, rule);
        rule->included = false;
        rule->name = random_chance(stream, 20) ? i + 1 : 0;
        rule->spelling = random_bits(stream);
    }
    draw_included(stream, policy);
}

void generated_policy_free(struct reference_policy *policy)
{
    free(policy->values);
    policy->values = NULL;
    policy->value_capacity = 0;
}

/* ---- Calls ---- */

static struct sid sid_of(const struct reference_sid *from)
{
    struct sid sid = {.revision = 1, .sub_authority_count = (uint8_t)from->count};
    for (int i = 0; i < 6; i++) {
        sid.identifier_authority[i] = (uint8_t)(from->authority >> (8 * (5 - i)));
    }
    memcpy(sid.sub_authority, from->sub_authority, sizeof(sid.sub_authority));
    return sid;
}

static struct ipaddr addr_of(address_number number)
{
    struct ipaddr addr;
    for (int i = 15; i >= 0; i--) {
        addr.bytes[i] = (uint8_t)number;
        number /= 256;
    }
    return addr;
}

static void set_version(struct call *call, uint32_t version)
{
    call->version_major = (uint16_t)(version >> 16);
    call->version_minor = (uint16_t)version;
}

/* A text that the pattern matches, or nearly. */
static struct text draw_text(struct random_stream *stream, const char *pattern, const char *prefix,
                             char out[GENERATED_TEXT_MAX])
{
    static const char fillers[] = "aB1$\\";
    size_t length = strlen(prefix);
    memcpy(out, prefix, length);
    for (; *pattern && length + 4 < GENERATED_TEXT_MAX; pattern++) {
        uint32_t fill = *pattern == '*' ? random_below(stream, 4) : *pattern == '?';
        for (uint32_t i = 0; i < fill; i++) {
            out[length++] = fillers[random_below(stream, sizeof(fillers) - 1)];
        }
        if (*pattern != '*' && *pattern != '?' && !random_chance(stream, 1)) {
            bool letter = (*pattern | 0x20) >= 'a' && (*pattern | 0x20) <= 'z';
            out[length++] =
                (char)(letter && random_chance(stream, 30) ? *pattern ^ 0x20 : *pattern);
        }
    }
    if (random_chance(stream, 1)) {
        out[length++] = '\0';
    }
    return (struct text){out, length};
}

/* Makes the call hold the value, or one next to it. */
static void aim_at(struct random_stream *stream, struct generated_call *out, enum policy_key key,
                   const struct reference_value *value)
{
    static const char *const pipes[] = {"", "\\pipe\\", "\\PIPE\\", "\\Pipe\\"};
    struct call *call = &out->call;
    uint32_t side = random_below(stream, 5);
    switch (key) {
    case KEY_UUID:
        call->interface = value->uuid;
        break;
    case KEY_OBJECT:
        call->object = value->uuid;
        break;
    case KEY_OPNUM:
        call->opnum = (uint16_t)(side == 0   ? value->range.first - 1
                                 : side == 1 ? value->range.last + 1
                                 : side == 2 ? value->range.last
                                             : value->range.first);
        break;
    case KEY_IFACE_VERSION:
        set_version(call, value->range.first);
        break;
    case KEY_PROT:
        call->protseq = (enum protseq)value->range.first;
        break;
    case KEY_ADDR:
        call->client_addr = addr_of(side == 0   ? value->addr.first - 1
                                    : side == 1 ? value->addr.last + 1
                                    : side == 2 ? value->addr.last
                                                : value->addr.first);
        break;
    case KEY_AUTH:
        call->authn_level = (uint8_t)(value->auth.level - (side == 0 && value->auth.level > 0));
        break;
    case KEY_SID:
        out->sids[random_below(stream, (uint32_t)call->sid_count + !call->sid_count)] =
            sid_of(&value->sid);
        break;
    case KEY_ENDPOINT:
        call->endpoint =
            draw_text(stream, value->text, pipes[random_below(stream, 4)], out->endpoint);
        break;
    case KEY_USER:
        call->principal = draw_text(stream, value->text, "", out->principal);
        break;
    case KEY_PROCESS:
        call->process = draw_text(stream, value->text, "", out->process);
        break;
    case KEY_COUNT:
        break;
    }
}

static void draw_known(struct random_stream *stream, struct generated_call *out)
{
    uint32_t percent = random_chance(stream, 60) ? 0 : 5 + random_below(stream, 30);
    out->known = 0;
    for (unsigned fact = 0; fact < FACT_COUNT; fact++) {
        /* An agent always knows the interface and the opnum; a reader of events may not. */
        uint32_t missing = fact <= FACT_OPNUM ? percent / 4 : percent;
        out->known |= random_chance(stream, missing) ? 0 : FACT_BIT(fact);
    }
}

void generate_call(struct random_stream *stream, const struct reference_policy *policy,
                   struct generated_call *out)
{
    const struct reference_rule *guide = &policy->rules[random_below(stream, policy->rule_count)];
    bool guided = random_chance(stream, 80);

    memset(&out->call, 0, sizeof(out->call));
    for (int i = 0; i < GENERATED_SIDS_MAX; i++) {
        struct reference_value value = draw_value(stream, KEY_SID);
        out->sids[i] = sid_of(&value.sid);
        out->sid_list[i] = &out->sids[i];
    }
    out->call.sids = out->sid_list;
    out->call.sid_count =
        random_below(stream, random_chance(stream, 50) ? 4 : GENERATED_SIDS_MAX + 1);
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct reference_condition *condition = &guide->conditions[key];
        struct reference_value value = draw_value(stream, (enum policy_key)key);
        if (guided && condition->present && !condition->negated && !random_chance(stream, 5)) {
            value = policy->values[condition->first + random_below(stream, condition->count)];
        } else if (key == KEY_PROT && value.range.first == PROTSEQ_NCALRPC &&
                   random_chance(stream, 70)) {
            value.range.first = PROTSEQ_UNKNOWN;
        }
        aim_at(stream, out, (enum policy_key)key, &value);
    }
    draw_known(stream, out);
}
