/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the manager's own token allows. Called by the verbs, on the main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PRIVILEGES_H
#define RPCFW_WINDOWS_MANAGER_PRIVILEGES_H

#include <stdbool.h>

/* Whether the manager runs with the rights of the Administrators group (elevated) or as the system.
 */
bool privileges_administrator(void);

/* Enables SeDebugPrivilege, without which the processes of services cannot be opened; false: the
 * token lacks it. */
bool privileges_enable_debug(void);

#endif
