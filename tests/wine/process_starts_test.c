/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracing session that tells of new processes, against a stand-in for Windows' tracing
 * functions: Wine has them in name alone. And the clock of the service's rounds.
 */
#include "windows/manager/service/process_starts.h"

#include <string.h>

#include "windows/manager/service/round_clock.h"
#include "wine_check.h"

#define SESSION        7
#define SESSIONS       256
#define HANDLES_PROBED 1024

enum call { CALL_NONE, CALL_START, CALL_ENABLE, CALL_OPEN };

/* The one session that Windows has of that name, and who reads it. */
static struct {
    bool there, enabled, readable;
    enum call fails;
    unsigned begun, flushes, closed;
    wchar_t name[64];
    EVENT_TRACE_LOGFILEW source;
    EVENT_RECORD record;
} windows;

static HANDLE deliver, delivered;
/* Of each session that there ever was, by its number, which is that of its trace too. */
static HANDLE ends[SESSIONS];
static unsigned sessions;

static bool is_ours(LPCWSTR name, const EVENT_TRACE_PROPERTIES *properties)
{
    size_t room =
        properties->Wnode.BufferSize > properties->LoggerNameOffset
            ? (properties->Wnode.BufferSize - properties->LoggerNameOffset) / sizeof(wchar_t)
            : 0;
    return wcscmp(name, windows.name) == 0 && room > wcslen(name) &&
           properties->Wnode.Flags & WNODE_FLAG_TRACED_GUID;
}

static ULONG WINAPI fake_start(TRACEHANDLE *session, LPCWSTR name,
                               EVENT_TRACE_PROPERTIES *properties)
{
    if (windows.fails == CALL_START) {
        return ERROR_ACCESS_DENIED;
    }
    if (windows.there) {
        return ERROR_ALREADY_EXISTS;
    }
    wcsncpy(windows.name, name, ARRAYSIZE(windows.name) - 1);
    if (!is_ours(name, properties) || !(properties->LogFileMode & EVENT_TRACE_REAL_TIME_MODE)) {
        return ERROR_INVALID_PARAMETER;
    }
    wcscpy((wchar_t *)((char *)properties + properties->LoggerNameOffset), name);
    ends[++sessions] = CreateEventW(NULL, TRUE, FALSE, NULL);
    windows.there = true;
    windows.begun++;
    *session = SESSION;
    return ERROR_SUCCESS;
}

static ULONG WINAPI fake_control(TRACEHANDLE session, LPCWSTR name,
                                 EVENT_TRACE_PROPERTIES *properties, ULONG code)
{
    if (session || !windows.there || !is_ours(name, properties)) {
        return ERROR_WMI_INSTANCE_NOT_FOUND;
    }
    if (code == EVENT_TRACE_CONTROL_FLUSH) {
        windows.flushes++;
    } else if (code == EVENT_TRACE_CONTROL_STOP) {
        windows.there = windows.enabled = false;
        SetEvent(ends[sessions]);
    }
    return ERROR_SUCCESS;
}

static ULONG WINAPI fake_enable(TRACEHANDLE session, LPCGUID provider, ULONG code, UCHAR level,
                                ULONGLONG any_keyword, ULONGLONG all_keywords, ULONG timeout,
                                ENABLE_TRACE_PARAMETERS *parameters)
{
    (void)timeout, (void)parameters;
    if (windows.fails == CALL_ENABLE || session != SESSION || !windows.there) {
        return ERROR_ACCESS_DENIED;
    }
    windows.enabled = provider->Data1 == 0x22fb2cd6 && code == EVENT_CONTROL_CODE_ENABLE_PROVIDER &&
                      level >= TRACE_LEVEL_INFORMATION && any_keyword == 0x10 && !all_keywords;
    return ERROR_SUCCESS;
}

static TRACEHANDLE WINAPI fake_open(EVENT_TRACE_LOGFILEW *source)
{
    if (windows.fails == CALL_OPEN || wcscmp(source->LoggerName, windows.name) != 0) {
        SetLastError(ERROR_ACCESS_DENIED);
        return (TRACEHANDLE)INVALID_HANDLE_VALUE;
    }
    windows.source = *source;
    windows.readable = true;
    return sessions;
}

