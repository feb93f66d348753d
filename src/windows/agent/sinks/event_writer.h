/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's one writer: a thread that takes events from the queue and gives them to the sinks.
 *
 * RPC threads do no more than event_writer_put(): copy the event into the queue and, when the
 * writer may be asleep, set an event. No lock anywhere; nothing that a sink does can hold up a
 * call. Which sinks are on, the options of the policy in force say: the writer looks at the policy
 * slot when an event of a newer generation comes along, and so the sinks change in step with the
 * events (those that are still queued after two changes of policy follow the latest). A caller of
 * whom a call told only the SID gets his name here, for to look it up can take long.
 * Lost events are counted and reported to every sink that is on, by an event of their own: once a
 * second, and more rarely while losses go on.
 */
#ifndef RPCFW_WINDOWS_EVENT_WRITER_H
#define RPCFW_WINDOWS_EVENT_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "agent/policy_slot.h"
#include "core/event.h"

struct event_writer;

/*
 * Allocates everything that the writer ever needs and starts its thread. `origin` is copied,
 * `policy` must outlive the writer. Without a policy in force the event log alone is on. NULL:
 * GetLastError(). Not under the loader lock.
 */
struct event_writer *event_writer_start(const struct event_origin *origin,
                                        struct policy_slot *policy);

/* Queues a copy of the event, or counts it as dropped. Any thread, no wait, no heap. */
void event_writer_put(struct event_writer *writer, const struct event *event);

/*
 * Writes what is queued, ends the thread and frees the writer. Nobody may put any more. What
 * `timeout_ms` does not suffice for is dropped and reported. False: the thread still hangs inside a
 * sink after twice that time (the event log service does not answer), or in the lookup of a name;
 * the writer and the code of
 * this module must stay in memory, and stop may be called again. Not under the loader lock, not
 * while the process exits.
 */
bool event_writer_stop(struct event_writer *writer, DWORD timeout_ms);

/* Records lost since the start: to a full queue, and by each sink that could not write. Any thread.
 */
uint64_t event_writer_dropped(struct event_writer *writer);

/* Now, for struct event: microseconds since 1970-01-01 UTC. Any thread, no system call. */
uint64_t event_time_now(void);

#endif
