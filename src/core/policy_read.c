/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy_reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/source_text.h"
#include "core/wildcard.h"

static const struct {
    const char *text;
    enum policy_target target;
} prefixes[] = {{"fw:", TARGET_FIREWALL}, {"flt:", TARGET_FILTER}, {"all:", TARGET_ALL}};

#define PREFIX_COUNT (sizeof(prefixes) / sizeof(prefixes[0]))

/* The prefix that the line at `at` starts with: its length, and its target; 0: none. */
static size_t prefix_of(const char *at, const char *end, enum policy_target *target)
{
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        size_t length = strlen(prefixes[i].text);
        if ((size_t)(end - at) >= length && memcmp(at, prefixes[i].text, length) == 0) {
            *target = prefixes[i].target;
            return length;
        }
    }
    return 0;
}

/* "FW:": a prefix in the wrong case, whose file would else be read in the other form. */
static const char *misspelt_prefix(struct word word)
{
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        size_t length = strlen(prefixes[i].text);
        if (word.length >= length && wildcard_equal(prefixes[i].text, length, word.at, length)) {
            return prefixes[i].text;
        }
    }
    return NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The prefix of a line that begins with a quote, a bullet or a number, or whose prefix has a blank
 * before its colon; *at is left where the first letter is. */
static const char *marred_prefix(const char **at, const char *end)
{
    while (*at < end && !is_letter(**at)) {
        (*at)++;
    }
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        size_t length = strlen(prefixes[i].text) - 1;
        const char *behind = *at + length;
        if ((size_t)(end - *at) <= length ||
            !wildcard_equal(prefixes[i].text, length, *at, length)) {
            continue;
        }
        while (behind < end && (*behind == ' ' || *behind == '\t')) {
            behind++;
        }
        if (behind < end && *behind == ':') {
            return prefixes[i].text;
        }
    }
    return NULL;
}

/* Whether a word from `at` on begins with a key and its colon: no prose, but a rule that would be
 * lost. */
static bool has_key(const char *at, const char *end)
{
    for (;;) {
        struct word word = next_word(&at, end);
        const char *colon = memchr(word.at, ':', word.length);
        if (!word.length) {
            return false;
        }
        if (colon && is_rule_key((struct word){word.at, (size_t)(colon - word.at)})) {
            return true;
        }
    }
}

static void report_no_prefix(struct reader *reader, struct word first, const char *end)
{
    const char *at = first.at;
    const char *meant = misspelt_prefix(first);
    if (!meant) {
        meant = marred_prefix(&at, end);
    }
    if (reader->options->compat && !meant && !has_key(first.at, end) && !has_key(at, end)) {
        warning_at(reader, first, NULL, "line without a prefix ignored");
        return;
    }
    error_at(reader, first, meant ? meant : "",
             "a line without fw:, flt: or all: in a file where others have one");
}

/* ---- include PATH ---- */

static void read_source(struct reader *reader, const void *bytes, size_t size);
static struct policy_source *add_source(struct policy *policy, char *path);

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

/* `path` as seen from the folder of the including file. NULL: out of memory. */
static char *resolve(const char *from, struct word path)
{
    bool absolute = is_separator(path.at[0]) || (path.length > 1 && path.at[1] == ':');
    size_t folder = absolute ? 0 : strlen(from);
    while (folder && !is_separator(from[folder - 1])) {
        folder--;
    }
    char *resolved = malloc(folder + path.length + 1);
    if (resolved) {
        memcpy(resolved, from, folder);
        memcpy(resolved + folder, path.at, path.length);
        resolved[folder + path.length] = '\0';
    }
    return resolved;
}

