/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the service tells about itself: the file "service", which outlives it.
 *
 * The service alone writes it, a successor goes on where it was killed; `rpcfw status` and
 * `rpcfw doctor` read it. No heap, no locks.
 */
#ifndef RPCFW_SAMBA_SERVICE_PAGE_H
#define RPCFW_SAMBA_SERVICE_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "samba/state/state_directory.h"

#define SERVICE_PAGE_MAGIC   0x56525352u /* "RSRV" */
#define SERVICE_PAGE_VERSION 1u

enum sink_state {
    SINK_GOOD,
    SINK_OFF,    /* the policy's options say so */
    SINK_ABSENT, /* there is no journal on this host */
    SINK_FAILS,  /* `error`, `what`, `since_us` say how */
};

/* One of the two places that events go to. */
struct sink_report {
    uint32_t state;    /* enum sink_state */
    int32_t error;     /* errno; 0: none */
    uint64_t since_us; /* microseconds since 1970 UTC; 0: no error */
    uint64_t written;  /* events */
    uint64_t lost;     /* events that it never got */
    uint64_t untold;   /* of those, and of events that found the ring full: not yet told in it */
    uint64_t position; /* event_ring_position() of the next event for it */
    char what[192];    /* printable ASCII or UTF-8: "cannot write /var/log/rpcfw/audit.jsonl" */
};

/* A write to the audit file that was begun: tells a successor how much of it was done. */
struct pending_write {
    uint64_t device;
    uint64_t inode;
    uint64_t offset;   /* of the file before it */
    uint64_t position; /* of the first event */
    uint64_t count;    /* of events, a line each; 0: no write was begun */
};

struct service_page {
    uint32_t magic;
    uint32_t version;
    uint64_t size;
    _Atomic uint32_t change; /* odd while the service changes what is below */
    uint32_t pid;            /* 0: it has stopped */
    uint64_t start_time;     /* process_start_time() */
    uint64_t started_us;     /* microseconds since 1970 UTC */
    struct sink_report file;
    struct sink_report journal;
    char file_path[256]; /* where the JSON lines go */
    uint32_t watch;      /* enum service_watch */
    uint32_t pad;
    struct pending_write pending;
};

/* How it notices new processes. */
enum service_watch {
    SERVICE_WATCH_OFF,
    SERVICE_WATCH_EVENTS, /* the kernel tells of each */
    SERVICE_WATCH_POLLS,  /* it looks every few seconds */
};

/* Maps the page for writing, creating it when it is missing. 0 or -errno; -EPROTO: another
 * version. */
int service_page_map(int directory, struct state_mapping *mapping);

/* Around every change that the service makes. */
void service_page_change(struct service_page *page);
void service_page_changed(struct service_page *page);

/*
 * Copies the page as it stood at one moment, its texts zero-terminated. 0 or -errno: -ENOENT, there
 * never was a service; -EBUSY, it was killed in the middle of a change, and the copy is as it left
 * it.
 */
int service_page_read(int directory, struct service_page *copy);

/* Whether the service that a copy tells of is running. */
bool service_page_is_alive(const struct service_page *copy);

#endif
