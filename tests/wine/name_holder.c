/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_holder MUTEX: makes a mutex of that name as any user could, says READY, and holds it until
 * its input ends.
 */
#include <windows.h>
#include <stdio.h>

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    if (argc != 2 || !CreateMutexW(NULL, FALSE, argv[1]) ||
        GetLastError() == ERROR_ALREADY_EXISTS) {
        printf("FAILED error=%lu\n", GetLastError());
        return 1;
    }
    printf("READY pid=%lu\n", GetCurrentProcessId());
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
