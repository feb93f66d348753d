/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/learn/learn_policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/call_names.h"
#include "cli/events/timestamp.h"
#include "cli/learn/learned_calls.h"
#include "cli/learn/text_buffer.h"
#include "core/authn.h"
#include "core/policy.h"

/* Well below the language's limit; a longer rule is written as two. */
#define RULE_LENGTH_MAX 8192u
#define NAMES_SHOWN     12

struct writer {
    const struct learned_calls *calls;
    const struct learn_options *options;
    struct learn_result *result;
    struct text_buffer out;
    char interface[256]; /* as uuid: takes it */
};

/* ---- Names that mean to the policy reader exactly what is meant here ---- */

/* Reads one rule; the one value of its condition `key`, or NULL. */
static const void *only_value(const struct policy *policy, enum policy_key key)
{
    if (policy->diagnostics.errors || policy->rule_count != 1) {
        return NULL;
    }
    for (size_t i = 0; i < policy->rules[0].condition_count; i++) {
        const struct policy_condition *condition = &policy->rules[0].conditions[i];
        if (condition->key == key) {
            return condition->values.count == 1 ? condition->values.items : NULL;
        }
    }
    return NULL;
}

static bool reads_as(const char *rule, enum policy_key key, const void *value, size_t size)
{
    struct policy *policy = policy_read("", rule, strlen(rule), NULL);
    const void *found = policy ? only_value(policy, key) : NULL;
    bool same = found && memcmp(found, value, size) == 0;
    policy_free(policy);
    return same;
}

/* A name can stand for more than one interface: then only the UUID will do. */
static void set_interface(struct writer *writer, const struct guid *uuid)
{
    char rule[320];
    const char *name = known_interface_name(uuid);
    guid_format(uuid, writer->interface);
    if (!name || strlen(name) >= sizeof(writer->interface) || strpbrk(name, " \t,#!@")) {
        return;
    }
    snprintf(rule, sizeof(rule), "uuid:%s", name);
    if (reads_as(rule, KEY_UUID, uuid, sizeof(*uuid))) {
        memcpy(writer->interface, name, strlen(name) + 1);
    }
}

static bool opnum_has_name(const struct writer *writer, const char *name, uint32_t opnum)
{
    char rule[640];
    struct image_range range = {(uint16_t)opnum, (uint16_t)opnum};
    if (!name || strlen(name) > 256 || strpbrk(name, " \t,#!@-")) {
        return false;
    }
    snprintf(rule, sizeof(rule), "uuid:%s opnum:%s", writer->interface, name);
    return reads_as(rule, KEY_OPNUM, &range, sizeof(range));
}

/* ---- Conditions ---- */

static bool is_any(const uint32_t *values)
{
    return values[0] == VALUE_ANY;
}

/* Names where the catalogue has them, ranges of numbers where it has not. */
static void put_opnums(struct writer *writer, const struct guid *uuid, const uint32_t *values,
                       size_t count)
{
    const char *separator = " opnum:";
    for (size_t i = 0; i < count; i++) {
        uint32_t first = values[i] - 1;
        uint32_t last = first;
        const char *name = method_name(uuid, (uint16_t)first);
        if (opnum_has_name(writer, name, first)) {
            text_put(&writer->out, "%s%s", separator, name);
        } else {
            while (i + 1 < count && values[i + 1] - 1 == last + 1 &&
                   !opnum_has_name(writer, method_name(uuid, (uint16_t)(last + 1)), last + 1)) {
                last++;
                i++;
            }
            text_put(&writer->out, first == last ? "%s%" PRIu32 : "%s%" PRIu32 "-%" PRIu32,
                     separator, first, last);
        }
        separator = ",";
    }
}

static void put_texts(struct writer *writer, const char *name, const struct value_table *table,
                      const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count && !is_any(values); i++) {
        if (i == 0) {
            text_put(&writer->out, " %s:", name);
        }
        text_put(&writer->out, i ? ",%s" : "%s", value_table_text(table, values[i]));
    }
}

