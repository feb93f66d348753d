/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which programs are started on this host, as the kernel's process connector tells it.
 *
 * Only for root in the host's first network namespace; elsewhere the caller has to look by itself.
 * One thread.
 */
#ifndef RPCFW_SAMBA_PROCESS_EVENTS_H
#define RPCFW_SAMBA_PROCESS_EVENTS_H

#include <sys/types.h>

/* A descriptor to poll and close, or -errno. It tells of exec alone, not of forks and ends. */
int process_events_open(void);

/* The PID of a process that started a program; 0: none waits; -1: some were missed. */
pid_t process_events_next(int events);

#endif
