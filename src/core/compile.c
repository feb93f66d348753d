/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rules to the flat image: one growing buffer, references as offsets.
 */
#include "core/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "core/image_checksum.h"

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

void compile_condition(struct compiler *compiler, const struct policy_condition *condition)
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
    put(&compiler->rules, &out, sizeof(out));
    compiler->source[compiler->rule_count++] = rule;
}

struct image_table put_table(struct compiler *compiler, const struct buffer *table, size_t element)
{
    align(&compiler->image, 8);
    compiler->image.failed |= table->failed;
    struct image_table out = {.count = (uint32_t)(table->size / element)};
    out.offset = put(&compiler->image, table->bytes, table->size);
    return out;
}

static uint32_t option_bits(const struct policy *policy)
{
    return (policy->unknown_lenient ? IMAGE_OPTION_UNKNOWN_LENIENT : 0) |
           (policy->eventlog_off ? IMAGE_OPTION_EVENTLOG_OFF : 0) |
           (policy->journal_off ? IMAGE_OPTION_JOURNAL_OFF : 0) |
           (policy->json_off ? IMAGE_OPTION_JSON_OFF : 0) |
           (policy->unsupported_closed ? IMAGE_OPTION_UNSUPPORTED_CLOSED : 0);
}

static void compile_tables(struct compiler *compiler, struct policy_image *header)
{
    const struct policy *policy = compiler->policy;
    put(&compiler->image, NULL, sizeof(*header));
    put(&compiler->strings, "", 1);
    header->json_path = put_string(compiler, policy->json_path);
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->rules[i].target & TARGET_FIREWALL) {
            compile_rule(compiler, &policy->rules[i]);
        }
    }
    compile_index(compiler, header);
    header->rules = put_table(compiler, &compiler->rules, sizeof(struct image_rule));
    header->conditions = put_table(compiler, &compiler->conditions, sizeof(struct image_condition));
    header->strings = put_table(compiler, &compiler->strings, 1);
    align(&compiler->image, 8);
}

void *policy_compile(const struct policy *policy, size_t *size)
{
    struct compiler compiler = {
        .policy = policy,
        .source = malloc((policy->rule_count + 1) * sizeof(*compiler.source)),
    };
    struct policy_image header = {.format_version = IMAGE_FORMAT_VERSION,
                                  .options = option_bits(policy)};

    memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
    compiler.image.failed = !compiler.source;
    if (compiler.source) {
        compile_tables(&compiler, &header);
    }
    free(compiler.source);
    free(compiler.rules.bytes);
    free(compiler.conditions.bytes);
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
