/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy reader, shared by the files that make it up: policy_read.c (files and lines),
 * rule_read.c (rules) and directive_read.c (set and option). Nobody else includes this.
 */
#ifndef RPCFW_CORE_POLICY_READER_H
#define RPCFW_CORE_POLICY_READER_H

#include "core/policy.h"

/* A run of bytes in the line being read. */
struct word {
    const char *at;
    size_t length;
};

struct reader {
    struct policy *policy;
    const struct policy_read_options *options;
    bool prefixed;              /* some line of the file has fw:, flt: or all: */
    unsigned depth;             /* of includes; 0: the policy file */
    const struct reader *outer; /* the including file's, or NULL */
    struct source_place place;  /* of the line */
};

bool word_is(struct word word, const char *text);

/* The next word at *at, up to a blank; empty at the end of the line or where a comment starts. */
struct word next_word(const char **at, const char *end);

/* The rest of the line up to a comment, without blanks at its ends: paths may hold blanks. */
struct word rest_of_line(const char *at, const char *end);

/* Zero-terminated, to be freed; NULL when memory is out. */
char *copy_word(struct word word);

/* How much of a wrong word a message repeats. */
int shown(size_t length);

struct source_place place_of(const struct reader *reader, struct word word);

#define report(reader, severity, word, suggestion, ...)                                            \
    do {                                                                                           \
        struct source_place report_place = place_of(reader, word);                                 \
        diagnostics_add(&(reader)->policy->diagnostics, severity, &report_place, suggestion,       \
                        __VA_ARGS__);                                                              \
    } while (0)

#define error_at(reader, word, suggestion, ...)                                                    \
    report(reader, DIAGNOSTIC_ERROR, word, suggestion, __VA_ARGS__)
#define warning_at(reader, word, suggestion, ...)                                                  \
    report(reader, DIAGNOSTIC_WARNING, word, suggestion, __VA_ARGS__)

/* Reads the rule from `at`, behind its prefix, to `end`. */
void read_rule(struct reader *reader, enum policy_target target, const char *at, const char *end);

/* A condition or an outcome, without its colon. */
bool is_rule_key(struct word name);

/* Reads what stands behind the word `directive` ("option" or "set"). */
void read_option(struct reader *reader, struct word directive, const char *at, const char *end);
void read_set(struct reader *reader, struct word directive, const char *at, const char *end);

/* The set of that name, or NULL. */
struct policy_set *find_set(struct policy *policy, struct word name);

#endif