/* Whether the file is being read already, further out. */
static bool is_being_read(const struct reader *reader, const char *path)
{
    for (; reader; reader = reader->outer) {
        if (strcmp(reader->place.path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void read_included(struct reader *reader, struct word path, char *resolved)
{
    struct reader inner = {.policy = reader->policy,
                           .options = reader->options,
                           .depth = reader->depth + 1,
                           .outer = reader};
    const char *why = "not allowed here";
    size_t size = 0;
    void *bytes = reader->options->read_file
                      ? reader->options->read_file(resolved, POLICY_FILE_MAX, &size, &why)
                      : NULL;
    if (!bytes) {
        error_at(reader, path, NULL, "cannot include %s: %s", resolved, why);
        free(resolved);
        return;
    }
    if (add_source(reader->policy, resolved)) {
        read_source(&inner, bytes, size);
    } else {
        error_at(reader, path, NULL, "out of memory");
    }
    free(bytes);
}

static void read_include(struct reader *reader, struct word directive, const char *at,
                         const char *end)
{
    struct word path = rest_of_line(at, end);
    if (!path.length) {
        error_at(reader, directive, NULL, "include needs a path");
        return;
    }
    if (reader->depth == POLICY_INCLUDE_DEPTH) {
        error_at(reader, path, NULL, "includes go deeper than %d files", POLICY_INCLUDE_DEPTH);
        return;
    }
    if (reader->policy->source_count == POLICY_FILES_MAX) {
        error_at(reader, path, NULL, "more than %d files", POLICY_FILES_MAX);
        return;
    }
    char *resolved = resolve(reader->place.path, path);
    if (!resolved) {
        error_at(reader, path, NULL, "out of memory");
    } else if (is_being_read(reader, resolved)) {
        error_at(reader, path, NULL, "%s includes itself", resolved);
        free(resolved);
    } else {
        read_included(reader, path, resolved);
    }
}

/* ---- Lines ---- */

static const struct {
    const char *name;
    void (*read)(struct reader *reader, struct word directive, const char *at, const char *end);
} directives[] = {{"option", read_option}, {"set", read_set}, {"include", read_include}};

#define DIRECTIVE_COUNT (sizeof(directives) / sizeof(directives[0]))

static void read_line(struct reader *reader, const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = text;
    enum policy_target target = TARGET_FIREWALL;

    reader->place.text = text;
    reader->place.text_length = length;
    if (length > POLICY_LINE_MAX) {
        reader->place.text = NULL;
        diagnostics_add(&reader->policy->diagnostics, DIAGNOSTIC_ERROR, &reader->place, NULL,
                        "the line is longer than %lu bytes", (unsigned long)POLICY_LINE_MAX);
        return;
    }
    size_t bad = source_text_bad_byte(text, length);
    if (bad < length) {
        error_at(reader, ((struct word){text + bad, 1}), NULL, "byte 0x%02x is not UTF-8 text",
                 (unsigned char)text[bad]);
        return;
    }
    const char *after_first = at;
    struct word first = next_word(&after_first, end);
    if (!first.length) {
        return;
    }
    for (size_t i = 0; i < DIRECTIVE_COUNT; i++) {
        if (word_is(first, directives[i].name)) {
            directives[i].read(reader, first, after_first, end);
            return;
        }
    }
    size_t prefix = prefix_of(first.at, end, &target);
    if (!prefix && reader->prefixed) {
        report_no_prefix(reader, first, end);
        return;
    }
    if (prefix && first.length == prefix && next_word(&after_first, end).length) {
        error_at(reader, first, NULL, "a space behind the prefix '%.*s'", (int)prefix, first.at);
        return;
    }
    read_rule(reader, target, first.at + prefix, end);
}

/* Calls `visit` for each line without its end, LF or CRLF. */
static void each_line(struct reader *reader, const struct policy_source *source,
                      void (*visit)(struct reader *, const char *, size_t))
{
    const char *at = source->text;
    const char *end = at + source->size;
    reader->place.line = 0;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed ? feed : end;
        size_t length = (size_t)(stop - at);
        if (length && at[length - 1] == '\r') {
            length--;
        }
        reader->place.line++;
        visit(reader, at, length);
        at = feed ? feed + 1 : end;
    }
}

static void find_prefix(struct reader *reader, const char *text, size_t length)
{
    enum policy_target target;
    const char *at = text;
    struct word first = next_word(&at, text + length);
    if (first.length && prefix_of(first.at, text + length, &target)) {
        reader->prefixed = true;
    }
}

/* Takes `path` over; adds a source without text. NULL: out of memory. */
static struct policy_source *add_source(struct policy *policy, char *path)
{
    size_t size = (policy->source_count + 1) * sizeof(*policy->sources);
    struct policy_source *sources = path ? realloc(policy->sources, size) : NULL;
    if (!sources) {
        free(path);
        return NULL;
    }
    policy->sources = sources;
    sources[policy->source_count] = (struct policy_source){.path = path};
    return &sources[policy->source_count++];
}

/* Reads the lines of a file that was added as the last source. */
static void read_source(struct reader *reader, const void *bytes, size_t size)
{
    struct policy *policy = reader->policy;
    struct policy_source *last = &policy->sources[policy->source_count - 1];
    const char *why = "the file is too large";
    reader->place =
        (struct source_place){.path = last->path, .file = (uint32_t)(policy->source_count - 1)};
    last->text = size > POLICY_FILE_MAX ? NULL : source_text_decode(bytes, size, &last->size, &why);
    if (!last->text) {
        diagnostics_add(&policy->diagnostics, DIAGNOSTIC_ERROR, &reader->place, NULL, "%s", why);
        return;
    }
    /* Includes add sources, which moves the table: work on a copy of the row. */
    const struct policy_source source = *last;
    each_line(reader, &source, find_prefix);
    each_line(reader, &source, read_line);
}

struct policy *policy_read(const char *path, const void *bytes, size_t size,
                           const struct policy_read_options *options)
{
    static const struct policy_read_options defaults = {0};
    struct policy *policy = calloc(1, sizeof(*policy));
    if (!policy) {
        return NULL;
    }
    struct reader reader = {.policy = policy, .options = options ? options : &defaults};
    if (!add_source(policy, copy_word((struct word){path, strlen(path)}))) {
        free(policy);
        return NULL;
    }
    read_source(&reader, bytes, size);
    diagnostics_sort(&policy->diagnostics);
    return policy;
}

void policy_rule_free(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        free(rule->conditions[i].values.items);
    }
    free(rule->conditions);
    free(rule->name);
}

void policy_free(struct policy *policy)
{
    if (!policy) {
        return;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        policy_rule_free(&policy->rules[i]);
    }
    for (size_t i = 0; i < policy->source_count; i++) {
        free(policy->sources[i].path);
        free(policy->sources[i].text);
    }
    for (size_t i = 0; i < policy->set_count; i++) {
        free(policy->sets[i].name);
        free(policy->sets[i].elements);
    }
    free(policy->rules);
    free(policy->sources);
    free(policy->sets);
    free(policy->pool.bytes);
    free(policy->json_path);
    diagnostics_free(&policy->diagnostics);
    free(policy);
}