static void put_protseqs(struct writer *writer, const uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count && !is_any(values); i++) {
        text_put(&writer->out, i ? ",%s" : " prot:%s", protseq_name((enum protseq)values[i]));
    }
}

/* ---- Rules ---- */

static void put_times(struct writer *writer, uint64_t first_us, uint64_t last_us)
{
    char first[TIMESTAMP_TEXT_SIZE];
    char last[TIMESTAMP_TEXT_SIZE];
    timestamp_format(first_us, first);
    timestamp_format(last_us, last);
    if (!first_us) {
        text_put(&writer->out, "at unknown times");
    } else if (strcmp(first, last) == 0) {
        text_put(&writer->out, "%s", first);
    } else {
        text_put(&writer->out, "%s to %s", first, last);
    }
}

/* Values of a box's keys, as parts of sets: a rule that would be too long is written in parts. */
struct part {
    const uint32_t *values[BOX_KEYS];
    size_t counts[BOX_KEYS];
};

static void put_rule(struct writer *writer, const struct guid *uuid, const struct part *part)
{
    static const struct {
        int key;
        const char *name;
    } texts[] = {{BOX_ENDPOINT, "endpoint"},
                 {BOX_PROCESS, "process"},
                 {BOX_ADDR, "addr"},
                 {BOX_SID, "sid"},
                 {BOX_USER, "user"}};
    const uint32_t *level = part->values[BOX_AUTH];
    text_put(&writer->out, "fw:uuid:%s", writer->interface);
    put_opnums(writer, uuid, part->values[BOX_OPNUM], part->counts[BOX_OPNUM]);
    put_protseqs(writer, part->values[BOX_PROT], part->counts[BOX_PROT]);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int key = texts[i].key;
        put_texts(writer, texts[i].name, &writer->calls->tables[key], part->values[key],
                  part->counts[key]);
    }
    if (!is_any(level)) {
        text_put(&writer->out, " auth:%s", authn_level_policy_name((enum authn_level) * level));
    }
    text_put(&writer->out, " action:allow\n");
}

static int longest_key(const struct part *part)
{
    int longest = 0;
    for (int key = 1; key < BOX_KEYS; key++) {
        if (part->counts[key] > part->counts[longest]) {
            longest = key;
        }
    }
    return longest;
}

/* Halves the longest list until each rule has a length that people and the reader can bear. */
static void put_parts(struct writer *writer, const struct guid *uuid, const struct part *part)
{
    size_t start = writer->out.length;
    int key = longest_key(part);
    size_t half = part->counts[key] / 2;
    put_rule(writer, uuid, part);
    if (writer->out.length - start <= RULE_LENGTH_MAX || !half) {
        writer->result->rules++;
        return;
    }
    writer->out.length = start;
    struct part lower = *part;
    struct part upper = *part;
    lower.counts[key] = half;
    upper.values[key] += half;
    upper.counts[key] -= half;
    put_parts(writer, uuid, &lower);
    put_parts(writer, uuid, &upper);
}

/* Numbers without names in the rule get them here. */
static void put_method_names(struct writer *writer, const struct guid *uuid,
                             const struct part *part)
{
    const char *separator = ": ";
    size_t shown = 0;
    for (size_t i = 0; i < part->counts[BOX_OPNUM]; i++) {
        uint32_t opnum = part->values[BOX_OPNUM][i] - 1;
        const char *name = method_name(uuid, (uint16_t)opnum);
        if (!name || opnum_has_name(writer, name, opnum)) {
            continue;
        }
        text_put(&writer->out, "%s%s", separator, shown == NAMES_SHOWN ? "…" : name);
        separator = ", ";
        if (shown++ == NAMES_SHOWN) {
            return;
        }
    }
}

