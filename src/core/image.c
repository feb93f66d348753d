/* SPDX-License-Identifier: Apache-2.0 */
#include "core/image.h"

#include <string.h>

#include "core/address_table.h"
#include "core/condition.h"
#include "core/image_checksum.h"
#include "core/sid_table.h"

uint64_t image_checksum(const struct policy_image *image)
{
    const size_t start = offsetof(struct policy_image, checksum) + sizeof(image->checksum);
    const uint8_t *bytes = (const uint8_t *)image;
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (size_t i = start; i < image->size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
    }
    return hash;
}

const char *image_error_text(enum image_error error)
{
    static const char *const texts[] = {
        [IMAGE_OK] = "valid",
        [IMAGE_TOO_SHORT] = "shorter than its header",
        [IMAGE_BAD_MAGIC] = "not a policy image",
        [IMAGE_BAD_VERSION] = "made by another version",
        [IMAGE_BAD_SIZE] = "its size does not fit the bytes that hold it",
        [IMAGE_BAD_CHECKSUM] = "damaged: the checksum does not fit",
        [IMAGE_BAD_LAYOUT] = "damaged: a reference leaves the image",
    };
    return (unsigned)error < sizeof(texts) / sizeof(texts[0]) ? texts[error] : "unknown error";
}

/* Whether `count` elements of `size` bytes at `offset` lie inside the image and are aligned. */
static bool inside(const struct policy_image *image, uint32_t offset, uint64_t count, size_t size,
                   size_t alignment)
{
    uint64_t end = (uint64_t)offset + count * size;
    return offset >= sizeof(*image) && end <= image->size && offset % alignment == 0;
}

static bool string_is_inside(const struct policy_image *image, image_string string)
{
    return string < image->strings.count;
}

static bool table_is_inside(const struct policy_image *image, const struct image_table *table,
                            size_t size, size_t alignment)
{
    return inside(image, table->offset, table->count, size, alignment);
}

static bool tables_are_inside(const struct policy_image *image)
{
    const struct image_table *strings = &image->strings;
    return table_is_inside(image, &image->rules, sizeof(struct image_rule), 4) &&
           table_is_inside(image, &image->conditions, sizeof(struct image_condition), 4) &&
           table_is_inside(image, &image->interfaces, sizeof(struct image_interface), 4) &&
           table_is_inside(image, &image->opnum_lists, sizeof(uint32_t), 4) &&
           table_is_inside(image, &image->lists, sizeof(struct image_list), 4) &&
           table_is_inside(image, &image->groups, sizeof(struct image_group), 4) &&
           table_is_inside(image, strings, 1, 1) && strings->count > 0 &&
           ((const char *)image)[strings->offset + strings->count - 1] == '\0' &&
           string_is_inside(image, image->json_path) &&
           (image->interfaces.count & (image->interfaces.count - 1)) == 0;
}

static const void *elements(const struct policy_image *image, const struct image_table *table)
{
    return (const char *)image + table->offset;
}

static bool list_exists(const struct policy_image *image, uint32_t list)
{
    return list == IMAGE_NO_LIST || list < image->lists.count;
}

static bool opnums_are_inside(const struct policy_image *image, const struct image_opnums *opnums)
{
    return list_exists(image, opnums->any) &&
           (uint64_t)opnums->lists + opnums->count <= image->opnum_lists.count;
}

