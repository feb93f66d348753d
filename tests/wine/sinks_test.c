/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer and its sinks: what gets into the JSON file, what happens when it cannot, and that
 * every event is either written or counted. With the argument "eventlog" it reports a few events to
 * the event log alone, for test_eventlog_sink.py to read from Wine's trace.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "core/utf8.h"
#include "windows/agent/sinks/event_writer.h"
#include "windows/agent/sinks/json_sink.h"
#include "wine_check.h"

#define STOP_MS     20000
#define FLOOD       4000 /* events of each thread */
#define FLOOD_COUNT 4    /* threads */

static wchar_t folder[MAX_PATH];

/* ---- Policies ---- */

static struct policy_slot slot;

static void free_image(void *image)
{
    free(image);
}

/* Puts a policy of options alone in force. */
static void publish(uint64_t generation, const char *options)
{
    struct policy *policy =
        policy_read("test.conf", options, strlen(options), &(struct policy_read_options){0});
    size_t size;
    void *image = policy_compile(policy, &size);

    if (policy->diagnostics.errors || !image ||
        !policy_slot_publish(&slot, image, generation, free_image, image)) {
        check(false, "%s", options);
        exit(1);
    }
    policy_free(policy);
}

/* Event log off, JSON lines to that file of the test's folder. */
static void publish_json(uint64_t generation, const wchar_t *file)
{
    char text[2 * MAX_PATH];

    snprintf(text, sizeof(text), "option eventlog off\noption json %ls\\%ls\n", folder, file);
    publish(generation, text);
}

/* ---- Files ---- */

static void full_path(wchar_t path[MAX_PATH], const wchar_t *file)
{
    _snwprintf(path, MAX_PATH, L"%ls\\%ls", folder, file);
}

/* The file's text, to be freed; NULL when there is no such file. */
static char *contents(const wchar_t *name, size_t *length)
{
    wchar_t path[MAX_PATH];
    FILE *file;
    char *text;

    full_path(path, name);
    file = _wfopen(path, L"rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    text = malloc(*length + 1);
    *length = text ? fread(text, 1, *length, file) : 0;
    if (text)
        text[*length] = '\0';
    fclose(file);
    return text;
}

static void delete_file(const wchar_t *name)
{
    wchar_t path[MAX_PATH];

    full_path(path, name);
    DeleteFileW(path);
}

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        found++;
    return found;
}

static unsigned count_in(const wchar_t *file, const char *what)
{
    size_t length = 0;
    char *text = contents(file, &length);
    unsigned found = text ? count(text, what) : 0;

    free(text);
    return found;
}

/* The sum of all "dropped" of the file. */
static unsigned long long reported_lost(const wchar_t *file)
{
    static const char name[] = "\"dropped\":";
    size_t length = 0;
    char *text = contents(file, &length);
    unsigned long long sum = 0;

    for (const char *at = text; at && (at = strstr(at, name)) != NULL; at += sizeof(name))
        sum += strtoull(at + sizeof(name) - 1, NULL, 10);
    free(text);
    return sum;
}

static bool wait_for(const wchar_t *file, const char *what, unsigned times)
{
    for (int i = 0; i < 200; i++) {
        if (count_in(file, what) >= times)
            return true;
        Sleep(25);
    }
    return false;
}

/* ---- Events ---- */

static struct event_origin origin = {
    .pid = 99, .host = "host", .process_name = "server.exe", .executable = "C:\\server.exe"};

static struct event call_by(const char *principal, uint64_t generation)
{
    static const struct verdict verdict = {.rule = VERDICT_NO_RULE, .audit = true, .block = true};
    struct call call = {.opnum = 15,
                        .principal = {principal, strlen(principal)},
                        .fetched = UINT32_MAX,
                        .known = FACT_BIT(FACT_OPNUM) | FACT_BIT(FACT_PRINCIPAL)};
    struct event event;

    event_from_call(&event, &call, &verdict, NULL, "NdrServerCall2");
    event.time_us = event_time_now();
    event.generation = generation;
    return event;
}

static void put_call(struct event_writer *writer, const char *principal, uint64_t generation)
{
    struct event event = call_by(principal, generation);

    event_writer_put(writer, &event);
}

