/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <io.h>
#define isatty _isatty
#define fileno _fileno
#else
#include <unistd.h>
#endif

#include "core/json.h"
#include "core/utf8.h"

#define COLOUR_BOLD    "\033[1m"
#define COLOUR_ERROR   "\033[1;31m"
#define COLOUR_WARNING "\033[1;35m"
#define COLOUR_CARET   "\033[1;32m"
#define COLOUR_OFF     "\033[0m"

/* A long line is shown around the place, not whole. */
#define EXCERPT_MAX 160

static bool wants_colour(FILE *out)
{
    return isatty(fileno(out)) && !getenv("NO_COLOR");
}

static bool is_continuation(char c)
{
    return (c & 0xc0) == 0x80;
}

static void print_caret(FILE *out, const struct source_place *place, const char *excerpt,
                        size_t length, bool colour)
{
    const char *at = place->text + place->column - 1;
    const char *end = excerpt + length;
    fputs("  ", out);
    for (const char *c = excerpt; c < at && c < end; c++) {
        if (!is_continuation(*c)) {
            fputc(*c == '\t' ? '\t' : ' ', out);
        }
    }
    fputs(colour ? COLOUR_CARET "^" : "^", out);
    for (const char *c = at + 1; c < at + place->span && c < end; c++) {
        if (!is_continuation(*c)) {
            fputc('~', out);
        }
    }
    fputs(colour ? COLOUR_OFF "\n" : "\n", out);
}

static void print_excerpt(FILE *out, const struct source_place *place, bool colour)
{
    const char *start = place->text;
    size_t length = place->text_length;
    if (!start || !place->column) {
        return;
    }
    if (place->column > EXCERPT_MAX / 2 && length > EXCERPT_MAX) {
        size_t skip = place->column - EXCERPT_MAX / 2;
        while (skip < length && is_continuation(start[skip])) {
            skip++;
        }
        start += skip;
        length -= skip;
    }
    if (length > EXCERPT_MAX) {
        length = EXCERPT_MAX;
        while (length && is_continuation(start[length])) {
            length--;
        }
    }
    /* The line comes from a file that may hold anything, and goes to a terminal. */
    fputs("  ", out);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)start[i];
        fputc(c < 0x20 && c != '\t' ? '?' : c == 0x7f ? '?' : start[i], out);
    }
    fputc('\n', out);
    print_caret(out, place, start, length, colour);
}

static void print_one(FILE *out, const struct diagnostic *item, bool colour)
{
    const struct source_place *place = &item->place;
    const char *kind = item->severity == DIAGNOSTIC_ERROR ? "error" : "warning";
    const char *kind_colour = item->severity == DIAGNOSTIC_ERROR ? COLOUR_ERROR : COLOUR_WARNING;

    fprintf(out, "%s%s:", colour ? COLOUR_BOLD : "", place->path);
    if (place->line) {
        fprintf(out, "%lu:%lu:", (unsigned long)place->line,
                (unsigned long)(place->column ? place->column : 1));
    }
    fprintf(out, "%s %s%s:%s %s", colour ? COLOUR_OFF : "", colour ? kind_colour : "", kind,
            colour ? COLOUR_OFF : "", item->message);
    if (item->suggestion[0]) {
        fprintf(out, "; did you mean '%s'?", item->suggestion);
    }
    fputc('\n', out);
    print_excerpt(out, place, colour);
}

void report_text(FILE *out, const struct diagnostics *list)
{
    bool colour = wants_colour(out);
    for (size_t i = 0; i < list->count; i++) {
        print_one(out, &list->items[i], colour);
    }
    if (list->errors + list->warnings > list->count) {
        fprintf(out, "… and %lu more\n",
                (unsigned long)(list->errors + list->warnings - list->count));
    }
}

void report_json_string(FILE *out, const char *text, size_t length)
{
    char escaped[6 * 256] = {0};
    fputc('"', out);
    while (length) {
        size_t part = utf8_fit(text, length, 256);
        struct json json = {.out = escaped, .size = sizeof(escaped)};
        json_escape(&json, text, part);
        fwrite(escaped, 1, json.length, out);
        text += part;
        length -= part;
    }
    fputc('"', out);
}

void report_json(FILE *out, const struct diagnostics *list)
{
    fputc('[', out);
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        fprintf(out, "%s{\"severity\":\"%s\",\"file\":", i ? "," : "",
                item->severity == DIAGNOSTIC_ERROR ? "error" : "warning");
        report_json_string(out, item->place.path, strlen(item->place.path));
        fprintf(out, ",\"line\":%lu,\"column\":%lu,\"message\":", (unsigned long)item->place.line,
                (unsigned long)item->place.column);
        report_json_string(out, item->message, strlen(item->message));
        if (item->suggestion[0]) {
            fputs(",\"suggestion\":", out);
            report_json_string(out, item->suggestion, strlen(item->suggestion));
        }
        fputc('}', out);
    }
    fputc(']', out);
}
