/* SPDX-License-Identifier: Apache-2.0 */
/* A bar on stderr for work of known or unknown length; silent unless stderr is a terminal. */
#ifndef RPCFW_CLI_EVENTS_PROGRESS_H
#define RPCFW_CLI_EVENTS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t total; /* bytes; 0: not known */
    uint64_t drawn_ms;
    bool enabled;
    bool shown; /* the bar stands on the terminal's last line */
};

void progress_begin(struct progress *progress, uint64_t total);

/* Draws the bar anew, ten times a second at most. Cheap enough for every few hundred lines. */
void progress_show(struct progress *progress, uint64_t done);

/* Takes the bar away, before other text and at the end. */
void progress_clear(struct progress *progress);

#endif
