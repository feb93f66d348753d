/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/sinks/debug_sink.h"

static bool debug_open(void *state, const struct sink_settings *settings)
{
    (void)state;
    (void)settings;
    return true;
}

static bool debug_wants(const struct event *event)
{
    return event->kind == EVENT_CALL && event->verdict.verbose;
}

static size_t debug_write(void *state, const struct event_origin *origin,
                          const struct event *events, size_t count, DWORD *error)
{
    struct debug_sink *sink = state;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        size_t length = event_json_write(&events[i], origin, sink->line, EVENT_JSON_SIZE);
        sink->line[length] = '\0';
        OutputDebugStringA(sink->line);
    }
    return 0;
}

static void debug_close(void *state)
{
    (void)state;
}

const struct event_sink debug_sink = {
    .name = "debug output",
    .open = debug_open,
    .wants = debug_wants,
    .write = debug_write,
    .close = debug_close,
};
