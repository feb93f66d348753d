/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/learn/learned_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/call_names.h"
#include "core/wildcard.h"

#define INTERFACE_NAME_SIZE 64
#define INTERFACE_KEY_SIZE  (INTERFACE_NAME_SIZE + sizeof(struct guid))

#define BIT(key)            (1u << (key))
#define CALLERS             (BIT(BOX_ADDR) | BIT(BOX_SID) | BIT(BOX_USER))

/* A shape on its way: its values before their tables are sorted. */
struct learned {
    uint32_t interface;
    uint32_t values[BOX_KEYS];
    struct box counts;
};

struct learner {
    const struct call_shapes *shapes;
    const struct learn_options *options;
    struct learned_calls *calls;
    struct learn_result *result;
    struct learned *items;
    size_t count;
};

static bool knows(const struct call_shape *shape, enum call_fact fact)
{
    return (shape->known & FACT_BIT(fact)) != 0;
}

/* ---- Values as a policy writes them ---- */

/* Addresses are sorted by their bytes, so that neighbours stand together. */
static bool add_addr(struct learner *learner, const struct call_shape *shape, uint32_t *number)
{
    struct ipaddr addr = shape->client_addr;
    char text[IPADDR_TEXT_SIZE + 4];
    bool v4 = ipaddr_is_v4(&addr);
    unsigned prefix = v4 ? learner->options->addr_prefix : learner->options->addr_prefix6;
    for (unsigned bit = prefix + (v4 ? 96 : 0); bit < 128; bit++) {
        addr.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    }
    ipaddr_format(&addr, text);
    if (prefix < (v4 ? 32u : 128u)) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "/%u", prefix);
    }
    return value_table_add(&learner->calls->tables[BOX_ADDR], addr.bytes, sizeof(addr.bytes), text,
                           strlen(text), number);
}

static bool add_sid(struct learner *learner, const struct call_shape *shape, uint32_t *number)
{
    char text[SID_TEXT_SIZE];
    sid_format(call_shapes_sid(learner->shapes, shape->sid), text);
    return value_table_add(&learner->calls->tables[BOX_SID], text, strlen(text), text, strlen(text),
                           number);
}

/* What cannot stand in a value as it is; there '?' stands for it, which matches any byte. */
static bool is_writable(char c, size_t place, bool last)
{
    unsigned char byte = (unsigned char)c;
    return byte > 0x20 && byte != 0x7f && c != ',' && c != '*' && c != '?' &&
           !(place == 0 && (c == '!' || c == '@')) && !(last && c == '\\');
}

/*
 * Adds a pattern for the text, behind '*' when `any_before`; *exact: it matches nothing else.
 * False: out of memory.
 */
static bool add_pattern(struct value_table *table, struct text text, bool any_before,
                        uint32_t *number, bool *exact)
{
    size_t length = text.length + any_before;
    char *pattern = malloc(2 * length + 1);
    if (!pattern) {
        return false;
    }
    char *folded = pattern + length;
    *exact = !any_before;
    for (size_t i = 0; i < length; i++) {
        bool star = any_before && i == 0;
        char c = star ? '*' : text.bytes[i - any_before];
        bool writable = star || is_writable(c, i, i + 1 == length);
        pattern[i] = writable ? c : '?';
        folded[i] = wildcard_fold(pattern[i]);
        *exact = *exact && writable;
    }
    bool good = value_table_add(table, folded, length, pattern, length, number);
    free(pattern);
    return good;
}

/* A user without a domain can be written only behind a wildcard. */
static bool add_user(struct learner *learner, const struct call_shape *shape, uint64_t calls,
                     uint32_t *number)
{
    struct text principal = call_shapes_text(learner->shapes, shape->principal);
    /* An '@' in the first place or a backslash in the last cannot be written, and so names no
     * domain. */
    bool has_domain = principal.length && (memchr(principal.bytes, '\\', principal.length - 1) ||
                                           memchr(principal.bytes + 1, '@', principal.length - 1));
    bool exact;
    bool good =
        add_pattern(&learner->calls->tables[BOX_USER], principal, !has_domain, number, &exact);
    learner->result->widened += exact ? 0 : calls;
    return good;
}

