/* SPDX-License-Identifier: Apache-2.0 */
/* The token of this program's user without the rights of an administrator, for tests. */
#ifndef RPCFW_TESTS_WINE_USER_TOKEN_H
#define RPCFW_TESTS_WINE_USER_TOKEN_H

#include <windows.h>

/* A primary token; NULL: GetLastError(). CloseHandle() it. */
HANDLE user_token(void);

#endif
