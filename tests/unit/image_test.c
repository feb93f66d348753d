/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/decide.h"
#include "core/image.h"
#include "core/policy.h"
#include "fuzz/probe_image.h"

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes compile(const char *text)
{
    struct bytes image = {NULL, 0};
    struct policy *policy = policy_read("test.conf", text, strlen(text), NULL);
    assert_non_null(policy);
    assert_int_equal(policy->diagnostics.errors, 0);
    void *compiled = policy_compile(policy, &image.size);
    policy_free(policy);
    assert_non_null(compiled);
    image.at = probe_copy(compiled, image.size);
    free(compiled);
    return image;
}

static int setup(void **state)
{
    static struct bytes image;
    image = compile(probe_policy);
    *state = &image;
    return 0;
}

static int teardown(void **state)
{
    free(((struct bytes *)*state)->at);
    return 0;
}

static void takes_what_the_compiler_makes(void **state)
{
    const struct bytes *image = *state;
    assert_int_equal(image_validate(image->at, image->size), IMAGE_OK);
    probe_image((const struct policy_image *)image->at);
    assert_string_equal(image_error_text(IMAGE_OK), "valid");
    assert_non_null(image_error_text((enum image_error)99));
}

/* A section is as large as its pages. */
static void takes_an_image_in_a_larger_block(void **state)
{
    const struct bytes *image = *state;
    uint8_t *block = malloc(image->size + 4096);
    assert_non_null(block);
    memset(block, 0xcc, image->size + 4096);
    memcpy(block, image->at, image->size);
    assert_int_equal(image_validate(block, image->size + 4096), IMAGE_OK);
    free(block);
}

static void names_what_is_wrong(void **state)
{
    const struct bytes *image = *state;
    uint8_t *copy = probe_copy(image->at, image->size);
    struct policy_image *header = (struct policy_image *)copy;

    assert_int_equal(image_validate(copy, sizeof(*header) - 1), IMAGE_TOO_SHORT);
    assert_int_equal(image_validate(copy, image->size - 1), IMAGE_BAD_SIZE);
    header->size = sizeof(*header) - 1;
    assert_int_equal(image_validate(copy, image->size), IMAGE_BAD_SIZE);
    header->size = (uint32_t)image->size;
    header->checksum++;
    assert_int_equal(image_validate(copy, image->size), IMAGE_BAD_CHECKSUM);
    header->checksum--;
    header->format_version++;
    assert_int_equal(image_validate(copy, image->size), IMAGE_BAD_VERSION);
    header->format_version--;
    header->magic[0] ^= 1;
    assert_int_equal(image_validate(copy, image->size), IMAGE_BAD_MAGIC);
    header->magic[0] ^= 1;
    header->rules.count = UINT32_MAX;
    probe_fix_checksum(copy, image->size);
    assert_int_equal(image_validate(copy, image->size), IMAGE_BAD_LAYOUT);
    free(copy);
}

/* The checksum sees every byte. */
static void refuses_an_image_with_any_byte_changed(void **state)
{
    const struct bytes *image = *state;
    uint8_t *copy = probe_copy(image->at, image->size);
    for (size_t at = 0; at < image->size; at++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xff};
        for (size_t i = 0; i < sizeof(flips); i++) {
            copy[at] = image->at[at] ^ flips[i];
            assert_int_not_equal(image_validate(copy, image->size), IMAGE_OK);
        }
        copy[at] = image->at[at];
    }
    assert_int_equal(image_validate(copy, image->size), IMAGE_OK);
    free(copy);
}

/* Whoever knows the checksum can get past it; what lies behind must hold by itself. */
static void any_byte_changed_is_harmless_under_a_right_checksum(void **state)
{
    const struct bytes *image = *state;
    uint8_t *copy = probe_copy(image->at, image->size);
    size_t refused = 0;
    for (size_t at = 0; at < image->size; at++) {
        const uint8_t old = image->at[at];
        const uint8_t values[] = {0, 0xff, (uint8_t)(old + 1), (uint8_t)(old ^ 0x80)};
        for (size_t i = 0; i < sizeof(values); i++) {
            memcpy(copy, image->at, image->size);
            copy[at] = values[i];
            probe_fix_checksum(copy, image->size);
            refused += image_validate(copy, image->size) != IMAGE_OK;
            probe_bytes(copy, image->size);
        }
    }
    assert_true(refused > image->size / 4);
    free(copy);
}

static void any_number_changed_is_harmless_under_a_right_checksum(void **state)
{
    const struct bytes *image = *state;
    uint8_t *copy = probe_copy(image->at, image->size);
    const uint32_t size = (uint32_t)image->size;
    const uint32_t values[] = {UINT32_MAX, UINT32_MAX - 1, INT32_MAX,  (uint32_t)INT32_MIN,
                               size,       size - 1,       size - 4,   size - 8,
                               size / 2,   1u << 16,       0x20000000, 0x10000001};
    for (size_t at = 0; at + 4 <= image->size; at += 4) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            memcpy(copy, image->at, image->size);
            memcpy(copy + at, &values[i], 4);
            probe_fix_checksum(copy, image->size);
            probe_bytes(copy, image->size);
        }
    }
    free(copy);
}

static void refuses_an_image_cut_at_any_length(void **state)
{
    const struct bytes *image = *state;
    for (size_t size = 0; size < image->size; size++) {
        uint8_t *copy = probe_copy(image->at, size);
        assert_int_not_equal(image_validate(copy, size), IMAGE_OK);
        if (size >= sizeof(struct policy_image)) {
            ((struct policy_image *)copy)->size = (uint32_t)size;
            probe_fix_checksum(copy, size);
            probe_bytes(copy, size);
        }
        free(copy);
    }
}

static void nothing_but_noise_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < 4096; size += 97) {
        uint8_t *block = malloc(size + 1);
        assert_non_null(block);
        for (int byte = 0; byte < 256; byte += 85) {
            memset(block, byte, size + 1);
            assert_int_not_equal(image_validate(block, size), IMAGE_OK);
        }
        free(block);
    }
}

static void an_empty_policy_is_an_image(void **state)
{
    struct bytes image = compile("");
    struct call call = {.fetched = UINT32_MAX, .known = UINT32_MAX};
    (void)state;
    assert_int_equal(image_validate(image.at, image.size), IMAGE_OK);
    struct verdict verdict = decide((const struct policy_image *)image.at, &call);
    assert_int_equal(verdict.rule, VERDICT_NO_RULE);
    assert_false(verdict.block || verdict.audit || verdict.dry || verdict.verbose);
    free(image.at);
}

static void equal_text_gives_equal_bytes(void **state)
{
    const struct bytes *first = *state;
    struct bytes second = compile(probe_policy);
    assert_int_equal(first->size, second.size);
    assert_memory_equal(first->at, second.at, second.size);
    free(second.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_compiler_makes),
        cmocka_unit_test(takes_an_image_in_a_larger_block),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(refuses_an_image_with_any_byte_changed),
        cmocka_unit_test(any_byte_changed_is_harmless_under_a_right_checksum),
        cmocka_unit_test(any_number_changed_is_harmless_under_a_right_checksum),
        cmocka_unit_test(refuses_an_image_cut_at_any_length),
        cmocka_unit_test(nothing_but_noise_is_refused),
        cmocka_unit_test(an_empty_policy_is_an_image),
        cmocka_unit_test(equal_text_gives_equal_bytes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
