/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each agent tells about itself: the file "processes", an entry for every process that the
 * agent is in. (From the 4,097th on a process has none: its agent judges, counts into `ended`, and
 * takes an entry when it is attached again. It is told as unprotected until then.)
 *
 * An agent claims an entry when it starts and again after a fork, writes it alone, and never takes
 * a lock. Entries of ended processes are taken over by newcomers, who first add what was counted
 * there to `ended`, so that no number is lost. Readers (manager, service) believe an entry only
 * while a process with that PID and start time lives.
 */
#ifndef RPCFW_SAMBA_PROCESS_TABLE_H
#define RPCFW_SAMBA_PROCESS_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "samba/state/state_directory.h"

#define PROCESS_TABLE_MAGIC   0x4f525052u /* "RPRO" */
#define PROCESS_TABLE_VERSION 1u
#define PROCESS_TABLE_ENTRIES 4096u

enum agent_state {
    AGENT_WAITING, /* loaded; Samba's RPC server library is not in this process (yet) */
    AGENT_PROTECTED,
    AGENT_DETACHED, /* pointers restored; the agent does nothing */
    AGENT_REFUSED,  /* `reason` and `detail` say why this process is not protected */
};

enum agent_reason {
    AGENT_REASON_NONE,
    AGENT_REASON_UNKNOWN_SAMBA, /* its structures are of no layout that this agent knows */
    AGENT_REASON_SYMBOLS,       /* a function that the agent needs is not there */
    AGENT_REASON_HOOK,          /* a pointer could not be replaced */
    AGENT_REASON_STATE,         /* /run/rpcfw cannot be used */
    AGENT_REASON_SWITCHED_OFF,  /* `rpcfw unprotect` */
};

enum agent_loading {
    AGENT_LOADED_MODULE,  /* by Samba, out of one of its module directories */
    AGENT_LOADED_PRELOAD, /* LD_PRELOAD */
    AGENT_LOADED_BY_HAND, /* rpcfw pid */
    AGENT_LOADED_FORK,    /* the parent had it */
};

/* Adding up is all that is done to them; the agent alone does. */
struct call_counters {
    _Atomic uint64_t calls;
    _Atomic uint64_t binds;
    _Atomic uint64_t blocked;
    _Atomic uint64_t would_block;
    _Atomic uint64_t audited;
    _Atomic uint64_t dropped; /* events that found the ring full */
};

/* In the `pid` of an entry that is being filled in, with the PID of who does: it may be killed. */
#define PROCESS_ENTRY_UNFINISHED 0x80000000u

struct process_entry {
    _Atomic uint32_t pid;   /* 0: free */
    _Atomic uint32_t state; /* enum agent_state */
    uint64_t start_time;    /* field 22 of /proc/PID/stat: clock ticks since boot */
    uint32_t reason;        /* enum agent_reason */
    uint32_t loading;       /* enum agent_loading */
    int32_t error;          /* errno behind the reason, or 0 */
    uint32_t pad;
    _Atomic uint64_t generation; /* of the policy that judges here; 0: none */
    uint32_t policy_error; /* enum policy_view_error of the newest generation that was tried */
    uint32_t in_call;      /* the process is inside the agent right now */
    struct call_counters counters;
    char release[16]; /* RPCFW_VERSION of the agent */
    char samba[16];   /* layout in use: "4.17" */
    char name[32];    /* image name: rpcd_classic */
    char detail[128]; /* ASCII */
};

struct process_table {
    uint32_t magic;
    uint32_t version;
    uint32_t entry_size;
    uint32_t entry_count;
    struct call_counters ended; /* of processes whose entries were taken over */
    _Alignas(64) struct process_entry entries[PROCESS_TABLE_ENTRIES];
};

/* Maps the table for writing, creating it when it is missing. 0 or -errno; -EPROTO: another
 * version. */
int process_table_map(int directory, struct state_mapping *mapping);

/*
 * An entry for the calling process, its counters zero, its state AGENT_WAITING; NULL when all
 * belong to living processes. Bounded work, no heap; safe in the child of a fork.
 */
struct process_entry *process_table_claim(struct process_table *table);

/* Gives the calling process's entry back (the agent leaves for good), its numbers added to `ended`.
 */
void process_table_release(struct process_table *table, struct process_entry *entry);

/* Whether a newcomer would find an entry that is free now; those of ended processes count once they
 * are reaped. Any process. */
bool process_table_has_room(const struct process_table *table);

/* Start time of a process, 0 when there is none or it has ended (a zombie too). Reads /proc; no
 * heap. */
uint64_t process_start_time(uint32_t pid);

/* Whether the entry belongs to a living process. */
bool process_entry_is_alive(const struct process_entry *entry);

/* Copies an entry as its owner wrote it; false: nobody's, or an ended process's. The texts of the
 * copy are zero-terminated. For readers. */
bool process_entry_read(const struct process_entry *entry, struct process_entry *copy);

/* Frees the entries of ended processes, their numbers added to `ended`; returns how many. Any
 * process, beside claims. */
unsigned process_table_reap(struct process_table *table);

#endif