/* Blocks until the session ends, as the real one does. */
static ULONG WINAPI fake_process(TRACEHANDLE *traces, ULONG count, FILETIME *from, FILETIME *to)
{
    if (count != 1 || !*traces || *traces > sessions || from || to) {
        return ERROR_INVALID_PARAMETER;
    }
    HANDLE events[2] = {ends[*traces], deliver};
    while (WaitForMultipleObjects(2, events, FALSE, INFINITE) == WAIT_OBJECT_0 + 1) {
        windows.record.UserContext = windows.source.Context;
        windows.source.EventRecordCallback(&windows.record);
        SetEvent(delivered);
    }
    return ERROR_SUCCESS;
}

static ULONG WINAPI fake_close(TRACEHANDLE trace)
{
    windows.closed += trace && trace <= sessions;
    windows.readable = false;
    return ERROR_CTX_CLOSE_PENDING;
}

static const struct tracing_functions fake = {
    fake_start, fake_control, fake_enable, fake_open, fake_process, fake_close,
};

static void fresh_windows(enum call fails)
{
    memset(&windows, 0, sizeof(windows));
    windows.fails = fails;
}

/* Whether that event woke who waits for starts. */
static bool wakes(struct process_starts *starts, ULONG provider, USHORT id)
{
    const GUID kernel_process = {
        provider, 0x0e7b, 0x422b, {0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16}};
    windows.record.EventHeader.ProviderId = kernel_process;
    windows.record.EventHeader.EventDescriptor.Id = id;
    SetEvent(deliver);
    return WaitForSingleObject(delivered, 10000) == WAIT_OBJECT_0 &&
           WaitForSingleObject(starts->started, 0) == WAIT_OBJECT_0;
}

static void test_told(void)
{
    struct process_starts starts = {0};
    fresh_windows(CALL_NONE);
    check(!process_starts_told(&starts), "nothing is told before it is opened");
    check(process_starts_open(&starts, &fake) && windows.there && windows.enabled,
          "a session with the kernel's process events begins");
    check(process_starts_told(&starts) && !starts.failed, "starts are told");
    check(wakes(&starts, 0x22fb2cd6, 1) && starts.count == 1, "a start wakes");
    check(WaitForSingleObject(starts.started, 0) == WAIT_TIMEOUT, "once");
    check(!wakes(&starts, 0x22fb2cd6, 2) && starts.count == 1, "an end does not");
    check(!wakes(&starts, 0x3d6fa8d0, 1) && starts.count == 1, "nor another provider's event");
    process_starts_flush(&starts);
    check(windows.flushes == 1, "it is flushed");
    process_starts_close(&starts);
    check(!windows.there && windows.closed == 1 && !process_starts_told(&starts),
          "closed, it leaves no session");
    process_starts_close(&starts);
    process_starts_flush(&starts);
    check(windows.closed == 1 && windows.flushes == 1, "and once only");
}

static void test_failures(void)
{
    static const struct {
        enum call call;
        const char *name;
    } calls[] = {
        {CALL_START, "StartTrace"}, {CALL_ENABLE, "EnableTrace"}, {CALL_OPEN, "OpenTrace"}};
    for (size_t i = 0; i < ARRAYSIZE(calls); i++) {
        struct process_starts starts = {0};
        fresh_windows(calls[i].call);
        bool told = process_starts_open(&starts, &fake);
        check(!told && starts.failed && starts.error == ERROR_ACCESS_DENIED, "%s fails: %s (%lu)",
              calls[i].name, starts.failed ? starts.failed : "no reason", starts.error);
        check(!windows.there && !windows.readable && !starts.started && !starts.thread &&
                  !process_starts_told(&starts),
              "and nothing is left");
    }
}

static void test_left_behind(void)
{
    struct process_starts killed = {0};
    struct process_starts starts = {0};
    fresh_windows(CALL_NONE);
    check(process_starts_open(&killed, &fake), "a service opens a session");
    check(process_starts_open(&starts, &fake) && windows.begun == 2,
          "the next one replaces what that left when it was killed");
    check(WaitForSingleObject(killed.thread, 10000) == WAIT_OBJECT_0, "of which nobody reads");
    process_starts_close(&starts);
    windows.there = true;
    check(process_starts_discard(&fake) == ERROR_SUCCESS && !windows.there,
          "uninstall ends one that is left");
    check(process_starts_discard(&fake) == ERROR_SUCCESS, "and is content when there is none");
    killed.session = 0;
    process_starts_close(&killed);
}

