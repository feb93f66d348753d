/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a policy, from the reader to the decision. A file that it includes is the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "probe_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files that one input may include: includes multiply, and a slow input finds little. */
#define INCLUDES_MAX 12

static const uint8_t *text;
static size_t text_size;
static int includes;

const char *__wrap_closest_word(const char *word, size_t length, const char *const *candidates);

/* The linker sends the calls of closest_word() here: comparing with all names that there are takes
 * ten times longer than the rest. value_fuzz.c tries it by itself. */
const char *__wrap_closest_word(const char *word, size_t length, const char *const *candidates)
{
    return length && word[0] == candidates[0][0] ? candidates[0] : NULL;
}

static void *read_file(const char *path, size_t limit, size_t *size, const char **why)
{
    char *copy = text_size <= limit ? malloc(text_size + 1) : NULL;
    *why = "no such file";
    if (!copy || !strchr(path, 'i') || ++includes > INCLUDES_MAX) {
        free(copy);
        return NULL;
    }
    memcpy(copy, text, text_size);
    *size = text_size;
    return copy;
}

/* Every place that is reported lies in its line. */
static void check_places(const struct policy *policy)
{
    for (size_t i = 0; i < policy->diagnostics.count; i++) {
        const struct source_place *place = &policy->diagnostics.items[i].place;
        if (place->text && place->column > place->text_length + 1) {
            abort();
        }
    }
}

static void compile(const struct policy *policy)
{
    size_t size = 0;
    void *compiled = policy_compile(policy, &size);
    if (!compiled) {
        return;
    }
    void *image = probe_copy(compiled, size);
    free(compiled);
    if (image_validate(image, size) != IMAGE_OK) {
        abort();
    }
    probe_image(image);
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first byte chooses the options, so that the corpus reaches all of them. */
    static const struct sid domain = {1, 4, {0, 0, 0, 0, 0, 5}, {21, 1, 2, 3}};
    uint8_t choice = size ? data[0] : 0;
    struct policy_read_options options = {.compat = (choice & 1) != 0,
                                          .domain = choice & 2 ? &domain : NULL,
                                          .read_file = choice & 4 ? read_file : NULL};
    text = size ? data + 1 : data;
    text_size = size ? size - 1 : 0;
    includes = 0;
    struct policy *policy = policy_read("f/p.conf", text, text_size, &options);
    if (!policy) {
        return 0;
    }
    check_places(policy);
    if (!policy->diagnostics.errors) {
        policy_lint(policy);
        check_places(policy);
        compile(policy);
    }
    policy_free(policy);
    return 0;
}
