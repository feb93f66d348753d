/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as the insertion strings of the Windows event log RPCFW.
 *
 * Published SIEM rules read these strings by position, so their order, number and spelling never
 * change. Pure: any thread, no allocation. UTF-8 here; the Windows sink converts.
 */
#ifndef RPCFW_CORE_EVENT_STRINGS_H
#define RPCFW_CORE_EVENT_STRINGS_H

#include <stddef.h>

#include "core/event.h"

/* The numbers of EventId and of the message resources. */
#define EVENT_ID_PROTECTION_ADDED    1
#define EVENT_ID_PROTECTION_REMOVED  2
#define EVENT_ID_CALL                3
#define EVENT_ID_POLICY_CHANGED      4
#define EVENT_ID_POLICY_REFUSED      5
#define EVENT_ID_EVENTS_DROPPED      6
#define EVENT_ID_POLICY_PUBLISHED    7
#define EVENT_ID_POLICY_FILE_REFUSED 8
#define EVENT_ID_GAP_FOUND           9
#define EVENT_ID_SERVICE_STARTED     10
#define EVENT_ID_SERVICE_STOPPED     11

#define EVENT_STRINGS_MAX            15
#define EVENT_STRINGS_SIZE           4096 /* bytes of text that the strings of one event need at most */

struct event_strings {
    unsigned id;                           /* EVENT_ID_…; 0: the event log has no such event */
    unsigned count;                        /* strings in use */
    const char *string[EVENT_STRINGS_MAX]; /* zero-terminated UTF-8, in `storage`, in the event or
                                              in the origin */
    char storage[EVENT_STRINGS_SIZE];
};

/*
 * What a string holds when the fact is unknown: "UNKNOWN", "S-1-0-0" for the SID, "0.0.0.0" for an
 * address. Control characters in texts that others chose, and bytes that are no UTF-8, become
 * U+FFFD. The strings live as long as all of `event`, `origin` and `out`.
 */
void event_strings_make(const struct event *event, const struct event_origin *origin,
                        struct event_strings *out);

#endif
