/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rules to the flat image: one growing buffer, references as offsets.
 */
#include "core/policy.h"

#include <stdlib.h>
#include <string.h>

#include "core/image_checksum.h"

struct buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool failed; /* out of memory or too large; everything after it is ignored */
};

/* An interface that a rule names. */
struct mention {
    struct guid uuid;
    uint32_t rule;
};

struct compiler {
    const struct policy *policy;
    struct buffer image;
    struct buffer rules;
    struct buffer conditions;
    struct buffer any;
    struct buffer mentions;
    struct buffer strings;
};

/* Appends `size` bytes (zeros when `bytes` is NULL) and returns where they start. */
static uint32_t put(struct buffer *buffer, const void *bytes, size_t size)
{
    size_t at = buffer->size;
    if (buffer->failed || size > IMAGE_MAX_SIZE - at) {
        buffer->failed = true;
        return 0;
    }
    if (at + size > buffer->capacity) {
        size_t capacity = (at + size) * 2;
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (!grown) {
            buffer->failed = true;
            return 0;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    if (bytes && size) {
        memcpy(buffer->bytes + at, bytes, size);
    } else if (size) {
        memset(buffer->bytes + at, 0, size);
    }
    buffer->size += size;
    return (uint32_t)at;
}

static void align(struct buffer *buffer, size_t alignment)
{
    put(buffer, NULL, (alignment - buffer->size % alignment) % alignment);
}

static image_string put_string(struct compiler *compiler, const char *text)
{
    if (!text || !*text) {
        return 0;
    }
    return put(&compiler->strings, text, strlen(text) + 1);
}

/* Texts first, then the patterns that point to them. */
static uint32_t put_patterns(struct compiler *compiler, const struct value_list *values)
{
    const struct image_pattern *from = values->items;
    struct buffer patterns = {0};
    for (size_t i = 0; i < values->count; i++) {
        struct image_pattern pattern = {.length = from[i].length};
        pattern.offset =
            put(&compiler->image, compiler->policy->pool.bytes + from[i].offset, from[i].length);
        put(&patterns, &pattern, sizeof(pattern));
    }
    align(&compiler->image, 4);
    uint32_t offset = put(&compiler->image, patterns.bytes, patterns.size);
    compiler->image.failed |= patterns.failed;
    free(patterns.bytes);
    return offset;
}

static void compile_condition(struct compiler *compiler, const struct policy_condition *condition)
{
    const struct condition_type *type = condition_keys[condition->key].type;
    struct image_condition out = {
        .key = (uint16_t)condition->key,
        .flags = condition->negated ? IMAGE_CONDITION_NEGATED : 0,
        .count = (uint32_t)condition->values.count,
    };
    if (type->is_text) {
        out.offset = put_patterns(compiler, &condition->values);
    } else {
        align(&compiler->image, 4);
        out.offset =
            put(&compiler->image, condition->values.items, condition->values.count * type->size);
    }
    put(&compiler->conditions, &out, sizeof(out));
}

/* Notes under which interfaces the rule is to be found; under none: it is tried for every call. */
static void index_rule(struct compiler *compiler, const struct policy_rule *rule, uint32_t number)
{
    const struct policy_condition *uuid = rule->condition_count ? &rule->conditions[0] : NULL;
    if (!uuid || uuid->key != KEY_UUID || uuid->negated) {
        put(&compiler->any, &number, sizeof(number));
        return;
    }
    const struct guid *named = uuid->values.items;
    for (size_t i = 0; i < uuid->values.count; i++) {
        struct mention mention = {named[i], number};
        put(&compiler->mentions, &mention, sizeof(mention));
    }
}

static bool names_local(const struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_condition *condition = &rule->conditions[i];
        const uint32_t *protseq = condition->values.items;
        for (size_t k = 0;
             condition->key == KEY_PROT && !condition->negated && k < condition->values.count;
             k++) {
            if (protseq[k] == PROTSEQ_NCALRPC) {
                return true;
            }
        }
    }
    return false;
}

static void compile_rule(struct compiler *compiler, const struct policy_rule *rule)
{
    uint32_t number = (uint32_t)(compiler->rules.size / sizeof(struct image_rule));
    struct image_rule out = {
        .first_condition = (uint32_t)(compiler->conditions.size / sizeof(struct image_condition)),
        .condition_count = (uint16_t)rule->condition_count,
        .flags =
            (uint16_t)((rule->block ? IMAGE_RULE_BLOCK : 0) | (rule->audit ? IMAGE_RULE_AUDIT : 0) |
                       (rule->dry ? IMAGE_RULE_DRY : 0) | (rule->verbose ? IMAGE_RULE_VERBOSE : 0) |
                       (names_local(rule) ? IMAGE_RULE_LOCAL : 0)),
        .line = rule->place.line,
        .file = rule->place.file ? put_string(compiler, rule->place.path) : 0,
        .name = put_string(compiler, rule->name),
    };
    for (size_t i = 0; i < rule->condition_count; i++) {
        compile_condition(compiler, &rule->conditions[i]);
    }
    index_rule(compiler, rule, number);
    put(&compiler->rules, &out, sizeof(out));
}

static int order_mentions(const void *a, const void *b)
{
    const struct mention *x = a;
    const struct mention *y = b;
    int order = guid_compare(&x->uuid, &y->uuid);
    return order ? order : x->rule < y->rule ? -1 : x->rule > y->rule;
}

static struct image_table put_table(struct compiler *compiler, const struct buffer *table,
                                    size_t element)
{
    align(&compiler->image, 8);
    compiler->image.failed |= table->failed;
    struct image_table out = {.count = (uint32_t)(table->size / element)};
    out.offset = put(&compiler->image, table->bytes, table->size);
    return out;
}

/* From (interface, rule) pairs to the sorted interfaces and their lists of rules. */
static void put_index(struct compiler *compiler, struct policy_image *header)
{
    struct buffer interfaces = {0};
    struct buffer candidates = {0};
    struct mention *mentions = (struct mention *)compiler->mentions.bytes;
    size_t count = compiler->mentions.size / sizeof(*mentions);

    compiler->image.failed |= compiler->mentions.failed;
    if (count) {
        qsort(mentions, count, sizeof(*mentions), order_mentions);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t at =
            put(&candidates, &mentions[i].rule, sizeof(uint32_t)) / (uint32_t)sizeof(uint32_t);
        if (i == 0 || !guid_equal(&mentions[i].uuid, &mentions[i - 1].uuid)) {
            struct image_interface interface = {.uuid = mentions[i].uuid, .first = at};
            put(&interfaces, &interface, sizeof(interface));
        }
        if (interfaces.failed) {
            break;
        }
        struct image_interface *last =
            (struct image_interface *)(interfaces.bytes + interfaces.size -
                                       sizeof(struct image_interface));
        last->count++;
    }
    header->interfaces = put_table(compiler, &interfaces, sizeof(struct image_interface));
    header->candidates = put_table(compiler, &candidates, sizeof(uint32_t));
    free(interfaces.bytes);
    free(candidates.bytes);
}

static uint32_t option_bits(const struct policy *policy)
{
    return (policy->unknown_lenient ? IMAGE_OPTION_UNKNOWN_LENIENT : 0) |
           (policy->eventlog_off ? IMAGE_OPTION_EVENTLOG_OFF : 0) |
           (policy->journal_off ? IMAGE_OPTION_JOURNAL_OFF : 0) |
           (policy->json_off ? IMAGE_OPTION_JSON_OFF : 0);
}

void *policy_compile(const struct policy *policy, size_t *size)
{
    struct compiler compiler = {.policy = policy};
    struct policy_image header = {.format_version = IMAGE_FORMAT_VERSION,
                                  .options = option_bits(policy)};

    memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
    put(&compiler.image, NULL, sizeof(header));
    put(&compiler.strings, "", 1);
    header.json_path = put_string(&compiler, policy->json_path);
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->rules[i].target & TARGET_FIREWALL) {
            compile_rule(&compiler, &policy->rules[i]);
        }
    }
    header.rules = put_table(&compiler, &compiler.rules, sizeof(struct image_rule));
    header.conditions = put_table(&compiler, &compiler.conditions, sizeof(struct image_condition));
    header.any = put_table(&compiler, &compiler.any, sizeof(uint32_t));
    put_index(&compiler, &header);
    header.strings = put_table(&compiler, &compiler.strings, 1);
    align(&compiler.image, 8);
    free(compiler.rules.bytes);
    free(compiler.conditions.bytes);
    free(compiler.any.bytes);
    free(compiler.mentions.bytes);
    free(compiler.strings.bytes);
    if (compiler.image.failed) {
        free(compiler.image.bytes);
        return NULL;
    }
    header.size = (uint32_t)compiler.image.size;
    memcpy(compiler.image.bytes, &header, sizeof(header));
    struct policy_image *image = (struct policy_image *)compiler.image.bytes;
    image->checksum = image_checksum(image);
    *size = compiler.image.size;
    return image;
}
