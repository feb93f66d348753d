/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_events.h"

#include <stdio.h>
#include <string.h>

#include "windows/agent/process_origin.h"
#include "windows/agent/sinks/event_writer.h"

static void open_sinks(struct service_events *events)
{
    events->eventlog_on = eventlog_sink.open(&events->eventlog, &events->settings);
    events->json_on = json_sink.open(&events->json, &events->settings);
}

static void close_sinks(struct service_events *events)
{
    eventlog_sink.close(&events->eventlog);
    json_sink.close(&events->json);
}

void service_events_open(struct service_events *events)
{
    memset(events, 0, sizeof(*events));
    process_origin_read(&events->self);
    events->settings.eventlog = true;
    open_sinks(events);
}

void service_events_close(struct service_events *events)
{
    close_sinks(events);
}

void service_events_follow(struct service_events *events, const struct policy_image *image)
{
    struct sink_settings wanted;
    const char *path = image_text(image, image->json_path);
    memset(&wanted, 0, sizeof(wanted));
    wanted.eventlog = !(image->options & IMAGE_OPTION_EVENTLOG_OFF);
    wanted.json = *path && !(image->options & IMAGE_OPTION_JSON_OFF);
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wanted.json_path,
                             SINK_PATH_SIZE)) {
        memset(wanted.json_path, 0, sizeof(wanted.json_path));
    }
    if (memcmp(&wanted, &events->settings, sizeof(wanted)) != 0) {
        close_sinks(events);
        events->settings = wanted;
        open_sinks(events);
    }
}

static void write_event(struct service_events *events, const struct event_origin *origin)
{
    DWORD error;
    if (events->eventlog_on) {
        events->lost += eventlog_sink.write(&events->eventlog, origin, &events->event, 1, &error);
    }
    if (events->json_on) {
        events->lost += json_sink.write(&events->json, origin, &events->event, 1, &error);
    }
}

void service_events_service(struct service_events *events, enum event_kind kind,
                            uint64_t generation, const char *detail)
{
    event_of_agent(&events->event, kind, event_time_now(), generation, detail);
    write_event(events, &events->self);
}

void service_events_policy(struct service_events *events, enum event_kind kind, uint64_t generation,
                           const char *file, const char *error)
{
    event_of_policy_file(&events->event, kind, event_time_now(), generation, file, error);
    write_event(events, &events->self);
}

void service_events_gap(struct service_events *events, DWORD pid, const char *path,
                        uint64_t generation, const char *reason, const char *covered_by)
{
    const char *slash = strrchr(path, '\\');
    events->other = (struct event_origin){.pid = pid};
    memcpy(events->other.host, events->self.host, sizeof(events->other.host));
    snprintf(events->other.executable, sizeof(events->other.executable), "%s", path);
    snprintf(events->other.process_name, sizeof(events->other.process_name), "%.259s",
             slash ? slash + 1 : path);
    event_of_gap(&events->event, event_time_now(), generation, reason, covered_by);
    write_event(events, &events->other);
}