static struct event_writer *start(void)
{
    struct event_writer *writer = event_writer_start(&origin, &slot);

    if (!writer) {
        check(false, "the writer starts");
        exit(1);
    }
    return writer;
}

/* ---- The checks ---- */

/* A caller of whom the call told only the SID; S-1-5-18 has a name everywhere. */
static void callers_get_their_names(void)
{
    static const struct sid known = {1, 1, {0, 0, 0, 0, 0, 5}, {18}};
    static const struct sid unknown = {1, 1, {0, 0, 0, 0, 0, 5}, {4711}};
    struct event event = call_by("", 1);

    publish_json(1, L"names.jsonl");
    struct event_writer *writer = start();
    event.known = FACT_BIT(FACT_OPNUM) | FACT_BIT(FACT_SIDS);
    event.sid = known;
    event_writer_put(writer, &event);
    event.sid = unknown;
    event_writer_put(writer, &event);
    event_writer_stop(writer, STOP_MS);
    check(count_in(L"names.jsonl", "\n") == 2, "both calls of callers without a name are written");
    check(count_in(L"names.jsonl", "\"SYSTEM\"") == 1, "one with the name of his SID");
    check(count_in(L"names.jsonl", "S-1-5-4711") == 1, "one with a SID that has none");
}

/* One line, of characters of UTF-8 that are no control characters, in braces that balance. */
static bool is_clean_line(const char *line, size_t length)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0, step; i < length; i += step) {
        step = utf8_character(line + i, length - i);
        if (step == 0 || (unsigned char)line[i] < 0x20)
            return false;
        if (quoted && line[i] == '\\')
            step = 2;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (line[i] == '{') - (line[i] == '}');
        if (depth == 0 && i + step < length)
            return false;
    }
    return depth == 0 && !quoted;
}

static bool all_lines_clean(const wchar_t *file)
{
    size_t length = 0;
    char *text = contents(file, &length);
    bool clean = text && length > 0 && text[length - 1] == '\n';

    for (char *line = text, *end; clean && line < text + length; line = end + 1) {
        end = strchr(line, '\n');
        clean = end && is_clean_line(line, (size_t)(end - line));
    }
    free(text);
    return clean;
}

static void hostile_names(void)
{
    static const char *const names[] = {
        "D\\\"},{\"",  "D\\back\\slash\\", "D\\line\r\n{\"x\":1}", "D\\\xed\xa0\x80",
        "D\\\xc0\xaf", "D\\\x01\x1f\x7f",  "D\\\xff\xfe",          "D\\J\xc3\xbcrgen",
    };
    struct event_writer *writer;

    publish_json(1, L"hostile.jsonl");
    writer = start();
    for (size_t i = 0; i < ARRAYSIZE(names); i++)
        put_call(writer, names[i], 1);
    check(event_writer_stop(writer, STOP_MS), "the writer stops");
    check(count_in(L"hostile.jsonl", "\n") == ARRAYSIZE(names), "one line for each hostile name");
    check(all_lines_clean(L"hostile.jsonl"), "no hostile name breaks its line");
    check(count_in(L"hostile.jsonl", "J\xc3\xbcrgen") == 1, "a proper name is unchanged");
    check(count_in(L"hostile.jsonl", "rpc-call-blocked") == ARRAYSIZE(names), "with its action");
}

static void sinks_follow_the_policy(void)
{
    struct event_writer *writer;

    publish_json(1, L"first.jsonl");
    writer = start();
    for (int i = 0; i < 10; i++)
        put_call(writer, "D\\one", 1);
    check(wait_for(L"first.jsonl", "one", 10), "the first policy's file");
    publish_json(2, L"second.jsonl");
    for (int i = 0; i < 10; i++)
        put_call(writer, "D\\two", 2);
    check(wait_for(L"second.jsonl", "two", 10), "the second policy's file");
    for (int i = 0; i < 10; i++)
        put_call(writer, "D\\late", 1);
    publish(3, "option eventlog off\noption json off\n");
    for (int i = 0; i < 10; i++)
        put_call(writer, "D\\three", 3);
    check(event_writer_dropped(writer) == 0, "nothing is lost when sinks change");
    event_writer_stop(writer, STOP_MS);
    check(count_in(L"first.jsonl", "\n") == 10, "nothing of a later policy in the first file");
    check(count_in(L"second.jsonl", "late") == 10,
          "events still queued when the sink is switched off are written");
    check(count_in(L"second.jsonl", "three") == 0, "json off: no more lines");
}

