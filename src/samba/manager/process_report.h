/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one line on stdout that each process gets, and the count at the end. Called by the verbs. */
#ifndef RPCFW_SAMBA_MANAGER_PROCESS_REPORT_H
#define RPCFW_SAMBA_MANAGER_PROCESS_REPORT_H

#include "samba/manager/protection.h"

/* How many processes came to which end. */
struct process_tally {
    unsigned by_outcome[PROTECTION_REFUSED + 1];
};

/* "PID  NAME TITLE  ", as anybody may see it on a terminal. */
void process_report_head(const struct process_facts *facts);

/* "PID  NAME  what happened", and counts it. */
void process_report(const struct process_facts *facts, const struct protection_result *result,
                    struct process_tally *tally);

/* "2 protected, 1 refused": what was counted, in the order of the outcomes; `nothing` when that is
 * nothing. */
void process_tally_print(const struct process_tally *tally, const char *nothing);

#endif
