/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one line on stdout that each process gets, and the count at the end. Called by the verbs.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROCESS_REPORT_H
#define RPCFW_WINDOWS_MANAGER_PROCESS_REPORT_H

#include "windows/manager/process_list.h"
#include "windows/manager/protection.h"

/* How many processes came to which end. */
struct process_tally {
    unsigned by_outcome[PROTECTION_REFUSED + 1];
};

/* "PID  NAME  what happened", and counts it. */
void process_report(const struct process_entry *process, const struct protection_result *result,
                    struct process_tally *tally);

/* "2 protected, 1 refused": what was counted, in the order of the outcomes; `nothing` when that is
 * nothing. */
void process_tally_print(const struct process_tally *tally, const char *nothing);

#endif