static void refused_generation_changes_nothing(void)
{
    struct event_writer *writer;
    struct event event;

    publish_json(5, L"refused.jsonl");
    writer = start();
    event_of_agent(&event, EVENT_POLICY_REFUSED, event_time_now(), 6, "bad checksum");
    event_writer_put(writer, &event);
    put_call(writer, "D\\u", 5);
    event_writer_stop(writer, STOP_MS);
    check(count_in(L"refused.jsonl", "\n") == 2, "a refused policy leaves the sinks alone");
}

/* A sink that is down: everything is counted, told when it is back, and told once. */
static void losses_are_reported(void)
{
    wchar_t path[MAX_PATH];
    struct event_writer *writer;

    full_path(path, L"later");
    publish_json(1, L"later\\audit.jsonl");
    writer = start();
    for (int i = 0; i < 10; i++)
        put_call(writer, "D\\lost", 1);
    for (int i = 0; i < 200 && event_writer_dropped(writer) < 10; i++)
        Sleep(10);
    check(event_writer_dropped(writer) == 10, "each event that the file did not take is counted");
    CreateDirectoryW(path, NULL);
    check(wait_for(L"later\\audit.jsonl", "events-dropped", 1),
          "the file is tried again by itself");
    put_call(writer, "D\\found", 1);
    event_writer_stop(writer, STOP_MS);
    check(reported_lost(L"later\\audit.jsonl") == 10, "all ten are told of, once");
    check(count_in(L"later\\audit.jsonl", "Windows error 3") == 1, "with the reason");
    check(count_in(L"later\\audit.jsonl", "found") == 1, "and the next event is written");
    delete_file(L"later\\audit.jsonl");
    RemoveDirectoryW(path);
}

static void only_plain_files(void)
{
    static const char *const paths[] = {"\\\\.\\NUL", "\\\\.\\pipe\\RpcFwSinksTest", "C:\\windows"};
    HANDLE pipe = CreateNamedPipeW(L"\\\\.\\pipe\\RpcFwSinksTest", PIPE_ACCESS_DUPLEX,
                                   PIPE_TYPE_BYTE, PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, NULL);

    check(pipe != INVALID_HANDLE_VALUE, "a pipe lies in wait");
    for (size_t i = 0; i < ARRAYSIZE(paths); i++) {
        char text[256];
        struct event_writer *writer;
        snprintf(text, sizeof(text), "option eventlog off\noption json %s\n", paths[i]);
        publish(10 + i, text);
        writer = start();
        put_call(writer, "D\\u", 10 + i);
        for (int j = 0; j < 200 && event_writer_dropped(writer) == 0; j++)
            Sleep(10);
        check(event_writer_dropped(writer) == 1, "%s", paths[i]);
        event_writer_stop(writer, STOP_MS);
    }
    CloseHandle(pipe);
}

struct flood {
    struct event_writer *writer;
    struct event event;
};

static DWORD WINAPI pour(void *argument)
{
    struct flood *flood = argument;

    for (int i = 0; i < FLOOD; i++)
        event_writer_put(flood->writer, &flood->event);
    return 0;
}

static void pour_all(struct event_writer *writer)
{
    struct flood flood = {writer, call_by("D\\flood", 1)};
    HANDLE threads[FLOOD_COUNT];

    for (int i = 0; i < FLOOD_COUNT; i++)
        threads[i] = CreateThread(NULL, 0, pour, &flood, 0, NULL);
    WaitForMultipleObjects(FLOOD_COUNT, threads, TRUE, INFINITE);
    for (int i = 0; i < FLOOD_COUNT; i++)
        CloseHandle(threads[i]);
}

