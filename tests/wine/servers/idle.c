/* SPDX-License-Identifier: Apache-2.0 */
/* A process that has nothing to do with RPC: links kernel32 and msvcrt only. */
#include <windows.h>

#include "control.h"

int main(void)
{
    if (!control_start())
        return 2;
    control_print("READY pid=%lu", GetCurrentProcessId());
    Sleep(INFINITE);
    return 0;
}
