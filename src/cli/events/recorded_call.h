/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call as a record tells it: what a policy can ask of it, when it was, and how it ended.
 *
 * Filled in by the readers of this folder; its texts lie in the line that was read and last as long
 * as that.
 */
#ifndef RPCFW_CLI_EVENTS_RECORDED_CALL_H
#define RPCFW_CLI_EVENTS_RECORDED_CALL_H

#include "core/call.h"

enum recorded_outcome {
    RECORDED_ANSWERED, /* nothing says that it was refused (Zeek tells no outcome) */
    RECORDED_ALLOWED,
    RECORDED_WOULD_BLOCK, /* let through; a dry rule would have blocked it */
    RECORDED_BLOCKED,
    RECORDED_OUTCOMES
};

/* DOMAIN\name; the agents write less. */
#define RECORDED_PRINCIPAL_SIZE 1024

struct recorded_call {
    struct call call; /* every fact fetched; sids: the user's alone, for records tell no groups */
    struct sid user;
    const struct sid *sids[1];
    uint64_t time_us; /* since 1970-01-01 UTC; 0: not told */
    enum recorded_outcome outcome;
    char principal[RECORDED_PRINCIPAL_SIZE];
};

/* What a line turned out to be. */
enum record_result {
    RECORD_CALL,
    RECORD_OTHER,   /* a good line about something else, or an empty one */
    RECORD_UNNAMED, /* a call whose interface or method has a name that the catalogue lacks */
    RECORD_BAD,
};

#endif
