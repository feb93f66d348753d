/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorded calls of any number of files, one after the other.
 *
 * Names bad lines and unreadable files on stderr as they come (the first ten bad lines; then they
 * are counted) and draws a progress bar there when the input is long and stderr is a terminal.
 * Bounded memory. One owner, one thread.
 */
#ifndef RPCFW_CLI_EVENTS_EVENT_STREAM_H
#define RPCFW_CLI_EVENTS_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/events/recorded_call.h"
#include "cli/events/zeek_record.h"

struct event_totals {
    uint64_t lines;
    uint64_t calls;
    uint64_t others;      /* good lines that are no calls */
    uint64_t unnamed;     /* calls whose names the catalogue lacks */
    uint64_t bad_lines;   /* named and passed over */
    size_t files_read;    /* to their end */
    size_t files_refused; /* not, or not to their end */
};

struct event_stream;

/* Reads `paths` (UTF-8; "-": standard input), which must outlive the stream. NULL: out of memory.
 */
struct event_stream *event_stream_open(char *const *paths, size_t count);
void event_stream_close(struct event_stream *stream);

/* The next call; false at the end. *out is valid until the next one is asked for. */
bool event_stream_next(struct event_stream *stream, struct recorded_call *out);

const struct event_totals *event_stream_totals(const struct event_stream *stream);
const struct zeek_names *event_stream_names(const struct event_stream *stream);

/* After the end: how many bad lines there were, and which names the catalogue lacks, on stderr. */
void event_stream_report(const struct event_stream *stream);

#endif
