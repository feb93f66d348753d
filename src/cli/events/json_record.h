/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a line of JSON to a recorded call: our own events (docs/events.md) or Zeek's dce_rpc.log.
 *
 * Members may be nested ("source":{"ip":…}) or dotted ("source.ip":…), as log pipelines like it.
 * Fields that say nothing about the call are passed over; one that is used may stand once only.
 */
#ifndef RPCFW_CLI_EVENTS_JSON_RECORD_H
#define RPCFW_CLI_EVENTS_JSON_RECORD_H

#include <stddef.h>

#include "cli/events/recorded_call.h"
#include "cli/events/zeek_record.h"

/* Reads the line, changing its bytes; *out must be cleared. `why` is a constant text. */
enum record_result json_record_read(struct zeek_names *names, char *line, size_t length,
                                    struct recorded_call *out, const char **why);

#endif
