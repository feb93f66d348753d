/* SPDX-License-Identifier: Apache-2.0 */
/* From the fields of one of our own events (docs/events.md) to a recorded call. Pure: any thread.
 */
#ifndef RPCFW_CLI_EVENTS_ECS_RECORD_H
#define RPCFW_CLI_EVENTS_ECS_RECORD_H

#include <stdbool.h>

#include "cli/events/recorded_call.h"

/* The fields that tell something; NULL bytes: not there. */
struct ecs_record {
    struct text timestamp;
    struct text action;
    struct text source_ip;
    struct text user_name;
    struct text user_domain;
    struct text user_id;
    struct text process_name;
    struct text process_executable;
    struct text interface_uuid;
    struct text interface_version;
    struct text opnum;
    struct text protseq;
    struct text endpoint;
    struct text object;
    struct text auth_level;
    struct text auth_service;
    bool object_unknown; /* rpc.unknown lists it; else an object that is not there is no object */
    bool truncated;
};

/* Turns the fields into *out; `why` says what is wrong with a bad one. */
enum record_result ecs_record_read(const struct ecs_record *record, struct recorded_call *out,
                                   const char **why);

#endif
