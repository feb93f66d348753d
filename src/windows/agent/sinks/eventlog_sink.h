/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Windows event log RPCFW.
 *
 * ReportEventW is itself an RPC call, over ncalrpc to the event log service. In most processes it
 * leaves the process and meets no hook of this one. In the process that hosts the event log service
 * it comes back in on another thread and is judged there as any local call: not at all, unless a
 * rule names ncalrpc. If such a rule audits it, writing that event to the event log would cause the
 * next, without end; so calls to the event log's own interface over ncalrpc are left out here, and
 * here only. If a rule blocks it, the events of all processes are lost and counted.
 */
#ifndef RPCFW_WINDOWS_EVENTLOG_SINK_H
#define RPCFW_WINDOWS_EVENTLOG_SINK_H

#include "agent/back_off.h"
#include "core/event_strings.h"
#include "windows/agent/sinks/event_sink.h"

#define EVENTLOG_SOURCE L"RPCFW"

/* Wide characters of all strings of one event: no string grows in code units when it turns from
 * UTF-8 into UTF-16. */
#define EVENTLOG_TEXT_SIZE 8192

struct eventlog_sink {
    HANDLE source; /* NULL: not registered */
    struct back_off back_off;
    DWORD error; /* why it is down */
    struct event_strings strings;
    wchar_t text[EVENTLOG_TEXT_SIZE];
};

/* Its state is a struct eventlog_sink, all zero at first. */
extern const struct event_sink eventlog_sink;

#endif
