/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has Windows tell when a process starts, so that the service looks then and not only when its
 * pause is over.
 *
 * An event-tracing session of our own with the kernel's provider of process events. It only makes
 * the service look sooner: whoever may stop or change sessions (administrators, Performance Log
 * Users, LocalService, NetworkService) brings it back to looking by the clock. What the events
 * say is not read, but that there was one. Opened, asked and closed on the thread of the service's
 * loop; the events come on a thread of its own. [Windows: evntrace.h, OpenTrace in real-time mode]
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROCESS_STARTS_H
#define RPCFW_WINDOWS_MANAGER_PROCESS_STARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>
#include <evntrace.h>
/* Behind evntrace.h, which it needs. */
#include <evntcons.h>

/* What Windows has for it, or a test's stand-in. */
struct tracing_functions {
    ULONG(WINAPI *start)(TRACEHANDLE *session, LPCWSTR name, EVENT_TRACE_PROPERTIES *properties);
    ULONG(WINAPI *control)
    (TRACEHANDLE session, LPCWSTR name, EVENT_TRACE_PROPERTIES *properties, ULONG code);
    ULONG(WINAPI *enable)
    (TRACEHANDLE session, LPCGUID provider, ULONG code, UCHAR level, ULONGLONG any_keyword,
     ULONGLONG all_keywords, ULONG timeout, ENABLE_TRACE_PARAMETERS *parameters);
    TRACEHANDLE(WINAPI *open)(EVENT_TRACE_LOGFILEW *source);
    ULONG(WINAPI *process)(TRACEHANDLE *traces, ULONG count, FILETIME *from, FILETIME *to);
    ULONG(WINAPI *close)(TRACEHANDLE trace);
};

extern const struct tracing_functions process_starts_windows;

struct process_starts {
    const struct tracing_functions *functions;
    TRACEHANDLE session; /* 0: none */
    TRACEHANDLE trace;
    HANDLE thread;
    HANDLE started; /* set, and reset by who waits for it: a process has started */
    volatile LONG count;
    LONG checked_count; /* what `count` was at the last check */
    uint64_t appeared;  /* and how many processes had appeared by then */
    const char *failed; /* what failed last, a constant text; NULL: nothing */
    ULONG error;        /* and the error of Windows */
};

/*
 * Begins; all zero, or closed, before. A session that a service left behind when it was killed is
 * replaced. False: `failed` and `error` say why, and nothing is left.
 */
bool process_starts_open(struct process_starts *starts, const struct tracing_functions *functions);

/* Whether starts are told still. When somebody has ended the session it is closed, and `failed` and
 * `error` say so. */
bool process_starts_told(struct process_starts *starts);

/*
 * To be called once in a while, with how many processes have been seen to appear so far: a session
 * that has told of none of several is closed, and `failed` says so.
 */
void process_starts_check(struct process_starts *starts, uint64_t appeared);

/* Has Windows hand over what it has gathered, which it else does once a second. */
void process_starts_flush(const struct process_starts *starts);

/* Ends the session; `failed` and `error` stay. */
void process_starts_close(struct process_starts *starts);

/* Ends the session that a service left behind when it was killed, if there is one. A Win32 error,
 * ERROR_SUCCESS also when there is none. */
DWORD process_starts_discard(const struct tracing_functions *functions);

#endif
