/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image as whoever can write the section might make it: what the validator takes must be safe to
 * decide with. The checksum is made right first; it keeps nobody out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "probe_image.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The image of the probe policy: what the input's edits are applied to. */
static uint8_t *sample;
static size_t sample_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct policy *policy = policy_read("p", probe_policy, strlen(probe_policy), NULL);
    sample = policy ? policy_compile(policy, &sample_size) : NULL;
    policy_free(policy);
    if (!sample) {
        abort();
    }
    return 0;
}

/* The input as an image of its own. */
static void probe_whole(const uint8_t *data, size_t size)
{
    void *image = probe_copy(data, size);
    probe_bytes(image, size);
    if (size >= sizeof(struct policy_image)) {
        struct policy_image *header = image;
        memcpy(header->magic, IMAGE_MAGIC, sizeof(header->magic));
        header->format_version = IMAGE_FORMAT_VERSION;
        header->size = (uint32_t)size;
        probe_fix_checksum(image, size);
        probe_bytes(image, size);
    }
    free(image);
}

/* The input as edits of a good image: two bytes of place, counted in numbers, and four of value. */
static void probe_edited(const uint8_t *data, size_t size)
{
    uint8_t *image = probe_copy(sample, sample_size);
    for (; size >= 6; data += 6, size -= 6) {
        size_t place = ((size_t)data[0] << 8 | data[1]) * 4 % (sample_size - 3);
        memcpy(image + place, data + 2, 4);
    }
    probe_fix_checksum(image, sample_size);
    probe_bytes(image, sample_size);
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    probe_whole(data, size);
    probe_edited(data, size);
    return 0;
}
