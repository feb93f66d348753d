/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What /proc tells about one process: who it is, and what stands against loading an agent into it.
 *
 * Called by the manager and the service on one thread; changes nothing, keeps nothing.
 */
#ifndef RPCFW_SAMBA_MANAGER_PROCESS_FACTS_H
#define RPCFW_SAMBA_MANAGER_PROCESS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_facts {
    pid_t pid;
    uint64_t start_time; /* clock ticks since boot */
    char name[64];       /* the program's file name; any bytes but zero */
    char title[32];      /* what it calls itself: "rpc(0)"; any bytes but zero */
    char state;          /* as in /proc/PID/status: R S D T t Z X I */
    bool root;           /* real and saved user are root: an agent does something */
    bool elsewhere;    /* in a container: its PID is another there, and it is not ours to protect */
    pid_t tracer;      /* 0: nobody */
    int seccomp;       /* 0: off, 1: strict, 2: filters */
    bool shadow_stack; /* returns are checked against a second stack */
    char label[128];   /* of AppArmor or SELinux, "" without: "smbd (enforce)" */
};

/* False: there is no such process. What cannot be read stays empty. */
bool process_facts_read(pid_t pid, struct process_facts *facts);

/* Whether the process of these facts still is what they tell of; false from when it begins to end.
 */
bool process_still_runs(const struct process_facts *facts);

/* Whether both processes see the same file, here and as /proc/PID/root/…; false when one sees none.
 */
bool process_sees_same_file(pid_t pid, const char *path);

/* Whether NAME=… is in the environment that its program was started with, and `part` in the value.
 */
bool process_started_with(pid_t pid, const char *variable, const char *part);

#endif
