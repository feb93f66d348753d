/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/process_starts.h"

#include <string.h>

#define SESSION_NAME   L"RPC Firewall process starts"

#define BUFFER_KB      16
#define BUFFERS_LEAST  4
#define BUFFERS_MOST   16
#define FLUSH_SECONDS  1
#define CLOCK_COUNTER  1    /* of time stamps: QueryPerformanceCounter */
#define APPEARED_LEAST 3    /* processes, of which a session that tells none is deaf */
#define CLOSE_TIMEOUT  5000 /* milliseconds */

#define INVALID_TRACE  ((TRACEHANDLE)INVALID_HANDLE_VALUE)

/* Microsoft-Windows-Kernel-Process: event 1 is the start of a process. */
#define KEYWORD_PROCESS 0x10
#define EVENT_START     1
static const GUID kernel_process = {
    0x22fb2cd6, 0x0e7b, 0x422b, {0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16}};

const struct tracing_functions process_starts_windows = {
    StartTraceW, ControlTraceW, EnableTraceEx2, OpenTraceW, ProcessTrace, CloseTrace,
};

/* With room behind it for the name, which Windows writes there. */
struct session_properties {
    EVENT_TRACE_PROPERTIES head;
    wchar_t name[ARRAYSIZE(SESSION_NAME)];
};

static struct session_properties make_properties(void)
{
    struct session_properties properties = {
        .head =
            {
                .Wnode =
                    {
                        .BufferSize = sizeof(properties),
                        .ClientContext = CLOCK_COUNTER,
                        .Flags = WNODE_FLAG_TRACED_GUID,
                    },
                .BufferSize = BUFFER_KB,
                .MinimumBuffers = BUFFERS_LEAST,
                .MaximumBuffers = BUFFERS_MOST,
                .LogFileMode = EVENT_TRACE_REAL_TIME_MODE,
                .FlushTimer = FLUSH_SECONDS,
                .LoggerNameOffset = offsetof(struct session_properties, name),
            },
    };
    return properties;
}

static ULONG control(const struct tracing_functions *functions, ULONG code)
{
    struct session_properties properties = make_properties();
    return functions->control(0, SESSION_NAME, &properties.head, code);
}

static bool fail(struct process_starts *starts, const char *what, ULONG error)
{
    process_starts_close(starts);
    starts->failed = what;
    starts->error = error;
    return false;
}

static void WINAPI on_event(EVENT_RECORD *record)
{
    struct process_starts *starts = record->UserContext;
    if (record->EventHeader.EventDescriptor.Id == EVENT_START &&
        memcmp(&record->EventHeader.ProviderId, &kernel_process, sizeof(kernel_process)) == 0) {
        InterlockedIncrement(&starts->count);
        SetEvent(starts->started);
    }
}

/* Runs until the session ends, whoever ends it. */
static DWORD WINAPI receive(void *context)
{
    struct process_starts *starts = context;
    TRACEHANDLE trace = starts->trace;
    return starts->functions->process(&trace, 1, NULL, NULL);
}

static ULONG start_session(struct process_starts *starts)
{
    struct session_properties properties = make_properties();
    ULONG error = starts->functions->start(&starts->session, SESSION_NAME, &properties.head);
    if (error == ERROR_ALREADY_EXISTS) {
        control(starts->functions, EVENT_TRACE_CONTROL_STOP);
        properties = make_properties();
        error = starts->functions->start(&starts->session, SESSION_NAME, &properties.head);
    }
    if (error) {
        starts->session = 0;
    }
    return error;
}

static bool open_trace(struct process_starts *starts)
{
    EVENT_TRACE_LOGFILEW source = {
        .LoggerName = (wchar_t[]){SESSION_NAME},
        .ProcessTraceMode = PROCESS_TRACE_MODE_REAL_TIME | PROCESS_TRACE_MODE_EVENT_RECORD,
        .EventRecordCallback = on_event,
        .Context = starts,
    };
    TRACEHANDLE trace = starts->functions->open(&source);
    starts->trace = trace == INVALID_TRACE ? 0 : trace;
    return starts->trace != 0;
}

bool process_starts_open(struct process_starts *starts, const struct tracing_functions *functions)
{
    *starts = (struct process_starts){.functions = functions};
    starts->started = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!starts->started) {
        return fail(starts, "no event", GetLastError());
    }
    ULONG error = start_session(starts);
    if (error) {
        return fail(starts, "the tracing session does not begin", error);
    }
    error = functions->enable(starts->session, &kernel_process, EVENT_CONTROL_CODE_ENABLE_PROVIDER,
                              TRACE_LEVEL_INFORMATION, KEYWORD_PROCESS, 0, 0, NULL);
    if (error) {
        return fail(starts, "the kernel's process events cannot be had", error);
    }
    if (!open_trace(starts)) {
        return fail(starts, "the tracing session cannot be read", GetLastError());
    }
    starts->thread = CreateThread(NULL, 0, receive, starts, 0, NULL);
    if (!starts->thread) {
        return fail(starts, "no thread", GetLastError());
    }
    return true;
}

bool process_starts_told(struct process_starts *starts)
{
    DWORD code = 0;
    if (!starts->thread) {
        return false;
    }
    if (WaitForSingleObject(starts->thread, 0) == WAIT_TIMEOUT) {
        return true;
    }
    GetExitCodeThread(starts->thread, &code);
    return fail(starts, "the tracing session has ended", code);
}

void process_starts_check(struct process_starts *starts, uint64_t appeared)
{
    LONG count = starts->count;
    bool deaf = starts->appeared && appeared - starts->appeared >= APPEARED_LEAST &&
                count == starts->checked_count;
    starts->checked_count = count;
    starts->appeared = appeared;
    if (deaf && starts->thread) {
        fail(starts, "the tracing session tells of no starts", ERROR_SUCCESS);
    }
}

void process_starts_flush(const struct process_starts *starts)
{
    if (starts->session) {
        control(starts->functions, EVENT_TRACE_CONTROL_FLUSH);
    }
}

void process_starts_close(struct process_starts *starts)
{
    bool ended = true;
    if (starts->trace) {
        starts->functions->close(starts->trace);
        starts->trace = 0;
    }
    if (starts->session) {
        control(starts->functions, EVENT_TRACE_CONTROL_STOP);
        starts->session = 0;
    }
    if (starts->thread) {
        ended = WaitForSingleObject(starts->thread, CLOSE_TIMEOUT) == WAIT_OBJECT_0;
        CloseHandle(starts->thread);
        starts->thread = NULL;
    }
    /* A thread that Windows does not let go may set it still: then it is left, for good. */
    if (starts->started && ended) {
        CloseHandle(starts->started);
    }
    starts->started = NULL;
}

DWORD process_starts_discard(const struct tracing_functions *functions)
{
    ULONG error = control(functions, EVENT_TRACE_CONTROL_STOP);
    return error == ERROR_WMI_INSTANCE_NOT_FOUND ? ERROR_SUCCESS : error;
}
