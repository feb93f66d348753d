/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/win32_error.h"

#include <stdio.h>
#include <string.h>

#include "windows/manager/wide_text.h"

/* Room for " (error 4294967295)" behind the system's words. */
#define NUMBER_ROOM 24

const char *win32_error_text(DWORD error, char text[WIN32_ERROR_TEXT_SIZE])
{
    wchar_t words[160];
    char utf8[WIN32_ERROR_TEXT_SIZE - NUMBER_ROOM] = "";
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                      FORMAT_MESSAGE_MAX_WIDTH_MASK,
                                  NULL, error, 0, words, ARRAYSIZE(words), NULL);
    while (length && wcschr(L" .\r\n", words[length - 1])) {
        words[--length] = L'\0';
    }
    if (length && utf8_from_wide(words, utf8, sizeof(utf8))) {
        snprintf(text, WIN32_ERROR_TEXT_SIZE, "%s (error %lu)", utf8, error);
    } else {
        snprintf(text, WIN32_ERROR_TEXT_SIZE, "error %lu", error);
    }
    return text;
}
