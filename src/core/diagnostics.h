/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy's reader and lint have to say: errors and warnings with their place.
 *
 * Owned by the policy that they are about; the paths and lines they point to live as long as it.
 * Tools only.
 */
#ifndef RPCFW_CORE_DIAGNOSTICS_H
#define RPCFW_CORE_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

/* A place in a policy file. */
struct source_place {
    const char *path; /* UTF-8, as the file was named */
    uint32_t file;    /* in the order of reading; 0: the policy file */
    uint32_t line;    /* 1-based; 0: the file as a whole */
    uint32_t column;  /* 1-based byte; 0: the line as a whole */
    uint32_t span;    /* bytes that the message is about */
    const char *text; /* the line, not zero-terminated; NULL: none */
    size_t text_length;
};

struct diagnostic {
    enum diagnostic_severity severity;
    struct source_place place;
    char message[320];
    char suggestion[128]; /* what may have been meant; empty: nothing known */
};

/* More are counted and not kept: nobody reads ten thousand. */
#define DIAGNOSTICS_MAX 10000

struct diagnostics {
    struct diagnostic *items; /* in the order of their places after diagnostics_sort() */
    size_t count;
    size_t capacity;
    size_t errors;   /* all, also those that were not kept */
    size_t warnings; /* the same */
    bool out_of_memory;
};

void diagnostics_add(struct diagnostics *list, enum diagnostic_severity severity,
                     const struct source_place *place, const char *suggestion, const char *format,
                     ...) __attribute__((format(printf, 5, 6)));

/* By file, line and column. */
void diagnostics_sort(struct diagnostics *list);

void diagnostics_free(struct diagnostics *list);

/*
 * The candidate that `word` is most likely a misspelling of, by edit distance, or NULL when none is
 * near. `candidates` ends with NULL.
 */
const char *closest_word(const char *word, size_t length, const char *const *candidates);

#endif