static void put_box(struct writer *writer, const struct guid *uuid, const struct box *box)
{
    struct part part;
    for (int key = 0; key < BOX_KEYS; key++) {
        part.values[key] = box_values(&writer->calls->boxes, box->sets[key], &part.counts[key]);
    }
    text_put(&writer->out, "# %" PRIu64 " call%s, ", box->calls, box->calls == 1 ? "" : "s");
    put_times(writer, box->first_us, box->last_us);
    if (box->would_block) {
        text_put(&writer->out, "; a dry rule would have blocked %" PRIu64, box->would_block);
    }
    put_method_names(writer, uuid, &part);
    text_put(&writer->out, "\n");
    put_parts(writer, uuid, &part);
}

static const char *closing_outcome(const struct writer *writer)
{
    return writer->options->enforce ? "action:block audit:true"
                                    : "action:block audit:true dry:true";
}

static void put_interface(struct writer *writer, const struct box *boxes, size_t count)
{
    struct guid uuid = learned_interface(writer->calls, boxes[0].interface);
    char text[GUID_TEXT_SIZE];
    const char *name = known_interface_name(&uuid);
    set_interface(writer, &uuid);
    text_put(&writer->out, "\n# ---- %s%s%s ----\n", name ? name : "", name ? " " : "",
             guid_format(&uuid, text));
    for (size_t i = 0; i < count; i++) {
        put_box(writer, &uuid, &boxes[i]);
    }
    if (!writer->options->block_rest) {
        text_put(&writer->out, "fw:uuid:%s %s\n", writer->interface, closing_outcome(writer));
    }
}

static void put_head(struct writer *writer)
{
    const struct learn_result *result = writer->result;
    text_put(&writer->out, "# Learned from %" PRIu64 " call%s to %lu interface%s, ", result->calls,
             result->calls == 1 ? "" : "s", (unsigned long)result->interfaces,
             result->interfaces == 1 ? "" : "s");
    put_times(writer, writer->calls->first_us, writer->calls->last_us);
    text_put(&writer->out, ".\n#\n"
                           "# Each rule lets through what was seen, and no more; the comment above "
                           "it says how often and when.\n");
    text_put(&writer->out, writer->options->block_rest
                               ? "# The last rule is for every other call, to any interface"
                               : "# The last rule of each interface is for its other calls");
    text_put(&writer->out, writer->options->enforce
                               ? ", and blocks them.\n"
                               : ": with dry:true it only records them,\n# without it blocks.\n");
    if (result->anyone) {
        text_put(&writer->out,
                 "#\n# The records do not tell who made %" PRIu64
                 " of the calls: their rules let anyone in.\n",
                 result->anyone);
    }
    if (result->widened) {
        text_put(
            &writer->out,
            "#\n# Names that a policy cannot hold as they are stand with ? or * in them: %" PRIu64
            " calls.\n",
            result->widened);
    }
}

static void put_policy(struct writer *writer)
{
    const struct boxes *boxes = &writer->calls->boxes;
    put_head(writer);
    for (size_t first = 0; first < boxes->count;) {
        size_t end = first + 1;
        while (end < boxes->count && boxes->items[end].interface == boxes->items[first].interface) {
            end++;
        }
        put_interface(writer, boxes->items + first, end - first);
        first = end;
    }
    if (writer->options->block_rest) {
        text_put(&writer->out, "\n# ---- all else ----\nfw:%s\n", closing_outcome(writer));
    }
}

bool learn_policy(const struct call_shapes *shapes, const struct learn_options *options,
                  struct learn_result *result)
{
    struct learned_calls calls;
    *result = (struct learn_result){.text = NULL};
    struct writer writer = {.calls = &calls, .options = options, .result = result};
    bool good = learn_calls(shapes, options, &calls, result);
    if (good) {
        put_policy(&writer);
    }
    learned_calls_free(&calls);
    if (!good || writer.out.failed) {
        free(writer.out.bytes);
        return false;
    }
    result->text = writer.out.bytes;
    result->length = writer.out.length;
    return true;
}
