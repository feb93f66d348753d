/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics as people and as machines read them. */
#ifndef RPCFW_CLI_REPORT_H
#define RPCFW_CLI_REPORT_H

#include <stdio.h>

#include "core/diagnostics.h"

/*
 * "FILE:LINE:COL: error: what; did you mean …" with the line and a caret under the place, and a
 * closing count. Coloured when `out` is a terminal.
 */
void report_text(FILE *out, const struct diagnostics *list);

/* A JSON array of {severity, file, line, column, message, suggestion}. */
void report_json(FILE *out, const struct diagnostics *list);

/* A JSON string with its quotes. */
void report_json_string(FILE *out, const char *text, size_t length);

#endif
