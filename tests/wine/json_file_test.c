/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files the JSON sink appends to when they were there before it: those that administrators or
 * services own and that have one name. What it does with the lines is sinks_test.c's.
 */
#include <windows.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

#include "windows/agent/sinks/json_sink.h"
#include "wine_check.h"

static wchar_t path[MAX_PATH];
static wchar_t other[MAX_PATH];

static void only_trusted_owners(void)
{
    static const struct {
        const wchar_t *owner;
        bool trusted;
    } cases[] = {
        {L"S-1-5-18", true},
        {L"S-1-5-32-544", true},
        {L"S-1-5-19", true},
        {L"S-1-5-20", true},
        {L"S-1-5-80-1-2-3-4-5", true},
        {L"S-1-5-82-1-2-3-4-5", true},
        {L"S-1-5-21-1-2-3-1001", true}, /* this process's own user */
        {L"S-1-5-21-1-2-3-1002", false},
        {L"S-1-5-32-545", false},
        {L"S-1-1-0", false},
        {L"S-1-5-80", false},
        {L"S-1-3-80-1", false},
        {L"S-1-5-83-1-2", false},
        {L"S-1-5-11", false},
        {L"S-1-5-7", false},
    };
    PSID self = NULL;

    ConvertStringSidToSidW(L"S-1-5-21-1-2-3-1001", &self);
    for (size_t i = 0; i < ARRAYSIZE(cases); i++) {
        PSID owner = NULL;
        char what[64];
        snprintf(what, sizeof(what), "a file of %ls", cases[i].owner);
        check(ConvertStringSidToSidW(cases[i].owner, &owner) &&
                  json_sink_trusts_owner(owner, self) == cases[i].trusted,
              "%s", what);
        check(json_sink_trusts_owner(owner, NULL) == (cases[i].trusted && !EqualSid(owner, self)),
              "and without an own user");
        LocalFree(owner);
    }
    LocalFree(self);
}

/* How many lines of one are lost, and why. */
static size_t write_line(DWORD *error)
{
    static const struct event_origin origin = {.host = "host", .process_name = "server.exe"};
    static struct json_sink sink;
    struct sink_settings settings = {.json = true};
    struct event event;

    event_of_agent(&event, EVENT_PROTECTION_ADDED, 1, 1, NULL);
    memset(&sink, 0, sizeof(sink));
    wcscpy(settings.json_path, path);
    json_sink.open(&sink, &settings);
    size_t lost = json_sink.write(&sink, &origin, &event, 1, error);
    json_sink.close(&sink);
    return lost;
}

static DWORD file_size(void)
{
    WIN32_FILE_ATTRIBUTE_DATA data = {0};

    GetFileAttributesExW(path, GetFileExInfoStandard, &data);
    return data.nFileSizeLow;
}

/* A second name of the audit file may be that of a file that is meant for something else. */
static void only_files_with_one_name(void)
{
    DWORD error = 0;

    check(json_sink_create_file(path) == ERROR_SUCCESS, "a file of our own is good");
    check(json_sink_create_file(path) == ERROR_SUCCESS, "also when it is there already");
    check(write_line(&error) == 0 && file_size() > 0, "and lines get into it");
    DWORD size = file_size();
    check(CreateHardLinkW(other, path, NULL), "it gets a second name");
    check(json_sink_create_file(path) == ERROR_TOO_MANY_LINKS, "which the manager says");
    check(write_line(&error) == 1 && error == ERROR_TOO_MANY_LINKS, "and the sink");
    check(file_size() == size, "nothing is written");
    DeleteFileW(other);
    check(write_line(&error) == 0 && file_size() > size, "with one name it is good again");
    DeleteFileW(path);
}

int main(void)
{
    wchar_t folder[MAX_PATH - 64];

    GetTempPathW(ARRAYSIZE(folder), folder);
    _snwprintf(path, ARRAYSIZE(path), L"%lsrpcfw-json-%lu", folder,
               (unsigned long)GetCurrentProcessId());
    _snwprintf(other, ARRAYSIZE(other), L"%ls-other", path);
    only_trusted_owners();
    only_files_with_one_name();
    printf("%d failed\n", failures);
    return failures != 0;
}
