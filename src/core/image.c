/* SPDX-License-Identifier: Apache-2.0 */
#include "core/image.h"

#include <string.h>

#include "core/condition.h"
#include "core/image_checksum.h"

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

static bool tables_are_inside(const struct policy_image *image)
{
    const struct image_table *strings = &image->strings;
    return inside(image, image->rules.offset, image->rules.count, sizeof(struct image_rule), 4) &&
           inside(image, image->conditions.offset, image->conditions.count,
                  sizeof(struct image_condition), 4) &&
           inside(image, image->interfaces.offset, image->interfaces.count,
                  sizeof(struct image_interface), 4) &&
           inside(image, image->candidates.offset, image->candidates.count, sizeof(uint32_t), 4) &&
           inside(image, image->any.offset, image->any.count, sizeof(uint32_t), 4) &&
           inside(image, strings->offset, strings->count, 1, 1) && strings->count > 0 &&
           ((const char *)image)[strings->offset + strings->count - 1] == '\0' &&
           string_is_inside(image, image->json_path);
}

static bool rule_numbers_exist(const struct policy_image *image, const struct image_table *table)
{
    const uint32_t *numbers = (const uint32_t *)((const char *)image + table->offset);
    for (uint32_t i = 0; i < table->count; i++) {
        if (numbers[i] >= image->rules.count) {
            return false;
        }
    }
    return true;
}

static bool interfaces_are_inside(const struct policy_image *image)
{
    const struct image_interface *at =
        (const struct image_interface *)((const char *)image + image->interfaces.offset);
    for (uint32_t i = 0; i < image->interfaces.count; i++) {
        if ((uint64_t)at[i].first + at[i].count > image->candidates.count) {
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

static bool conditions_are_inside(const struct policy_image *image)
{
    const struct image_condition *at =
        (const struct image_condition *)((const char *)image + image->conditions.offset);
    for (uint32_t i = 0; i < image->conditions.count; i++) {
        if (at[i].key >= KEY_COUNT) {
            return false;
        }
        const struct condition_type *type = condition_keys[at[i].key].type;
        if (!at[i].count || !inside(image, at[i].offset, at[i].count, type->size, 4)) {
            return false;
        }
        if (type->is_text && !patterns_are_inside(image, &at[i])) {
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
    if (!tables_are_inside(image) || !rule_numbers_exist(image, &image->candidates) ||
        !rule_numbers_exist(image, &image->any) || !interfaces_are_inside(image) ||
        !rules_are_inside(image) || !conditions_are_inside(image)) {
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
