/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeek's own log form: header lines that start with '#', then rows of fields with a separator.
 *
 * One value for each file, zero at its start: the headers say where the fields are. Files may be
 * joined, each with its headers.
 */
#ifndef RPCFW_CLI_EVENTS_ZEEK_LOG_H
#define RPCFW_CLI_EVENTS_ZEEK_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/events/recorded_call.h"
#include "cli/events/zeek_record.h"

/* The fields of a row that matter, in the order of zeek_log.c's table. */
#define ZEEK_LOG_FIELDS 6

struct zeek_log {
    char separator;               /* 0: no #separator line was seen, which means a tab */
    bool has_fields;              /* a #fields line was seen */
    bool other_log;               /* #path is not dce_rpc */
    char unset[16];               /* what stands for "not set"; empty: "-" */
    unsigned column_count;        /* of #fields */
    int columns[ZEEK_LOG_FIELDS]; /* of each field, from 0; -1: the log lacks it */
};

/* Takes a line that starts with '#'. A constant text says what is wrong with it; NULL: nothing. */
const char *zeek_log_header(struct zeek_log *log, const char *line, size_t length);

/* Reads a row, changing its bytes; *out must be cleared. */
enum record_result zeek_log_row(const struct zeek_log *log, struct zeek_names *names, char *line,
                                size_t length, struct recorded_call *out, const char **why);

#endif
