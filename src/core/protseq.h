/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPC protocol sequences ([MS-RPCE] 2.1; [C706] appendix I), by number and by name.
 */
#ifndef RPCFW_CORE_PROTSEQ_H
#define RPCFW_CORE_PROTSEQ_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers are part of the policy image: add at the end, never renumber. */
enum protseq {
    PROTSEQ_UNKNOWN,
    PROTSEQ_NCACN_IP_TCP,
    PROTSEQ_NCACN_NP,
    PROTSEQ_NCACN_HTTP,
    PROTSEQ_NCALRPC,
    PROTSEQ_NCADG_IP_UDP,
    PROTSEQ_NCACN_SPX,
    PROTSEQ_NCACN_NB_NB,
    PROTSEQ_NCACN_NB_TCP,
    PROTSEQ_NCACN_AT_DSP,
    PROTSEQ_NCADG_IPX,
    PROTSEQ_NCADG_MQ,
    PROTSEQ_COUNT
};

/* The number of an exact, lower-case name of `length` bytes; PROTSEQ_UNKNOWN for any other text. */
enum protseq protseq_from_name(const char *name, size_t length);

/* The name; "UNKNOWN" for PROTSEQ_UNKNOWN and for numbers out of range. */
const char *protseq_name(enum protseq protseq);

/* True for all but ncalrpc: the caller may be on another machine. An unknown sequence counts as
 * remote. */
bool protseq_is_remote(enum protseq protseq);

#endif
