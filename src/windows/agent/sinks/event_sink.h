/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place where events are written: one row of the writer's table.
 *
 * Only the writer's thread calls a sink, so a sink needs no lock and may block; RPC threads never
 * wait for it. What a sink opens it opens when the first event comes, and again after a failure,
 * with a growing wait in between: a sink that is down costs its events, which it counts, and
 * nothing else.
 */
#ifndef RPCFW_WINDOWS_EVENT_SINK_H
#define RPCFW_WINDOWS_EVENT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

#include "core/event.h"

#define SINK_PATH_SIZE 1024 /* wide characters with the terminating zero */

/* What the policy's options say about sinks. Zero-filled before it is filled in, so that two can be
 * compared. */
struct sink_settings {
    bool eventlog;
    bool json;
    wchar_t json_path[SINK_PATH_SIZE]; /* empty: too long, or no path at all */
};

struct event_sink {
    const char *name; /* as the report of lost events calls it */

    /* Takes the settings; false when they switch this sink off. Opens nothing yet. */
    bool (*open)(void *state, const struct sink_settings *settings);

    /* Whether this sink is for the event: calls are queued that only some of them show. */
    bool (*wants)(const struct event *event);

    /* Writes `count` events and returns how many of them were lost; then *error holds the Win32
     * error. */
    size_t (*write)(void *state, const struct event_origin *origin, const struct event *events,
                    size_t count, DWORD *error);

    /* Closes every handle. Also after an open that returned false. */
    void (*close)(void *state);
};

/* What the audit shows: everything but the calls that only verbose:true asked for. */
static inline bool event_is_for_audit(const struct event *event)
{
    return event->kind != EVENT_CALL || event->verdict.audit;
}

#endif
