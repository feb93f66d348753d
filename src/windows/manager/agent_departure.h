/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last moments of an agent's DLL in another process: waits until it is gone, and gives back the
 * references that keep it there when nobody else will. Such references come from loads that met: a
 * manager that was killed, or gave up waiting, while its LoadLibraryW still ran, and the next one.
 *
 * Called by the protection code, on one thread, holding the manager mutex.
 */
#ifndef RPCFW_WINDOWS_MANAGER_AGENT_DEPARTURE_H
#define RPCFW_WINDOWS_MANAGER_AGENT_DEPARTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "windows/manager/process_list.h"

/* Waits at most `timeout_ms` until nothing is mapped from `base` on; false: it still is, or the
 * process may not be asked. */
bool agent_departure_wait(DWORD pid, uintptr_t base, DWORD timeout_ms);

/*
 * Frees the DLL until it is gone. Only an agent of this release that has given everything back or
 * is leaving is freed, and only when no thread of its own runs in the process any more: such a
 * thread would find itself without code. False: it is still there. The process needs
 * INJECTION_ACCESS.
 */
bool agent_departure_free(HANDLE process, DWORD pid, const struct process_module *module);

#endif
