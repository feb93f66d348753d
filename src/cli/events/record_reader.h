/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a recorded file, in whichever form it is, to a recorded call.
 *
 * The form is told line by line, so that files of different make can be joined and one bad line
 * spoils nothing. One owner, one thread.
 */
#ifndef RPCFW_CLI_EVENTS_RECORD_READER_H
#define RPCFW_CLI_EVENTS_RECORD_READER_H

#include <stddef.h>

#include "cli/events/recorded_call.h"
#include "cli/events/zeek_log.h"
#include "cli/events/zeek_record.h"

/* Start with the names, and for each file with a log of zeros. */
struct record_reader {
    struct zeek_names *names;
    struct zeek_log log;
};

/* Reads a line, changing its bytes. `why` is a constant text, set when the line is bad. */
enum record_result record_read(struct record_reader *reader, char *line, size_t length,
                               struct recorded_call *out, const char **why);

#endif
