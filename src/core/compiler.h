/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy compiler, shared by the files that make it up: compile.c (rules and the whole),
 * compile_index.c (which rules can match a call) and compile_buffer.c. Nobody else includes this.
 */
#ifndef RPCFW_CORE_COMPILER_H
#define RPCFW_CORE_COMPILER_H

#include "core/policy.h"

/* Bytes that grow. */
struct buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool failed; /* out of memory or too large: everything after it is ignored */
};

/* Appends `size` bytes (zeros when `bytes` is NULL) and returns where they start. */
uint32_t put(struct buffer *buffer, const void *bytes, size_t size);
void align(struct buffer *buffer, size_t alignment);

struct compiler {
    const struct policy *policy;
    const struct policy_rule **source; /* by number in the image */
    uint32_t rule_count;
    struct buffer image; /* the header's room first, then values, then tables */
    struct buffer rules;
    struct buffer conditions;
    struct buffer strings;
};

/* Appends the table to the image; its failure becomes the image's. */
struct image_table put_table(struct compiler *compiler, const struct buffer *table, size_t element);

/* Compiles one condition into the table of conditions. */
void compile_condition(struct compiler *compiler, const struct policy_condition *condition);

/* Builds interfaces, others, opnum_lists, lists and groups from the rules, which are compiled. */
void compile_index(struct compiler *compiler, struct policy_image *header);

#endif