static void no_event_is_lost_silently(void)
{
    struct event_writer *writer;
    unsigned written;
    unsigned long long lost;

    publish_json(1, L"flood.jsonl");
    writer = start();
    pour_all(writer);
    event_writer_stop(writer, STOP_MS);
    written = count_in(L"flood.jsonl", "rpc-call-blocked");
    lost = reported_lost(L"flood.jsonl");
    printf("written %u, dropped and reported %llu\n", written, lost);
    check(written + lost == FLOOD * FLOOD_COUNT, "in a flood, each event is written or reported");
    check(written > 0 && all_lines_clean(L"flood.jsonl"), "and the lines stay whole");
}

static void a_stop_without_time_reports_the_rest(void)
{
    struct event_writer *writer;

    publish_json(1, L"hurry.jsonl");
    writer = start();
    pour_all(writer);
    if (!event_writer_stop(writer, 0))
        check(event_writer_stop(writer, STOP_MS), "a stop that had no time is asked again");
    check(count_in(L"hurry.jsonl", "rpc-call-blocked") + reported_lost(L"hurry.jsonl") ==
              FLOOD * FLOOD_COUNT,
          "and each event is written or reported");
}

static void a_renamed_file_is_left_behind(void)
{
    wchar_t from[MAX_PATH];
    wchar_t to[MAX_PATH];
    struct event_writer *writer;

    full_path(from, L"turn.jsonl");
    full_path(to, L"turn.old");
    publish_json(1, L"turn.jsonl");
    writer = start();
    put_call(writer, "D\\before", 1);
    check(wait_for(L"turn.jsonl", "before", 1), "written before the file is renamed");
    check(MoveFileW(from, to), "the file can be renamed while it is open");
    Sleep(JSON_SINK_REOPEN_MS + 300);
    put_call(writer, "D\\after", 1);
    event_writer_stop(writer, STOP_MS);
    check(count_in(L"turn.jsonl", "after") == 1, "then lines go to a new file");
    check(count_in(L"turn.old", "after") == 0, "and not to the old one");
}

/* The lowest number that is free for a handle: one that leaks takes it. (Wine does not count
 * handles.) */
static uintptr_t free_handle(void)
{
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);

    CloseHandle(event);
    return (uintptr_t)event;
}

static void run_once(void)
{
    struct event_writer *writer = start();

    put_call(writer, "D\\u", 1);
    event_writer_stop(writer, STOP_MS);
}

static void no_handle_leaks(void)
{
    char text[2 * MAX_PATH];
    uintptr_t before;
    HANDLE leak;

    snprintf(text, sizeof(text), "option json %ls\\leak.jsonl\n", folder);
    publish(1, text);
    run_once();
    before = free_handle();
    leak = CreateEventW(NULL, FALSE, FALSE, NULL);
    check(free_handle() != before, "a leak would be seen");
    CloseHandle(leak);
    for (int i = 0; i < 50; i++)
        run_once();
    check(free_handle() == before, "no handle is left after fifty rounds with both sinks");
    check(count_in(L"leak.jsonl", "\n") == 51, "each round wrote its line");
}

/* ---- For test_eventlog_sink.py ---- */

static void report_to_event_log(void)
{
    static const struct guid eventlog = {
        0x82273fdc, 0xe32a, 0x18c3, {0x3f, 0x78, 0x82, 0x79, 0x29, 0xdc, 0x23, 0xea}};
    struct event_writer *writer;
    struct event event;

    publish(1, "option json off\n");
    writer = start();
    event_of_agent(&event, EVENT_PROTECTION_ADDED, event_time_now(), 1, NULL);
    event_writer_put(writer, &event);
    put_call(writer, "D\\J\xc3\xbcrgen \"\xf0\x9f\x98\x80\"\n\xed\xa0\x80", 1);
    event = call_by("D\\let-through", 1);
    event.verdict.block = false;
    event.verdict.dry = true;
    event_writer_put(writer, &event);
    event = call_by("D\\itself", 1);
    event.known |= FACT_BIT(FACT_PROTSEQ) | FACT_BIT(FACT_INTERFACE);
    event.protseq = PROTSEQ_NCALRPC;
    event.interface = eventlog;
    event_writer_put(writer, &event);
    event_of_agent(&event, EVENT_POLICY_REFUSED, event_time_now(), 2, "bad checksum");
    event_writer_put(writer, &event);
    event_of_policy_file(&event, EVENT_POLICY_PUBLISHED, event_time_now(), 2, "C:\\RpcFw.conf",
                         NULL);
    event_writer_put(writer, &event);
    event_of_policy_file(&event, EVENT_POLICY_FILE_REFUSED, event_time_now(), 2, "C:\\RpcFw.conf",
                         "1:1: 'a\tb' is no key");
    event_writer_put(writer, &event);
    event_of_gap(&event, event_time_now(), 2, "it is a protected process", "nothing");
    event_writer_put(writer, &event);
    event_of_agent(&event, EVENT_SERVICE_STARTED, event_time_now(), 2, "0.1.0");
    event_writer_put(writer, &event);
    event_of_agent(&event, EVENT_SERVICE_STOPPED, event_time_now(), 2, "asked to");
    event_writer_put(writer, &event);
    check(event_writer_stop(writer, STOP_MS), "the writer stops");
}

