/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a running process call one function of an object that it has loaded, by ptrace.
 *
 * Only where nothing can be half done: its first thread is in epoll_wait, poll, select or waitpid,
 * or about to enter it; never inside malloc or with a lock of the loader held. All that the call
 * needs to come back stands on the process's own stack before one single change of its registers
 * begins it, so it lives on and restores itself whenever the manager is killed. The tracing is done
 * by a child process of the caller's: when the caller dies or is told to end, the child first lets
 * the process go, before the call as it found it, later to finish the call by itself. Only if the
 * child itself is killed, in the moment between the stop of a wait and its being asked for again,
 * that wait returns EINTR, as after a debugger's visit; tevent takes that as "no event"
 * [lib/tevent/tevent_epoll.c].
 *
 * Called by protection.c, on one thread; keeps nothing. x86-64 Linux 5.3 or newer.
 */
#ifndef RPCFW_SAMBA_MANAGER_INJECTION_H
#define RPCFW_SAMBA_MANAGER_INJECTION_H

#include <stdint.h>
#include <sys/types.h>

#include "samba/manager/remote_image.h"

#define INJECTION_REASON_SIZE 256

enum injection_end {
    INJECTION_DONE,       /* called, and it returned */
    INJECTION_UNFINISHED, /* called; it had not returned in time, and will by itself */
    INJECTION_ENDED,      /* the process has ended */
    INJECTION_REFUSED,    /* not called, and nothing was changed: `reason` */
};

struct injection_result {
    enum injection_end end;
    char reason[INJECTION_REASON_SIZE]; /* REFUSED, UNFINISHED: one sentence without a full stop */
};

/* A function, by name, and the file that it is in: a pattern of fnmatch(3) for its name. */
struct injected_function {
    const char *library;
    const char *symbol;
};

struct injected_call {
    pid_t pid;
    uint64_t start_time;                       /* of the process that is meant */
    const struct injected_function *functions; /* the first that is there is called */
    unsigned function_count;
    const char *text; /* when not NULL, argument 0 is the address of a copy */
    uint64_t argument[2];
};

/* `timeout_ms`: for the way to a safe point and for the call, together. */
void injection_call(const struct injected_call *call, unsigned timeout_ms,
                    struct injection_result *result);

#endif
