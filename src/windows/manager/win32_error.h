/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error codes of Windows as text for a message. Any thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_WIN32_ERROR_H
#define RPCFW_WINDOWS_MANAGER_WIN32_ERROR_H

#include <windows.h>

#define WIN32_ERROR_TEXT_SIZE 256

/* One line of UTF-8 with the number, such as "Access is denied (error 5)"; returns `text`. */
const char *win32_error_text(DWORD error, char text[WIN32_ERROR_TEXT_SIZE]);

#endif
