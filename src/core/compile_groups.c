/* SPDX-License-Identifier: Apache-2.0 */
#include "core/compile_groups.h"

#include <stdlib.h>
#include <string.h>

#include "core/address_table.h"
#include "core/sid_table.h"

struct run {
    const uint32_t *rules;
    size_t count;
    uint32_t asked;
    enum policy_key key; /* in which the rules differ; KEY_COUNT: a single rule */
};

static const struct policy_condition *find(const struct policy_rule *rule, enum policy_key key)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (rule->conditions[i].key == key) {
            return &rule->conditions[i];
        }
    }
    return NULL;
}

static bool equal_values(const struct policy *policy, const struct policy_condition *a,
                         const struct policy_condition *b)
{
    const struct condition_type *type = condition_keys[a->key].type;
    if (a->negated != b->negated || a->values.count != b->values.count) {
        return false;
    }
    if (!type->is_text) {
        return memcmp(a->values.items, b->values.items, a->values.count * type->size) == 0;
    }
    const struct image_pattern *x = a->values.items;
    const struct image_pattern *y = b->values.items;
    for (size_t i = 0; i < a->values.count; i++) {
        if (x[i].length != y[i].length ||
            memcmp(policy->pool.bytes + x[i].offset, policy->pool.bytes + y[i].offset,
                   x[i].length) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether a rule can be one of many that differ in `key`. */
static bool can_vary(const struct policy_rule *rule, enum policy_key key)
{
    const struct policy_condition *condition = find(rule, key);
    /* "Not one of these SIDs" is no matter of looking up the caller's. */
    return condition && (key == KEY_ADDR || !condition->negated);
}

static bool has_shared_condition(const struct policy_rule *rule, uint32_t asked,
                                 enum policy_key key)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        enum policy_key one = rule->conditions[i].key;
        if (one != key && !(asked & GROUP_ASKED(one))) {
            return true;
        }
    }
    return false;
}

/* Whether two rules ask the same of a call but for `key` and for what the list stands for. */
static bool same_but_for(const struct policy *policy, const struct policy_rule *a,
                         const struct policy_rule *b, uint32_t asked, enum policy_key key)
{
    for (int one = 0; one < KEY_COUNT; one++) {
        if (one == (int)key || (asked & GROUP_ASKED(one))) {
            continue;
        }
        const struct policy_condition *x = find(a, (enum policy_key)one);
        const struct policy_condition *y = find(b, (enum policy_key)one);
        if (!x != !y || (x && !equal_values(policy, x, y))) {
            return false;
        }
    }
    /* A shared condition may be unknown; then the outcome says whether the rules match, and the
     * table cannot tell two outcomes apart. */
    return a->block == b->block || !has_shared_condition(a, asked, key);
}

static bool joins(const struct compiler *compiler, const struct run *run, uint32_t number,
                  enum policy_key key)
{
    const struct policy_rule *first = compiler->source[run->rules[0]];
    const struct policy_rule *next = compiler->source[number];
    return can_vary(first, key) && can_vary(next, key) &&
           same_but_for(compiler->policy, first, next, run->asked, key);
}

/* The longest run that begins with the first of `count` rules. */
static struct run find_run(const struct compiler *compiler, const uint32_t *rules, size_t count,
                           uint32_t asked)
{
    static const enum policy_key keys[] = {KEY_ADDR, KEY_SID};
    struct run run = {.rules = rules, .count = 1, .asked = asked, .key = KEY_COUNT};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && run.count == 1; i++) {
        while (run.count < count && joins(compiler, &run, rules[run.count], keys[i])) {
            run.key = keys[i];
            run.count++;
        }
    }
    return run;
}

/* The address before, or after, a given one; false at the end of the space. */
static bool step(struct ipaddr *addr, bool forward)
{
    for (int i = 15; i >= 0; i--) {
        uint8_t end = forward ? 0xff : 0;
        if (addr->bytes[i] != end) {
            addr->bytes[i] = (uint8_t)(addr->bytes[i] + (forward ? 1 : -1));
            return true;
        }
        addr->bytes[i] = forward ? 0 : 0xff;
    }
    return false;
}

static void claim_range(struct buffer *claims, const struct ipaddr *first,
                        const struct ipaddr *last, uint32_t rule)
{
    struct address_claim claim = {{*first, *last}, rule};
    put(claims, &claim, sizeof(claim));
}

/* What lies between the ranges, which are sorted and apart. */
static void claim_complement(struct buffer *claims, const struct ipaddr_range *ranges, size_t count,
                             uint32_t rule)
{
    struct ipaddr from = {{0}};
    struct ipaddr highest;
    memset(&highest, 0xff, sizeof(highest));
    for (size_t i = 0; i < count; i++) {
        struct ipaddr before = ranges[i].first;
        if (ipaddr_compare(&from, &ranges[i].first) < 0 && step(&before, false)) {
            claim_range(claims, &from, &before, rule);
        }
        from = ranges[i].last;
        if (!step(&from, true)) {
            return;
        }
    }
    claim_range(claims, &from, &highest, rule);
}

