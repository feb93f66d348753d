/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/sinks/eventlog_sink.h"

#include <assert.h>
#include <string.h>

#include "windows/agent/rpc/utf16.h"

static_assert(EVENT_STRINGS_SIZE + sizeof(struct event_origin) + EVENT_DETAIL_SIZE <=
                  EVENTLOG_TEXT_SIZE,
              "the strings of every event must fit");

/* [MS-EVEN] 1.9: the interface that ReportEventW calls. */
static const struct guid eventlog_interface = {
    0x82273fdc, 0xe32a, 0x18c3, {0x3f, 0x78, 0x82, 0x79, 0x29, 0xdc, 0x23, 0xea}};

static bool would_cause_itself(const struct event *event)
{
    return event->kind == EVENT_CALL && event->protseq == PROTSEQ_NCALRPC &&
           guid_equal(&event->interface, &eventlog_interface);
}

static WORD type_of(const struct event *event)
{
    switch (event->kind) {
    case EVENT_CALL:
        return event->verdict.block ? EVENTLOG_AUDIT_FAILURE : EVENTLOG_AUDIT_SUCCESS;
    case EVENT_PROTECTION_ADDED:
    case EVENT_PROTECTION_REMOVED:
        return EVENTLOG_SUCCESS;
    case EVENT_POLICY_CHANGED:
    case EVENT_POLICY_PUBLISHED:
    case EVENT_SERVICE_STARTED:
    case EVENT_SERVICE_STOPPED:
        return EVENTLOG_INFORMATION_TYPE;
    default:
        return EVENTLOG_WARNING_TYPE;
    }
}

static bool eventlog_open(void *state, const struct sink_settings *settings)
{
    (void)state;
    return settings->eventlog;
}

static void disconnect(struct eventlog_sink *sink)
{
    if (sink->source)
        DeregisterEventSource(sink->source);
    sink->source = NULL;
}

static void eventlog_close(void *state)
{
    struct eventlog_sink *sink = state;

    disconnect(sink);
    sink->back_off = (struct back_off){0};
}

static bool connect_source(struct eventlog_sink *sink)
{
    if (sink->source)
        return true;
    sink->source = RegisterEventSourceW(NULL, EVENTLOG_SOURCE);
    if (!sink->source)
        sink->error = GetLastError();
    return sink->source != NULL;
}

static bool report(struct eventlog_sink *sink, WORD type, const wchar_t **strings)
{
    if (!connect_source(sink))
        return false;
    if (ReportEventW(sink->source, type, 0, sink->strings.id, NULL, (WORD)sink->strings.count, 0,
                     strings, NULL))
        return true;
    sink->error = GetLastError();
    disconnect(sink);
    return false;
}

static bool write_event(struct eventlog_sink *sink, const struct event_origin *origin,
                        const struct event *event)
{
    const wchar_t *strings[EVENT_STRINGS_MAX];
    size_t used = 0;

    event_strings_make(event, origin, &sink->strings);
    for (unsigned i = 0; i < sink->strings.count; i++) {
        const char *string = sink->strings.string[i];
        strings[i] = sink->text + used;
        used += utf16_from_utf8(string, strlen(string), (uint16_t *)(sink->text + used),
                                EVENTLOG_TEXT_SIZE - used, NULL) +
                1;
    }
    /* Once more: the handle does not outlive a restart of the event log service. */
    return report(sink, type_of(event), strings) || report(sink, type_of(event), strings);
}

static size_t eventlog_write(void *state, const struct event_origin *origin,
                             const struct event *events, size_t count, DWORD *error)
{
    struct eventlog_sink *sink = state;
    size_t lost = 0;

    for (size_t i = 0; i < count; i++) {
        if (would_cause_itself(&events[i]))
            continue;
        if (!back_off_is_over(&sink->back_off, GetTickCount64())) {
            lost++;
        } else if (write_event(sink, origin, &events[i])) {
            back_off_succeeded(&sink->back_off);
        } else {
            back_off_failed(&sink->back_off, GetTickCount64());
            lost++;
        }
    }
    *error = sink->error;
    return lost;
}

const struct event_sink eventlog_sink = {
    .name = "event log",
    .open = eventlog_open,
    .wants = event_is_for_audit,
    .write = eventlog_write,
    .close = eventlog_close,
};
