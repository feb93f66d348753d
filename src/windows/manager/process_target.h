/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes a verb's argument means: a PID, an image name, or all. Called by the verbs.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROCESS_TARGET_H
#define RPCFW_WINDOWS_MANAGER_PROCESS_TARGET_H

#include <stdbool.h>

#include "windows/manager/process_list.h"

/* Decimal, all of the text; false: it is no PID. */
bool process_target_pid(const char *text, DWORD *pid);

/*
 * Keeps only the processes of that name, with or without ".exe", in the list. Names are UTF-8, case
 * does not count. False: `name` is no UTF-8 or too long for a name.
 */
bool process_target_by_name(const char *name, struct process_list *list);

/* Keeps only the process with that PID. */
void process_target_by_pid(DWORD pid, struct process_list *list);

#endif
