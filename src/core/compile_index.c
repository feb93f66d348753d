/* SPDX-License-Identifier: Apache-2.0 */
#include "core/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "core/compile_groups.h"

/*
 * A rule that names opnums is entered under each of them, unless they are many: then it is entered
 * once, under its interface, and asked for the opnum.
 */
#define OPNUMS_PER_RULE 64u

/* Entries in all, so that the index stays in proportion to the policy whatever the policy says. */
#define ENTRIES_PER_RULE 32u
#define ENTRIES_AT_LEAST 65536u

#define ANY_OPNUM        UINT32_MAX

/* That a rule can match the calls to an interface and opnum. */
struct entry {
    bool named; /* false: rules that name no interface */
    struct guid uuid;
    uint32_t opnum; /* or ANY_OPNUM */
    uint32_t rule;
};

struct index {
    struct compiler *compiler;
    struct buffer entries;
    size_t allowance; /* of entries by opnum */
    struct buffer groups;
    struct buffer lists;
    struct buffer opnum_lists;
    struct buffer interfaces; /* struct image_interface, one after the other */
    struct image_opnums others;
};

/* ---- Entries ---- */

/* How many opnums the rule is entered under; 0: under none, it is asked. */
static size_t count_opnums(const struct index *index, const struct policy_condition *opnum,
                           size_t interfaces)
{
    size_t count = 0;
    if (!opnum || opnum->negated) {
        return 0;
    }
    const struct image_range *ranges = opnum->values.items;
    for (size_t i = 0; i < opnum->values.count; i++) {
        if (ranges[i].last >= IMAGE_OPNUM_LIMIT) {
            return 0;
        }
        count += (size_t)ranges[i].last - ranges[i].first + 1;
    }
    return count > OPNUMS_PER_RULE || count * interfaces > index->allowance ? 0 : count;
}

static void enter_opnums(struct index *index, struct entry entry,
                         const struct policy_condition *opnum)
{
    const struct image_range *ranges = opnum->values.items;
    for (size_t i = 0; i < opnum->values.count; i++) {
        for (uint32_t number = ranges[i].first; number <= ranges[i].last; number++) {
            entry.opnum = number;
            put(&index->entries, &entry, sizeof(entry));
        }
    }
}

static void enter_rule(struct index *index, uint32_t number)
{
    const struct policy_rule *rule = index->compiler->source[number];
    const struct policy_condition *uuid = NULL;
    const struct policy_condition *opnum = NULL;
    for (size_t i = 0; i < rule->condition_count; i++) {
        uuid = rule->conditions[i].key == KEY_UUID ? &rule->conditions[i] : uuid;
        opnum = rule->conditions[i].key == KEY_OPNUM ? &rule->conditions[i] : opnum;
    }
    bool named = uuid && !uuid->negated;
    size_t interfaces = named ? uuid->values.count : 1;
    size_t opnums = count_opnums(index, opnum, interfaces);
    index->allowance -= opnums * interfaces;
    for (size_t i = 0; i < interfaces; i++) {
        struct entry entry = {.named = named, .opnum = ANY_OPNUM, .rule = number};
        if (named) {
            entry.uuid = ((const struct guid *)uuid->values.items)[i];
        }
        if (opnums && opnum) {
            enter_opnums(index, entry, opnum);
        } else {
            put(&index->entries, &entry, sizeof(entry));
        }
    }
}

static int order_interfaces(const struct entry *a, const struct entry *b)
{
    if (a->named != b->named) {
        return a->named ? -1 : 1;
    }
    return guid_compare(&a->uuid, &b->uuid);
}

static int order_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = order_interfaces(x, y);
    if (order) {
        return order;
    }
    if (x->opnum != y->opnum) {
        return x->opnum < y->opnum ? -1 : 1;
    }
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* ---- Lists ---- */

/* Makes a list of the rules of `count` entries and returns its number. */
static uint32_t put_list(struct index *index, const struct entry *entries, size_t count)
{
    struct image_list list = {.first = (uint32_t)(index->groups.size / sizeof(struct image_group))};
    uint32_t asked = (entries->named ? GROUP_ASKED(KEY_UUID) : 0) |
                     (entries->opnum != ANY_OPNUM ? GROUP_ASKED(KEY_OPNUM) : 0);
    uint32_t *rules = malloc(count * sizeof(*rules));
    if (!rules) {
        index->groups.failed = true;
        return IMAGE_NO_LIST;
    }
    for (size_t i = 0; i < count; i++) {
        rules[i] = entries[i].rule;
    }
    compile_groups(index->compiler, &index->groups, rules, count, asked);
    free(rules);
    list.count = (uint32_t)(index->groups.size / sizeof(struct image_group)) - list.first;
    return put(&index->lists, &list, sizeof(list)) / (uint32_t)sizeof(list);
}

