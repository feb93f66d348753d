/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service itself has to tell: into the event log RPCFW and, when the policy in force names
 * one, the file of JSON lines; the same sinks that agents write with.
 *
 * Written at once, on the thread of the service's loop, which may wait for a sink. What a sink does
 * not take is counted.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_EVENTS_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_EVENTS_H

#include <stdint.h>

#include "core/event.h"
#include "core/image.h"
#include "windows/agent/sinks/eventlog_sink.h"
#include "windows/agent/sinks/json_sink.h"

struct service_events {
    struct event_origin self;
    struct event_origin other; /* of the process that a gap is about */
    struct event event;
    struct sink_settings settings;
    struct eventlog_sink eventlog;
    struct json_sink json;
    bool eventlog_on;
    bool json_on;
    uint64_t lost; /* records that a sink did not take */
};

/* The event log alone is on at first. Large: of the heap or static. */
void service_events_open(struct service_events *events);
void service_events_close(struct service_events *events);

/* Switches the sinks as the options of the image say. */
void service_events_follow(struct service_events *events, const struct policy_image *image);

/* EVENT_SERVICE_STARTED or EVENT_SERVICE_STOPPED. */
void service_events_service(struct service_events *events, enum event_kind kind,
                            uint64_t generation, const char *detail);

/* EVENT_POLICY_PUBLISHED (error NULL) or EVENT_POLICY_FILE_REFUSED, as event_of_policy_file(). */
void service_events_policy(struct service_events *events, enum event_kind kind, uint64_t generation,
                           const char *file, const char *error);

/* EVENT_GAP_FOUND about a process; `path` is its image's, or only its name. All UTF-8. */
void service_events_gap(struct service_events *events, DWORD pid, const char *path,
                        uint64_t generation, const char *reason, const char *covered_by);

#endif
