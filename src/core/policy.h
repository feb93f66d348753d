/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as its author wrote it: rules with their places, and everything that is wrong with them.
 *
 * Read by policy_read() in the tools and managers, never in a protected process; then linted,
 * compiled or shown. One owner, no locks. Memory grows with the text; every limit of the language
 * is checked here.
 */
#ifndef RPCFW_CORE_POLICY_H
#define RPCFW_CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/condition.h"
#include "core/diagnostics.h"

#define POLICY_LINE_MAX  (64u * 1024u) /* bytes of UTF-8 */
#define POLICY_RULES_MAX 1000000u
#define POLICY_FILE_MAX  (512u * 1024u * 1024u)

/* Whom a rule is for. */
enum policy_target { TARGET_FIREWALL = 1, TARGET_FILTER = 2, TARGET_ALL = 3 };

struct policy_condition {
    enum policy_key key;
    bool negated;
    uint32_t column; /* of the key */
    struct value_list values;
};

struct policy_rule {
    struct source_place place;
    enum policy_target target;
    bool block;
    bool audit;
    bool dry;
    bool verbose;
    char *name;                          /* id:, or NULL */
    struct policy_condition *conditions; /* in the order of enum policy_key */
    size_t condition_count;
};

struct policy {
    struct policy_rule *rules; /* in file order, of all targets */
    size_t rule_count;
    size_t rule_capacity;
    struct text_pool pool; /* texts of patterns */

    char *path; /* of the policy file */
    char *text; /* its content as UTF-8: the places point into it */
    size_t text_size;

    char *json_path; /* option json FILE */
    bool json_off;
    bool eventlog_off;
    bool journal_off;
    bool unknown_lenient;

    struct diagnostics diagnostics;
};

struct policy_read_options {
    bool compat; /* take prose lines in a file with prefixes for comments, with a warning each */
};

/*
 * Reads a policy from `size` bytes of its file. Never NULL unless memory is out; the policy is good
 * for use only when diagnostics.errors is 0. Free with policy_free().
 */
struct policy *policy_read(const char *path, const void *bytes, size_t size,
                           const struct policy_read_options *options);
void policy_free(struct policy *policy);

/* Adds warnings about rules that do not do what their author thinks. Only for a policy without
 * errors. */
void policy_lint(struct policy *policy);

/*
 * Compiles the rules for the firewall into an image (image.h) of *size bytes, to be freed with
 * free(). Only for a policy without errors. NULL: out of memory, or the image would exceed
 * IMAGE_MAX_SIZE.
 */
void *policy_compile(const struct policy *policy, size_t *size);

#endif