/* Endpoints take no wildcards: one that cannot be written is left out. */
static bool add_endpoint(struct learner *learner, const struct call_shape *shape, uint32_t *number)
{
    static const char prefix[] = "\\pipe\\";
    const size_t length = sizeof(prefix) - 1;
    struct text text = call_shapes_text(learner->shapes, shape->endpoint);
    bool exact;
    if (text.length >= length && wildcard_equal(prefix, length, text.bytes, length)) {
        text.bytes += length;
        text.length -= length;
    }
    if (!text.length) {
        return true;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (!is_writable(text.bytes[i], i, false)) {
            return true;
        }
    }
    return add_pattern(&learner->calls->tables[BOX_ENDPOINT], text, false, number, &exact);
}

static bool add_process(struct learner *learner, const struct call_shape *shape, uint32_t *number)
{
    bool exact;
    return add_pattern(&learner->calls->tables[BOX_PROCESS],
                       call_shapes_text(learner->shapes, shape->process), false, number, &exact);
}

/* ---- From a shape to its values ---- */

/* Which of the caller's marks a rule for this shape names. When none of those that were asked for
 * is known, the first of the others that is. */
static unsigned marks_of(const struct call_shape *shape, unsigned by)
{
    unsigned known = (knows(shape, FACT_CLIENT_ADDR) ? BIT(BOX_ADDR) : 0) |
                     (shape->sid ? BIT(BOX_SID) : 0) | (shape->principal ? BIT(BOX_USER) : 0);
    unsigned marks = known & by;
    if (!(by & CALLERS) || marks) {
        return marks;
    }
    return known & BIT(BOX_ADDR) ? BIT(BOX_ADDR) : known & BIT(BOX_SID) ? BIT(BOX_SID) : known;
}

static bool set_caller(struct learner *learner, const struct call_shape *shape, uint64_t calls,
                       uint32_t values[BOX_KEYS])
{
    unsigned marks = marks_of(shape, learner->options->by);
    learner->result->anyone += marks || !(learner->options->by & CALLERS) ? 0 : calls;
    return (!(marks & BIT(BOX_ADDR)) || add_addr(learner, shape, &values[BOX_ADDR])) &&
           (!(marks & BIT(BOX_SID)) || add_sid(learner, shape, &values[BOX_SID])) &&
           (!(marks & BIT(BOX_USER)) || add_user(learner, shape, calls, &values[BOX_USER]));
}

static bool set_values(struct learner *learner, const struct call_shape *shape, uint64_t calls,
                       uint32_t values[BOX_KEYS])
{
    unsigned by = learner->options->by;
    values[BOX_OPNUM] = (uint32_t)shape->opnum + 1;
    if ((by & BIT(BOX_AUTH)) && knows(shape, FACT_AUTHN)) {
        values[BOX_AUTH] = shape->authn_level;
    }
    if ((by & BIT(BOX_PROT)) && knows(shape, FACT_PROTSEQ)) {
        values[BOX_PROT] = shape->protseq;
    }
    if ((by & BIT(BOX_ENDPOINT)) && shape->endpoint &&
        !add_endpoint(learner, shape, &values[BOX_ENDPOINT])) {
        return false;
    }
    if ((by & BIT(BOX_PROCESS)) && shape->process &&
        !add_process(learner, shape, &values[BOX_PROCESS])) {
        return false;
    }
    return set_caller(learner, shape, calls, values);
}

/* Interfaces are sorted by name; the UUID stands behind it in the key. */
static bool add_interface(struct learner *learner, const struct guid *uuid, uint32_t *number)
{
    char key[INTERFACE_KEY_SIZE] = {0};
    char text[GUID_TEXT_SIZE];
    const char *name = interface_name(uuid, text);
    for (size_t i = 0; i < INTERFACE_NAME_SIZE && name[i]; i++) {
        key[i] = wildcard_fold(name[i]);
    }
    memcpy(key + INTERFACE_NAME_SIZE, uuid, sizeof(*uuid));
    return value_table_add(&learner->calls->interfaces, key, sizeof(key), "", 0, number);
}

