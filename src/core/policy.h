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

#define POLICY_LINE_MAX  ((size_t)64 << 10) /* bytes of UTF-8 */
#define POLICY_RULES_MAX 1000000u
#define POLICY_FILE_MAX  ((size_t)512 << 20)

/* Values that all sets hold together, and that all rules take from them: sets take over others, so
 * a few short lines could ask for any number. */
#define POLICY_SET_VALUES_MAX   1000000u
#define POLICY_TAKEN_VALUES_MAX 10000000u

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

/* A file that the policy was read from: the policy file itself or an included one. */
struct policy_source {
    char *path;
    char *text; /* as UTF-8: the places point into it */
    size_t size;
};

/* A value of a set, where it stands. */
struct policy_set_element {
    struct source_place place; /* column and span */
    size_t set;                /* the set whose line that is: sets take over others' values */
};

/* What `set` defined. What its values are, only the keys that use it know. */
struct policy_set {
    char *name;
    struct source_place place; /* of the name */
    struct policy_set_element *elements;
    size_t count;
    uint32_t reported; /* a bit for each enum policy_key whose errors in its line were reported */
    bool used;
};

struct policy {
    struct policy_rule *rules; /* in file order, of all targets */
    size_t rule_count;
    size_t rule_capacity;
    struct text_pool pool; /* texts of patterns */

    struct policy_source *sources; /* the policy file first */
    size_t source_count;
    struct policy_set *sets;
    size_t set_count;
    size_t set_values;       /* that all sets hold */
    size_t values_from_sets; /* that all rules took */

    char *json_path; /* option json FILE */
    bool json_off;
    bool eventlog_off;
    bool journal_off;
    bool unknown_lenient;
    bool unsupported_closed;
    bool has_domain; /* `domain` holds the SID that DA, DU, … are relative to */
    struct sid domain;
    uint32_t options_seen; /* a bit for each option that was given */

    struct diagnostics diagnostics;
};

/* How deep includes may go, and how many files a policy may have in all. */
#define POLICY_INCLUDE_DEPTH 8
#define POLICY_FILES_MAX     1000

struct policy_read_options {
    bool compat; /* take prose lines in a file with prefixes for comments, with a warning each */

    /* What DA, DU, … are relative to unless the policy says so: this host's domain; NULL: none. */
    const struct sid *domain;

    /*
     * Reads an included file into memory that free() gives back; NULL and a constant text in *why
     * when it cannot be read. NULL here: include is an error.
     */
    void *(*read_file)(const char *path, size_t limit, size_t *size, const char **why);
};

/*
 * Reads a policy from `size` bytes of its file. Never NULL unless memory is out; the policy is good
 * for use only when diagnostics.errors is 0. Free with policy_free().
 */
struct policy *policy_read(const char *path, const void *bytes, size_t size,
                           const struct policy_read_options *options);
void policy_free(struct policy *policy);
void policy_rule_free(struct policy_rule *rule); /* what the rule holds */

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