static void test_ended_by_another(void)
{
    struct process_starts starts = {0};
    fresh_windows(CALL_NONE);
    check(process_starts_open(&starts, &fake) && process_starts_told(&starts), "it is told");
    windows.there = false;
    SetEvent(ends[sessions]);
    WaitForSingleObject(starts.thread, 10000);
    check(!process_starts_told(&starts) && starts.failed && !starts.started,
          "until an administrator ends the session: %s",
          starts.failed ? starts.failed : "no reason");
    check(process_starts_open(&starts, &fake) && process_starts_told(&starts),
          "and again when it is opened again");
    process_starts_close(&starts);
}

static void test_deaf(void)
{
    struct process_starts starts = {0};
    fresh_windows(CALL_NONE);
    process_starts_open(&starts, &fake);
    process_starts_check(&starts, 100);
    check(process_starts_told(&starts), "what ran before was not to be told");
    process_starts_check(&starts, 102);
    check(process_starts_told(&starts), "nor are one or two missed at once");
    wakes(&starts, 0x22fb2cd6, 1);
    process_starts_check(&starts, 150);
    check(process_starts_told(&starts), "one that is told will do");
    process_starts_check(&starts, 153);
    bool told = process_starts_told(&starts);
    check(!told && starts.failed && !windows.there, "none told of three is too few: %s",
          starts.failed ? starts.failed : "no reason");
}

static unsigned handles(void)
{
    unsigned count = 0;
    DWORD flags;
    for (uintptr_t value = 4; value < HANDLES_PROBED * 4; value += 4) {
        count += GetHandleInformation((HANDLE)value, &flags) != 0;
    }
    return count;
}

static void test_nothing_leaks(void)
{
    struct process_starts starts = {0};
    unsigned before = handles();
    unsigned begun = sessions;
    for (unsigned i = 0; i < 200; i++) {
        fresh_windows(i % 4 == 3 ? CALL_NONE : (enum call)(i % 4 + 1));
        process_starts_open(&starts, &fake);
        process_starts_close(&starts);
    }
    unsigned after = handles() - (sessions - begun); /* the stand-in's own */
    check(before > 0 && after == before, "200 sessions: handles %u, then %u", before, after);
}

static void test_round_clock(void)
{
    struct round_clock rounds = {0};
    check(round_clock_due(&rounds, 0), "the first look is due at once");
    round_clock_done(&rounds, 1000, 8000, 100);
    check(!round_clock_due(&rounds, 8999) && round_clock_due(&rounds, 9000),
          "the next after the pause");
    round_clock_hasten(&rounds);
    check(!round_clock_due(&rounds, 1099) && round_clock_due(&rounds, 1100),
          "hastened, after the rest");
    round_clock_hasten(&rounds);
    check(!round_clock_due(&rounds, 1099), "never sooner");
    round_clock_done(&rounds, 2000, 0, 100);
    round_clock_hasten(&rounds);
    check(round_clock_due(&rounds, 2000), "what has not looked at all comes back at once");
    round_clock_done(&rounds, 3000, 50, 100);
    round_clock_hasten(&rounds);
    check(!round_clock_due(&rounds, 3049) && round_clock_due(&rounds, 3050),
          "and nothing is put off by hastening");
}

/* The real functions: Wine's refuse, an administrator's Windows does not. Nothing is left either
 * way. */
static void test_this_system(void)
{
    struct process_starts starts = {0};
    bool told = process_starts_open(&starts, &process_starts_windows);
    check(told || (starts.failed && starts.error), "here: %s",
          told ? "starts are told" : starts.failed);
    process_starts_close(&starts);
    check(!process_starts_told(&starts) && !starts.started, "and closed");
}

int main(void)
{
    deliver = CreateEventW(NULL, FALSE, FALSE, NULL);
    delivered = CreateEventW(NULL, FALSE, FALSE, NULL);
    test_told();
    test_failures();
    test_left_behind();
    test_ended_by_another();
    test_deaf();
    test_nothing_leaks();
    test_round_clock();
    test_this_system();
    printf("%u checks failed\n", failures);
    return failures != 0;
}
