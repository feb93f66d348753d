/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps every process that takes remote calls protected: those that run, those that start, those
 * that begin to listen late, those whose agent has gone.
 *
 * Called on the thread of the service's loop, which must have a policy in force. It takes the
 * manager mutex for one process at a time, so that verbs get their turn.
 *
 * When a process is looked at. Looking is cheap, bringing an agent in to ask for its endpoints is
 * not, and no process should be entered again and again for nothing. So a process is entered:
 * all that run when the service starts, once; others when they begin to listen for TCP; and, since
 * nobody can tell whose a named pipe is, when a pipe has appeared and the process has changed its
 * handles or threads, each time after twice the pause (at most a minute). Where pipes cannot be
 * listed, young processes are entered by the clock instead. Where the system does not tell whose a
 * port is (Wine), a new port counts for every process that has changed.
 *
 * A process that cannot be looked into (admission.h) is a gap only when it is seen to listen for
 * TCP: every Windows has protected, 32-bit and suspended ones that serve nothing, and programs of
 * ordinary users.
 */
#ifndef RPCFW_WINDOWS_MANAGER_PROCESS_WATCH_H
#define RPCFW_WINDOWS_MANAGER_PROCESS_WATCH_H

#include "windows/manager/listening_ports.h"
#include "windows/manager/process_snapshot.h"
#include "windows/manager/protection.h"
#include "windows/manager/remote_agent.h"
#include "windows/manager/service/service_events.h"
#include "windows/manager/service/service_status.h"

enum watched_state {
    WATCHED_WAITING, /* no server that other machines can reach, or not yet */
    WATCHED_PROTECTED,
    WATCHED_REFUSED, /* it cannot be protected: a gap */
    WATCHED_CLOSED,  /* it cannot be looked into, and nothing tells that it serves: no gap so far */
    WATCHED_IGNORED, /* the system itself, and this service */
};

/* What changes when a process begins to serve. */
struct process_marks {
    DWORD handles;
    DWORD threads;
    uint64_t ports;   /* listening_ports_of() */
    uint64_t pipes;   /* process_watch.pipe_changes */
    uint64_t unowned; /* listening_ports_of(0) */
};

struct watched_process {
    DWORD pid;
    uint64_t created; /* FILETIME */
    enum watched_state state;
    bool old;                       /* it ran when the service started */
    bool seen;                      /* in this round's snapshot */
    unsigned formers;               /* looks in a row that found an agent that was leaving */
    enum admission admission;       /* REFUSED, CLOSED: why */
    bool tell_gap;                  /* if it is still there in the next round */
    uint64_t told_gap;              /* which reason was told last: a digest, 0 for none */
    ULONGLONG first_ms;             /* GetTickCount64() when it was seen first */
    ULONGLONG not_before;           /* the next look */
    ULONGLONG not_before_listening; /* the same, if it begins to listen */
    ULONGLONG listens_ms;           /* since when it is known to listen; 0: not */
    DWORD pause_ms;                 /* before the next look by the clock */
    struct process_marks marks;     /* at the last look */
    HANDLE process;                 /* PROTECTED: for reading the agent's status; else NULL */
    struct remote_agent agent;
    char reason[160]; /* REFUSED, CLOSED, WAITING */
};

struct process_watch {
    wchar_t agent_path[MAX_PATH];
    HANDLE stop; /* set: come back soon; the caller's */
    struct service_events *events;
    struct service_status *status;
    struct process_snapshot snapshot;
    struct listening_ports ports;
    ULONGLONG ports_ms;      /* when they were taken */
    uint64_t unowned_before; /* listening_ports_of(0), when they were taken before */
    bool pipes_known;
    uint64_t pipe_digest;
    uint64_t pipe_changes;
    struct watched_process *list; /* ascending by PID */
    size_t count;
    size_t capacity;
    DWORD cut_at; /* the process that the round before ended at, because time was up; 0: none */
    uint64_t rounds;
    uint64_t appeared;   /* processes, all that were ever added to the list */
    uint64_t each_ns;    /* of the same, for each process: the least of late */
    uint64_t cost_us;    /* of the list of processes, and so of a round that finds nothing to do */
    bool expecting;      /* a process has just started: come back sooner */
    uint64_t generation; /* for events */
};

/* All zero but agent_path, stop, events and status, which the caller sets. */
void process_watch_free(struct process_watch *watch);

/*
 * One round: takes the list of processes, and looks at those whose time has come, for half a second
 * at most. False: more wait, come back at once.
 */
bool process_watch_round(struct process_watch *watch);

/* Has each protected process take the newest policy now; those that cannot become gaps. */
void process_watch_refresh(struct process_watch *watch);

#endif