/* ---- Debug output ---- */

static volatile LONG debug_lines;
static char debug_line[EVENT_JSON_SIZE];

/* OutputDebugStringA raises an exception with the text's length and address. */
static LONG CALLBACK catch_debug_output(EXCEPTION_POINTERS *exception)
{
    const EXCEPTION_RECORD *record = exception->ExceptionRecord;
    if (record->ExceptionCode != DBG_PRINTEXCEPTION_C || record->NumberParameters < 2)
        return EXCEPTION_CONTINUE_SEARCH;
    snprintf(debug_line, sizeof(debug_line), "%s", (const char *)record->ExceptionInformation[1]);
    InterlockedIncrement(&debug_lines);
    return EXCEPTION_CONTINUE_EXECUTION;
}

/* A call that only verbose:true asked for goes to the debug output and nowhere else. */
static void verbose_calls_go_to_the_debug_output(void)
{
    void *handler = AddVectoredExceptionHandler(1, catch_debug_output);
    publish_json(110, L"verbose.jsonl");
    struct event_writer *writer = start();
    struct event event = call_by("CORP\\quiet", 110);
    event.verdict.audit = false;
    event.verdict.verbose = true;
    event_writer_put(writer, &event);
    put_call(writer, "CORP\\audited", 110);
    check(event_writer_stop(writer, STOP_MS), "the writer of verbose calls stops");
    RemoveVectoredExceptionHandler(handler);
    check(debug_lines == 1 && strstr(debug_line, "quiet"), "a verbose call is debug output");
    check(count_in(L"verbose.jsonl", "quiet") == 0, "but no record of the audit");
    check(count_in(L"verbose.jsonl", "audited") == 1, "as an audited one is");
}

static void make_folder(void)
{
    wchar_t temporary[MAX_PATH - 64];

    GetTempPathW(ARRAYSIZE(temporary), temporary);
    _snwprintf(folder, ARRAYSIZE(folder), L"%lsrpcfw-sinks-%lu", temporary,
               (unsigned long)GetCurrentProcessId());
    if (!CreateDirectoryW(folder, NULL))
        check(false, "a folder of the test's own");
}

static void remove_folder(void)
{
    static const wchar_t *const files[] = {
        L"hostile.jsonl", L"first.jsonl",   L"second.jsonl", L"refused.jsonl",
        L"flood.jsonl",   L"hurry.jsonl",   L"turn.jsonl",   L"turn.old",
        L"leak.jsonl",    L"verbose.jsonl", L"names.jsonl",
    };

    for (size_t i = 0; i < ARRAYSIZE(files); i++)
        delete_file(files[i]);
    RemoveDirectoryW(folder);
}

int main(int argc, char **argv)
{
    policy_slot_init(&slot);
    if (argc > 1 && strcmp(argv[1], "eventlog") == 0) {
        report_to_event_log();
        return failures != 0;
    }
    make_folder();
    hostile_names();
    callers_get_their_names();
    sinks_follow_the_policy();
    refused_generation_changes_nothing();
    losses_are_reported();
    only_plain_files();
    no_event_is_lost_silently();
    a_stop_without_time_reports_the_rest();
    a_renamed_file_is_left_behind();
    no_handle_leaks();
    verbose_calls_go_to_the_debug_output();
    remove_folder();
    printf("%d failures\n", failures);
    return failures != 0;
}
