/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void diagnostics_add(struct diagnostics *list, enum diagnostic_severity severity,
                     const struct source_place *place, const char *suggestion, const char *format,
                     ...)
{
    if (severity == DIAGNOSTIC_ERROR) {
        list->errors++;
    } else {
        list->warnings++;
    }
    if (list->count == DIAGNOSTICS_MAX) {
        return;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct diagnostic *items = realloc(list->items, capacity * sizeof(*items));
        if (!items) {
            list->out_of_memory = true;
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    struct diagnostic *item = &list->items[list->count++];
    item->severity = severity;
    item->place = *place;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->message, sizeof(item->message), format, arguments);
    va_end(arguments);
    snprintf(item->suggestion, sizeof(item->suggestion), "%s", suggestion ? suggestion : "");
}

/* Files as they were read, then lines, then columns. */
static int order(const void *a, const void *b)
{
    const struct diagnostic *x = a;
    const struct diagnostic *y = b;
    if (x->place.file != y->place.file) {
        return x->place.file < y->place.file ? -1 : 1;
    }
    if (x->place.line != y->place.line) {
        return x->place.line < y->place.line ? -1 : 1;
    }
    return x->place.column < y->place.column ? -1 : x->place.column > y->place.column;
}

void diagnostics_sort(struct diagnostics *list)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof(*list->items), order);
    }
}

void diagnostics_free(struct diagnostics *list)
{
    free(list->items);
    memset(list, 0, sizeof(*list));
}

#define WORD_MAX 64

/* Edit distance where a swap of neighbours counts once, in either case alike. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];
        const unsigned *twice = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            bool same = (a[i - 1] | 0x20) == (b[j - 1] | 0x20);
            unsigned best = above[j - 1] + !same;
            if (above[j] + 1 < best) {
                best = above[j] + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                twice[j - 2] + 1 < best) {
                best = twice[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *closest_word(const char *word, size_t length, const char *const *candidates)
{
    const char *closest = NULL;
    size_t least = 3;
    if (length > WORD_MAX) {
        return NULL;
    }
    for (; *candidates; candidates++) {
        size_t candidate_length = strlen(*candidates);
        if (candidate_length > WORD_MAX) {
            continue;
        }
        size_t away = distance(word, length, *candidates, candidate_length);
        /* Half the word wrong is another word. */
        if (away < least && away * 2 < candidate_length) {
            least = away;
            closest = *candidates;
        }
    }
    return closest;
}
