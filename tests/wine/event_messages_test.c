/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of rpcMessages.dll as the Event Viewer makes them: every kind of event has one, and it
 * shows every insertion string. One line per check.
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#include "core/event_strings.h"

static int failures;

static void check(bool passed, const char *what, unsigned number)
{
    printf("%s: event %u: %s\n", passed ? "ok" : "FAILED", number, what);
    failures += !passed;
}

static HMODULE load_messages(void)
{
    wchar_t path[MAX_PATH];
    DWORD length = GetModuleFileNameW(NULL, path, ARRAYSIZE(path));

    /* The DLL lies in the folder above that of the tests. */
    for (int levels = 0; levels < 2 && length > 0; levels++) {
        while (length > 0 && path[--length] != L'\\') {
        }
        path[length] = L'\0';
    }
    if (wcslen(path) + 32 > ARRAYSIZE(path))
        return NULL;
    wcscat(path, L"\\rpcMessages.dll");
    return LoadLibraryExW(path, NULL, LOAD_LIBRARY_AS_DATAFILE);
}

/* The text of a message, or none. Strings are "<1>", "<2>" …, which no text holds by itself. */
static bool format(HMODULE messages, unsigned id, wchar_t *text, DWORD size)
{
    static wchar_t numbered[EVENT_STRINGS_MAX][8];
    DWORD_PTR arguments[EVENT_STRINGS_MAX];

    for (unsigned i = 0; i < EVENT_STRINGS_MAX; i++) {
        swprintf(numbered[i], ARRAYSIZE(numbered[i]), L"<%u>", i + 1);
        arguments[i] = (DWORD_PTR)numbered[i];
    }
    return FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, messages, id,
                          0, text, size, (va_list *)arguments) != 0;
}

static void check_kind(HMODULE messages, enum event_kind kind)
{
    static struct event_strings strings;
    static const struct event_origin origin = {.pid = 1};
    static wchar_t text[4096];
    struct event event;
    bool right = true;

    event_of_agent(&event, kind, 0, 1, "why");
    event_strings_make(&event, &origin, &strings);
    if (!strings.id)
        return;
    if (!format(messages, strings.id, text, ARRAYSIZE(text))) {
        check(false, "it has a text", strings.id);
        return;
    }
    for (unsigned i = 1; i <= EVENT_STRINGS_MAX; i++) {
        wchar_t string[8];
        swprintf(string, ARRAYSIZE(string), L"<%u>", i);
        right = right && (wcsstr(text, string) != NULL) == (i <= strings.count);
    }
    check(right, "its text shows each of its strings and no other", strings.id);
    check(wcschr(text, L'%') == NULL, "nothing in it is left as it was written", strings.id);
}

int main(void)
{
    HMODULE messages = load_messages();
    wchar_t text[16];

    if (!messages) {
        printf("FAILED: rpcMessages.dll cannot be loaded: error %lu\n", GetLastError());
        return 1;
    }
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        check_kind(messages, (enum event_kind)kind);
    check(!format(messages, 0, text, ARRAYSIZE(text)), "there is no such event", 0);
    check(!format(messages, EVENT_ID_SERVICE_STOPPED + 1, text, ARRAYSIZE(text)),
          "there is no such event", EVENT_ID_SERVICE_STOPPED + 1);
    FreeLibrary(messages);
    printf("%d failed\n", failures);
    return failures != 0;
}