static bool index_is_inside(const struct policy_image *image)
{
    const struct image_interface *interface = elements(image, &image->interfaces);
    const uint32_t *opnum_list = elements(image, &image->opnum_lists);
    const struct image_list *list = elements(image, &image->lists);
    for (uint32_t i = 0; i < image->interfaces.count; i++) {
        if (interface[i].used && !opnums_are_inside(image, &interface[i].opnums)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < image->opnum_lists.count; i++) {
        if (!list_exists(image, opnum_list[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < image->lists.count; i++) {
        if ((uint64_t)list[i].first + list[i].count > image->groups.count) {
            return false;
        }
    }
    return opnums_are_inside(image, &image->others);
}

/* A rule that a table names: one that exists, or none. */
static bool rule_exists(const struct policy_image *image, uint32_t rule)
{
    return rule == IMAGE_NO_RULE || rule < image->rules.count;
}

static bool address_table_is_inside(const struct policy_image *image,
                                    const struct image_group *group)
{
    const struct address_entry *entry =
        (const struct address_entry *)((const char *)image + group->table);
    const uint32_t *v4 = (const uint32_t *)((const char *)image + group->v4_table);
    uint64_t v4_numbers = (uint64_t)group->v4_count * 2;
    if (!inside(image, group->table, group->count, sizeof(*entry), 8) ||
        !inside(image, group->v4_table, v4_numbers, sizeof(*v4), 4)) {
        return false;
    }
    for (uint32_t i = 0; i < group->count; i++) {
        if (!rule_exists(image, entry[i].rule)) {
            return false;
        }
    }
    for (uint64_t i = group->v4_count; i < v4_numbers; i++) {
        if (!rule_exists(image, v4[i])) {
            return false;
        }
    }
    return true;
}

static bool sid_table_is_inside(const struct policy_image *image, const struct image_group *group)
{
    const struct sid_slot *slot = (const struct sid_slot *)((const char *)image + group->table);
    if (!inside(image, group->table, group->count, sizeof(*slot), 4) || !group->count ||
        (group->count & (group->count - 1)) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < group->count; i++) {
        if (!rule_exists(image, slot[i].rule) ||
            (slot[i].rule != SID_TABLE_NO_RULE && !sid_is_valid(&slot[i].sid))) {
            return false;
        }
    }
    return true;
}

/*
 * The compiler writes every value for one reference alone, so what all references claim together
 * fits into the image. Were it more, checking would not be linear.
 */
static bool claim(const struct policy_image *image, uint64_t *claimed, uint64_t count, size_t size)
{
    *claimed += count * size;
    return *claimed <= image->size;
}

static bool groups_are_inside(const struct policy_image *image)
{
    const struct image_group *at = elements(image, &image->groups);
    uint64_t claimed = 0;
    for (uint32_t i = 0; i < image->groups.count; i++) {
        if (at[i].first_rule >= image->rules.count || !rule_exists(image, at[i].first_block) ||
            (uint64_t)at[i].first_condition + at[i].condition_count > image->conditions.count) {
            return false;
        }
        size_t size =
            at[i].kind == IMAGE_GROUP_SIDS ? sizeof(struct sid_slot) : sizeof(struct address_entry);
        if (at[i].kind != IMAGE_GROUP_RULE &&
            (!claim(image, &claimed, at[i].count, size) ||
             !claim(image, &claimed, at[i].v4_count, 2 * sizeof(uint32_t)))) {
            return false;
        }
        bool good = at[i].kind == IMAGE_GROUP_RULE;
        if (at[i].kind == IMAGE_GROUP_ADDRESSES) {
            good = address_table_is_inside(image, &at[i]);
        } else if (at[i].kind == IMAGE_GROUP_SIDS) {
            good = sid_table_is_inside(image, &at[i]);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool rules_are_inside(const struct policy_image *image)
{
    const struct image_rule *at =
        (const struct image_rule *)((const char *)image + image->rules.offset);
    for (uint32_t i = 0; i < image->rules.count; i++) {
        if ((uint64_t)at[i].first_condition + at[i].condition_count > image->conditions.count ||
            !string_is_inside(image, at[i].file) || !string_is_inside(image, at[i].name)) {
            return false;
        }
    }
    return true;
}

static bool patterns_are_inside(const struct policy_image *image,
                                const struct image_condition *condition)
{
    const struct image_pattern *at =
        (const struct image_pattern *)((const char *)image + condition->offset);
    for (uint32_t i = 0; i < condition->count; i++) {
        if (!inside(image, at[i].offset, at[i].length, 1, 1)) {
            return false;
        }
    }
    return true;
}

/* Comparing a SID reads as many numbers as it claims to have. */
static bool sids_are_valid(const struct policy_image *image,
                           const struct image_condition *condition)
{
    const struct sid *at = (const struct sid *)((const char *)image + condition->offset);
    for (uint32_t i = 0; i < condition->count; i++) {
        if (!sid_is_valid(&at[i])) {
            return false;
        }
    }
    return true;
}

static bool conditions_are_inside(const struct policy_image *image)
{
    const struct image_condition *at =
        (const struct image_condition *)((const char *)image + image->conditions.offset);
    uint64_t claimed = 0;
    for (uint32_t i = 0; i < image->conditions.count; i++) {
        if (at[i].key >= KEY_COUNT) {
            return false;
        }
        const struct condition_type *type = condition_keys[at[i].key].type;
        if (!at[i].count || !inside(image, at[i].offset, at[i].count, type->size, 4) ||
            !claim(image, &claimed, at[i].count, type->size)) {
            return false;
        }
        if ((type->is_text && !patterns_are_inside(image, &at[i])) ||
            (type == &type_sids && !sids_are_valid(image, &at[i]))) {
            return false;
        }
    }
    return true;
}

enum image_error image_validate(const void *bytes, size_t size)
{
    const struct policy_image *image = bytes;
    if (size < sizeof(*image)) {
        return IMAGE_TOO_SHORT;
    }
    if (memcmp(image->magic, IMAGE_MAGIC, sizeof(image->magic)) != 0) {
        return IMAGE_BAD_MAGIC;
    }
    if (image->format_version != IMAGE_FORMAT_VERSION) {
        return IMAGE_BAD_VERSION;
    }
    if (image->size < sizeof(*image) || image->size > size || image->size > IMAGE_MAX_SIZE) {
        return IMAGE_BAD_SIZE;
    }
    if (image->checksum != image_checksum(image)) {
        return IMAGE_BAD_CHECKSUM;
    }
    if (!tables_are_inside(image) || !rules_are_inside(image) || !conditions_are_inside(image) ||
        !index_is_inside(image) || !groups_are_inside(image)) {
        return IMAGE_BAD_LAYOUT;
    }
    return IMAGE_OK;
}

const char *image_text(const struct policy_image *image, image_string string)
{
    return (const char *)image + image->strings.offset + string;
}

const struct image_rule *image_rule(const struct policy_image *image, uint32_t rule)
{
    return (const struct image_rule *)((const char *)image + image->rules.offset) + rule;
}
