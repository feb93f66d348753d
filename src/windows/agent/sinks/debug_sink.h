/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debug output of Windows, for rules with verbose:true: each such call as a JSON line, audited
 * or not. Whoever watches (DebugView, a debugger) sees it at once; nobody else pays for it.
 */
#ifndef RPCFW_WINDOWS_DEBUG_SINK_H
#define RPCFW_WINDOWS_DEBUG_SINK_H

#include "core/event_json.h"
#include "windows/agent/sinks/event_sink.h"

struct debug_sink {
    char line[EVENT_JSON_SIZE + 1];
};

/* Its state is a struct debug_sink, all zero at first. */
extern const struct event_sink debug_sink;

#endif