static void put_address_table(struct compiler *compiler, const struct run *run,
                              struct image_group *group)
{
    struct buffer claims = {0};
    for (size_t i = 0; i < run->count; i++) {
        const struct policy_condition *addr = find(compiler->source[run->rules[i]], KEY_ADDR);
        const struct ipaddr_range *ranges = addr->values.items;
        if (addr->negated) {
            claim_complement(&claims, ranges, addr->values.count, run->rules[i]);
            continue;
        }
        for (size_t k = 0; k < addr->values.count; k++) {
            claim_range(&claims, &ranges[k].first, &ranges[k].last, run->rules[i]);
        }
    }
    size_t count = 0;
    struct address_table_v4 v4 = {0};
    struct address_entry *table =
        claims.failed ? NULL
                      : address_table_build((struct address_claim *)claims.bytes,
                                            claims.size / sizeof(struct address_claim), &count);
    compiler->image.failed |= !table || !address_table_build_v4(table, count, &v4);
    align(&compiler->image, 8);
    group->kind = IMAGE_GROUP_ADDRESSES;
    group->table = put(&compiler->image, table, count * sizeof(*table));
    group->count = (uint32_t)count;
    group->v4_table = put(&compiler->image, v4.numbers, 2 * v4.count * sizeof(*v4.numbers));
    group->v4_count = (uint32_t)v4.count;
    free(v4.numbers);
    free(table);
    free(claims.bytes);
}

static void put_sid_table(struct compiler *compiler, const struct run *run,
                          struct image_group *group)
{
    struct buffer claims = {0};
    for (size_t i = 0; i < run->count; i++) {
        const struct policy_condition *sid = find(compiler->source[run->rules[i]], KEY_SID);
        const struct sid *sids = sid->values.items;
        for (size_t k = 0; k < sid->values.count; k++) {
            struct sid_claim claim = {sids[k], run->rules[i]};
            put(&claims, &claim, sizeof(claim));
        }
    }
    size_t count = 0;
    struct sid_slot *table = claims.failed
                                 ? NULL
                                 : sid_table_build((struct sid_claim *)claims.bytes,
                                                   claims.size / sizeof(struct sid_claim), &count);
    align(&compiler->image, 8);
    compiler->image.failed |= !table;
    group->kind = IMAGE_GROUP_SIDS;
    group->table = put(&compiler->image, table, count * sizeof(*table));
    group->count = (uint32_t)count;
    free(table);
    free(claims.bytes);
}

/*
 * What the group still has to ask. The rule's own compiled conditions serve where they stand in one
 * piece, which they do unless the key that varies is in the middle of them.
 */
static void put_shared_conditions(struct compiler *compiler, const struct run *run,
                                  struct image_group *group)
{
    const struct policy_rule *rule = compiler->source[run->rules[0]];
    const struct image_rule *compiled = (const struct image_rule *)compiler->rules.bytes;
    uint32_t first = UINT32_MAX;
    uint32_t last = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        enum policy_key key = rule->conditions[i].key;
        if (key != run->key && !(run->asked & GROUP_ASKED(key))) {
            first = first == UINT32_MAX ? i : first;
            last = i;
            count++;
        }
    }
    group->condition_count = (uint16_t)count;
    if (!count || compiler->rules.failed) {
        return;
    }
    if (last - first + 1 == count) {
        group->first_condition = compiled[run->rules[0]].first_condition + first;
        return;
    }
    group->first_condition = (uint32_t)(compiler->conditions.size / sizeof(struct image_condition));
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        enum policy_key key = rule->conditions[i].key;
        if (key != run->key && !(run->asked & GROUP_ASKED(key))) {
            compile_condition(compiler, &rule->conditions[i]);
        }
    }
}

static void put_group(struct compiler *compiler, struct buffer *groups, const struct run *run)
{
    struct image_group group = {
        .first_rule = run->rules[0], .first_block = IMAGE_NO_RULE, .kind = IMAGE_GROUP_RULE};
    for (size_t i = 0; i < run->count && group.first_block == IMAGE_NO_RULE; i++) {
        if (compiler->source[run->rules[i]]->block) {
            group.first_block = run->rules[i];
        }
    }
    put_shared_conditions(compiler, run, &group);
    if (run->key == KEY_ADDR) {
        put_address_table(compiler, run, &group);
    } else if (run->key == KEY_SID) {
        put_sid_table(compiler, run, &group);
    }
    put(groups, &group, sizeof(group));
}

void compile_groups(struct compiler *compiler, struct buffer *groups, const uint32_t *rules,
                    size_t count, uint32_t asked)
{
    size_t done = 0;
    while (done < count) {
        struct run run = find_run(compiler, rules + done, count - done, asked);
        put_group(compiler, groups, &run);
        done += run.count;
    }
}
