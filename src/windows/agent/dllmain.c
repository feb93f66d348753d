/* SPDX-License-Identifier: Apache-2.0 */
/* rpcFirewall.dll: nothing is done under the loader lock but starting the thread that does the
 * rest. */
#include "windows/agent/agent.h"

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved);

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)
{
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) {
        return TRUE;
    }
    DisableThreadLibraryCalls(module);
    agent_set_module(module);
    HANDLE thread = CreateThread(NULL, 0, agent_run, NULL, 0, NULL);
    if (!thread) {
        return FALSE;
    }
    CloseHandle(thread);
    return TRUE;
}