/* The lists of one interface, from its entries, which are sorted by opnum, ANY_OPNUM last. */
static struct image_opnums put_opnums(struct index *index, const struct entry *entries,
                                      size_t count)
{
    struct image_opnums opnums = {.any = IMAGE_NO_LIST,
                                  .lists = (uint32_t)(index->opnum_lists.size / sizeof(uint32_t))};
    size_t done = 0;
    while (done < count) {
        size_t same = 1;
        while (done + same < count && entries[done + same].opnum == entries[done].opnum) {
            same++;
        }
        uint32_t list = put_list(index, entries + done, same);
        uint32_t opnum = entries[done].opnum;
        done += same;
        if (opnum == ANY_OPNUM) {
            opnums.any = list;
            continue;
        }
        opnums.first = opnums.count ? opnums.first : opnum;
        const uint32_t none = IMAGE_NO_LIST;
        while (opnums.first + opnums.count < opnum) {
            put(&index->opnum_lists, &none, sizeof(none));
            opnums.count++;
        }
        put(&index->opnum_lists, &list, sizeof(list));
        opnums.count++;
    }
    return opnums;
}

static void put_interfaces(struct index *index, const struct entry *entries, size_t count)
{
    size_t done = 0;
    while (done < count) {
        size_t same = 1;
        while (done + same < count &&
               order_interfaces(&entries[done + same], &entries[done]) == 0) {
            same++;
        }
        struct image_opnums opnums = put_opnums(index, entries + done, same);
        if (entries[done].named) {
            struct image_interface interface = {entries[done].uuid, opnums, 1};
            put(&index->interfaces, &interface, sizeof(interface));
        } else {
            index->others = opnums;
        }
        done += same;
    }
}

/* ---- The hash table of interfaces ---- */

static struct image_table put_hash_table(struct index *index)
{
    const struct image_interface *from = (const struct image_interface *)index->interfaces.bytes;
    size_t count = index->interfaces.size / sizeof(*from);
    struct buffer table = {.failed = index->interfaces.failed};
    size_t slots = count ? 4 : 0;
    while (slots < 2 * count) {
        slots *= 2;
    }
    put(&table, NULL, slots * sizeof(struct image_interface));
    struct image_interface *to = (struct image_interface *)table.bytes;
    for (size_t i = 0; i < count && !table.failed; i++) {
        size_t at = image_interface_slot(&from[i].uuid, (uint32_t)slots);
        while (to[at].used) {
            at = (at + 1) & (slots - 1);
        }
        to[at] = from[i];
    }
    struct image_table out = put_table(index->compiler, &table, sizeof(struct image_interface));
    free(table.bytes);
    return out;
}

void compile_index(struct compiler *compiler, struct policy_image *header)
{
    struct index index = {.compiler = compiler, .others = {.any = IMAGE_NO_LIST}};
    index.allowance = (size_t)compiler->rule_count * ENTRIES_PER_RULE + ENTRIES_AT_LEAST;
    for (uint32_t i = 0; i < compiler->rule_count; i++) {
        enter_rule(&index, i);
    }
    size_t count = index.entries.size / sizeof(struct entry);
    struct entry *entries = (struct entry *)index.entries.bytes;
    compiler->image.failed |= index.entries.failed;
    if (count && !compiler->image.failed) {
        qsort(entries, count, sizeof(*entries), order_entries);
        put_interfaces(&index, entries, count);
    }
    header->others = index.others;
    header->interfaces = put_hash_table(&index);
    header->opnum_lists = put_table(compiler, &index.opnum_lists, sizeof(uint32_t));
    header->lists = put_table(compiler, &index.lists, sizeof(struct image_list));
    header->groups = put_table(compiler, &index.groups, sizeof(struct image_group));
    free(index.entries.bytes);
    free(index.interfaces.bytes);
    free(index.opnum_lists.bytes);
    free(index.lists.bytes);
    free(index.groups.bytes);
}
