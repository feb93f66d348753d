/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/event_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/events/byte_source.h"
#include "cli/events/line_reader.h"
#include "cli/events/progress.h"
#include "cli/events/record_reader.h"
#include "cli/file.h"
#include "cli/plain_text.h"

#define BAD_LINES_SHOWN    10
#define NAMES_SHOWN        20
#define LINES_PER_PROGRESS 1024

struct event_stream {
    char *const *paths;
    size_t count;
    size_t next; /* path to be opened next */
    struct line_reader lines;
    struct record_reader records;
    struct event_totals totals;
    struct progress progress;
    uint64_t bytes_before; /* in the files that are done with */
};

/* Bytes of all files; 0 when one of them cannot tell. */
static uint64_t total_size(char *const *paths, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = strcmp(paths[i], "-") == 0 ? 0 : file_size(paths[i]);
        if (!size) {
            return 0;
        }
        total += size;
    }
    return total;
}

struct event_stream *event_stream_open(char *const *paths, size_t count)
{
    struct event_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        return NULL;
    }
    stream->paths = paths;
    stream->count = count;
    stream->lines.buffer = malloc(LINE_BUFFER_SIZE);
    stream->records.names = zeek_names_new();
    if (!stream->lines.buffer || !stream->records.names) {
        event_stream_close(stream);
        return NULL;
    }
    progress_begin(&stream->progress, total_size(paths, count));
    return stream;
}

void event_stream_close(struct event_stream *stream)
{
    if (stream) {
        progress_clear(&stream->progress);
        byte_source_close(stream->lines.source);
        zeek_names_free(stream->records.names);
        free(stream->lines.buffer);
        free(stream);
    }
}

static const char *shown_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "(standard input)" : path;
}

static void refuse_file(struct event_stream *stream, const char *path, const char *why)
{
    progress_clear(&stream->progress);
    fprintf(stderr, "%s: %s\n", shown_name(path), why);
    stream->totals.files_refused++;
}

/* Opens the next file that can be read; false: there is none. */
static bool open_next(struct event_stream *stream)
{
    while (stream->next < stream->count) {
        const char *path = stream->paths[stream->next++];
        const char *why;
        struct byte_source *source = byte_source_open(path, &why);
        if (source) {
            stream->lines = (struct line_reader){.buffer = stream->lines.buffer, .source = source};
            stream->records.log = (struct zeek_log){.separator = 0};
            return true;
        }
        refuse_file(stream, path, why);
    }
    return false;
}

static void close_current(struct event_stream *stream)
{
    struct byte_source *source = stream->lines.source;
    const char *error = byte_source_error(source);
    if (error) {
        refuse_file(stream, stream->paths[stream->next - 1], error);
    } else {
        stream->totals.files_read++;
    }
    stream->bytes_before += byte_source_position(source);
    byte_source_close(source);
    stream->lines.source = NULL;
}

static void report_bad_line(struct event_stream *stream, const char *why)
{
    if (stream->totals.bad_lines++ < BAD_LINES_SHOWN) {
        progress_clear(&stream->progress);
        fprintf(stderr, "%s:%" PRIu64 ": %s\n", shown_name(stream->paths[stream->next - 1]),
                stream->lines.number, why);
    }
}

static void show_progress(struct event_stream *stream)
{
    if (stream->totals.lines % LINES_PER_PROGRESS == 0) {
        progress_show(&stream->progress,
                      stream->bytes_before + byte_source_position(stream->lines.source));
    }
}

static bool take_line(struct event_stream *stream, char *line, size_t length,
                      struct recorded_call *out)
{
    const char *why;
    switch (record_read(&stream->records, line, length, out, &why)) {
    case RECORD_CALL:
        stream->totals.calls++;
        return true;
    case RECORD_OTHER:
        stream->totals.others++;
        return false;
    case RECORD_UNNAMED:
        stream->totals.unnamed++;
        return false;
    default:
        report_bad_line(stream, why);
        return false;
    }
}

bool event_stream_next(struct event_stream *stream, struct recorded_call *out)
{
    while (stream->lines.source || open_next(stream)) {
        char *line;
        size_t length;
        enum line_result result = line_reader_next(&stream->lines, &line, &length);
        if (result == LINE_END) {
            close_current(stream);
            continue;
        }
        stream->totals.lines++;
        show_progress(stream);
        if (result == LINE_TOO_LONG) {
            report_bad_line(stream, "the line is longer than 1 MiB");
        } else if (take_line(stream, line, length, out)) {
            return true;
        }
    }
    progress_clear(&stream->progress);
    return false;
}

const struct event_totals *event_stream_totals(const struct event_stream *stream)
{
    return &stream->totals;
}

const struct zeek_names *event_stream_names(const struct event_stream *stream)
{
    return stream->records.names;
}

static void report_names(const struct event_stream *stream)
{
    size_t count;
    uint64_t unlisted;
    const struct unknown_name *names = zeek_names_unknown(stream->records.names, &count, &unlisted);
    fprintf(stderr, "%" PRIu64 " calls by names that the catalogue lacks are left out:\n",
            stream->totals.unnamed);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
        fprintf(stderr, "  %8" PRIu64 "  ", names[i].count);
        print_plain(stderr, names[i].name, strlen(names[i].name));
        fputc('\n', stderr);
    }
    if (count > NAMES_SHOWN || unlisted) {
        fprintf(stderr, "  … and more\n");
    }
}

void event_stream_report(const struct event_stream *stream)
{
    const struct event_totals *totals = &stream->totals;
    if (totals->bad_lines > BAD_LINES_SHOWN) {
        fprintf(stderr, "… and %" PRIu64 " more bad lines\n", totals->bad_lines - BAD_LINES_SHOWN);
    }
    if (totals->unnamed) {
        report_names(stream);
    }
}
