/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process to protect: manager_target.exe EVENT [rpc]. Loads the RPC runtime if asked to, sets the
 * event, sleeps until it is killed. Links against nothing that would load the RPC runtime by
 * itself.
 */
#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    if (argc > 2 && strcmp(argv[2], "rpc") == 0 && !LoadLibraryW(L"rpcrt4.dll")) {
        return 1;
    }
    HANDLE ready = OpenEventA(EVENT_MODIFY_STATE, FALSE, argv[1]);
    if (!ready || !SetEvent(ready)) {
        return 1;
    }
    CloseHandle(ready);
    Sleep(300000);
    return 0;
}