static bool learn_shape(struct learner *learner, const struct shape_count *count)
{
    const struct call_shape *shape = &count->shape;
    struct learn_result *result = learner->result;
    struct learned *item = &learner->items[learner->count];
    uint64_t would_block = count->outcomes[RECORDED_WOULD_BLOCK];
    uint64_t calls =
        count->outcomes[RECORDED_ANSWERED] + count->outcomes[RECORDED_ALLOWED] + would_block;
    result->blocked += count->outcomes[RECORDED_BLOCKED];
    if (!calls) {
        return true;
    }
    if (knows(shape, FACT_PROTSEQ) && !protseq_is_remote((enum protseq)shape->protseq)) {
        result->local += calls;
        return true;
    }
    if (!knows(shape, FACT_INTERFACE) || !knows(shape, FACT_OPNUM)) {
        result->unnamed += calls;
        return true;
    }
    *item = (struct learned){.counts = {.calls = calls,
                                        .would_block = would_block,
                                        .first_us = count->first_us,
                                        .last_us = count->last_us}};
    result->calls += calls;
    result->would_block += would_block;
    join_times(&learner->calls->first_us, &learner->calls->last_us, count->first_us,
               count->last_us);
    learner->count++;
    return add_interface(learner, &shape->interface, &item->interface) &&
           set_values(learner, shape, calls, item->values);
}

static bool has_table(int key)
{
    return key != BOX_AUTH && key != BOX_PROT && key != BOX_OPNUM;
}

/* ---- Patterns ---- */

static bool is_pattern(const void *context, int key, uint32_t value)
{
    const struct learned_calls *calls = context;
    return (key == BOX_USER || key == BOX_PROCESS) && value != VALUE_ANY &&
           strpbrk(value_table_text(&calls->tables[key], value), "*?");
}

static bool pattern_covers(const void *context, int key, uint32_t pattern, uint32_t value)
{
    const struct learned_calls *calls = context;
    const struct value *outer = &calls->tables[key].values[pattern - 1];
    const struct value *inner = &calls->tables[key].values[value - 1];
    return wildcard_covers(outer->key, outer->key_length, inner->key, inner->key_length);
}

static bool join_boxes(struct learned_calls *calls)
{
    const struct box_patterns patterns = {is_pattern, pattern_covers, calls};
    calls->boxes.patterns = &patterns;
    bool good = boxes_join(&calls->boxes);
    calls->boxes.patterns = NULL;
    return good;
}

static bool make_boxes(struct learner *learner)
{
    struct learned_calls *calls = learner->calls;
    if (!boxes_begin(&calls->boxes) || !value_table_sort(&calls->interfaces)) {
        return false;
    }
    for (int key = 0; key < BOX_KEYS; key++) {
        if (has_table(key) && !value_table_sort(&calls->tables[key])) {
            return false;
        }
    }
    for (size_t i = 0; i < learner->count; i++) {
        struct learned *item = &learner->items[i];
        item->counts.interface = value_table_number(&calls->interfaces, item->interface);
        for (int key = 0; key < BOX_KEYS; key++) {
            if (has_table(key)) {
                item->values[key] = value_table_number(&calls->tables[key], item->values[key]);
            }
        }
        if (!boxes_add(&calls->boxes, &item->counts, item->values)) {
            return false;
        }
    }
    return join_boxes(calls);
}

bool learn_calls(const struct call_shapes *shapes, const struct learn_options *options,
                 struct learned_calls *calls, struct learn_result *result)
{
    size_t count;
    const struct shape_count *all = call_shapes_all(shapes, &count);
    struct learner learner = {
        .shapes = shapes, .options = options, .calls = calls, .result = result};
    *calls = (struct learned_calls){.first_us = 0};
    learner.items = malloc((count + 1) * sizeof(*learner.items));
    bool good = learner.items != NULL;
    for (size_t i = 0; good && i < count; i++) {
        good = learn_shape(&learner, &all[i]);
    }
    good = good && make_boxes(&learner);
    free(learner.items);
    result->interfaces = calls->interfaces.count;
    return good;
}

void learned_calls_free(struct learned_calls *calls)
{
    for (int key = 0; key < BOX_KEYS; key++) {
        value_table_free(&calls->tables[key]);
    }
    value_table_free(&calls->interfaces);
    boxes_free(&calls->boxes);
}

struct guid learned_interface(const struct learned_calls *calls, uint32_t interface)
{
    struct guid guid;
    memcpy(&guid, calls->interfaces.values[interface - 1].key + INTERFACE_NAME_SIZE, sizeof(guid));
    return guid;
}
