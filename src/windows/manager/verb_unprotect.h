/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the agent out of processes; what unprotect does and uninstall begins with.
 */
#ifndef RPCFW_WINDOWS_MANAGER_VERB_UNPROTECT_H
#define RPCFW_WINDOWS_MANAGER_VERB_UNPROTECT_H

#include "windows/manager/process_report.h"

/* Unprotects each process of the list that is protected and prints a line for each; for the others
 * too if `say_absent`. False: System32 cannot be found, GetLastError(). */
bool unprotect_processes(const struct process_list *list, bool say_absent,
                         struct process_tally *tally);

#endif
