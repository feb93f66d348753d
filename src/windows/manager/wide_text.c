/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/wide_text.h"

#include <limits.h>

bool wide_from_utf8(const char *text, wchar_t *out, size_t count)
{
    if (!count || count > INT_MAX) {
        return false;
    }
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, out, (int)count)) {
        out[0] = L'\0';
        return false;
    }
    return true;
}

bool utf8_from_wide(const wchar_t *text, char *out, size_t size)
{
    if (!size || size > INT_MAX) {
        return false;
    }
    if (!WideCharToMultiByte(CP_UTF8, 0, text, -1, out, (int)size, NULL, NULL)) {
        out[0] = '\0';
        return false;
    }
    return true;
}

bool wide_same_name(const wchar_t *left, const wchar_t *right)
{
    return CompareStringOrdinal(left, -1, right, -1, TRUE) == CSTR_EQUAL;
}
