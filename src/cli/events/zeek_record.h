/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the fields of Zeek's dce_rpc.log, TSV or JSON, to a recorded call.
 *
 * Zeek names interface and method: the catalogue turns the names into UUID and opnum. Names that it
 * lacks are counted here. One owner, one thread.
 */
#ifndef RPCFW_CLI_EVENTS_ZEEK_RECORD_H
#define RPCFW_CLI_EVENTS_ZEEK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/events/recorded_call.h"

/* The fields that tell something; NULL bytes: not set. */
struct zeek_record {
    struct text ts;
    struct text client;      /* id.orig_h */
    struct text server_port; /* id.resp_p */
    struct text pipe;        /* named_pipe: the pipe, over TCP the port */
    struct text interface;   /* endpoint */
    struct text method;      /* operation */
};

struct unknown_name {
    char name[128]; /* "endpoint operation", zero-terminated */
    uint64_t count;
};

/* As many unknown names are kept; the calls of all others are counted in `unlisted`. */
#define UNKNOWN_NAMES_MAX 1000

struct zeek_names;

/* NULL: out of memory. */
struct zeek_names *zeek_names_new(void);
void zeek_names_free(struct zeek_names *names);

/* Turns the fields into *out; `why` says what is wrong with a bad one. */
enum record_result zeek_record_read(struct zeek_names *names, const struct zeek_record *record,
                                    struct recorded_call *out, const char **why);

/* The names that were not found, in the order of their coming. */
const struct unknown_name *zeek_names_unknown(const struct zeek_names *names, size_t *count,
                                              uint64_t *unlisted);

#endif
