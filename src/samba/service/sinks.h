/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events out of the ring into the audit file and the journal.
 *
 * Each of the two goes through the ring at its own pace (sink_report.position), so that one that
 * fails does not hold up the other; a cell is given back when both are past it. While the file
 * cannot be written, events wait in the ring; when that gets crowded, the oldest are given up for
 * the file alone and counted. Every loss is told by an event once it can be. What the service tells
 * of itself goes the same ways. The main thread alone.
 */
#ifndef RPCFW_SAMBA_SINKS_H
#define RPCFW_SAMBA_SINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/back_off.h"
#include "core/event.h"
#include "core/event_json.h"
#include "core/image.h"
#include "samba/service/audit_file.h"
#include "samba/service/journal.h"
#include "samba/state/event_ring.h"
#include "samba/state/service_page.h"

/* Events that are written at once. */
#define SINKS_BATCH 32

struct sinks {
    struct event_ring *ring;
    struct service_page *page;
    struct event_origin self; /* the service */
    struct audit_file file;
    struct journal journal;
    struct back_off file_back_off;
    uint64_t file_told_ms;    /* when losses were told last; 0: never */
    uint64_t journal_told_ms; /* the same */
    uint64_t journal_busy_ms; /* since when it has been slow; 0: it is not */
    uint64_t generation;      /* of the policy in force */
    char lines[SINKS_BATCH * EVENT_JSON_SIZE];
};

/* Takes up what a killed predecessor left. The ring and the page live longer than the sinks. */
void sinks_open(struct sinks *sinks, struct event_ring *ring, struct service_page *page);
void sinks_close(struct sinks *sinks);

/* Follows the options of the policy in force; NULL: there is none, and the defaults hold. */
void sinks_use_policy(struct sinks *sinks, const struct policy_image *image, uint64_t generation);

enum sinks_progress {
    SINKS_IDLE,  /* nothing is there, or nothing can be done now */
    SINKS_BUSY,  /* the journal is slow: try again in a moment */
    SINKS_MOVED, /* events were written */
};

/* Writes what is there, at most a batch. */
enum sinks_progress sinks_run(struct sinks *sinks);

/* Tells losses that are not told yet. Once a second, and when the service stops. */
void sinks_tell_losses(struct sinks *sinks);

/* Opens the file again and tries at once what failed. */
void sinks_retry(struct sinks *sinks);

/* An event of the service itself. */
void sinks_event(struct sinks *sinks, const struct event *event);

/* A message of the service: to the journal, and to stderr unless that ends in the journal too. */
void sinks_tell(struct sinks *sinks, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

uint64_t service_now_us(void); /* since 1970 UTC */
uint64_t service_now_ms(void); /* of a clock that only goes forward */

#endif
