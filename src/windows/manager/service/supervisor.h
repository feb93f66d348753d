/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service's one loop: the policy file, the processes, the events, the status that others read.
 *
 * supervisor_run() is called on the thread that the service control manager gave; everything that
 * the service does happens there. It is all in static memory: one supervisor a process.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SUPERVISOR_H
#define RPCFW_WINDOWS_MANAGER_SUPERVISOR_H

#include <windows.h>

#include "windows/manager/service/service_failure.h"

/*
 * Protects until `stop` is set; `ready` is called once when the policy has been read and every
 * process that runs has been looked at. Agents stay where they are. Returns why it could not even
 * begin; SERVICE_FAILURE_NONE when it did.
 */
enum service_failure supervisor_run(HANDLE stop, void (*ready)(void));

#endif
