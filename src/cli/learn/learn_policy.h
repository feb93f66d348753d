/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From recorded calls to the text of the least policy that lets them through.
 *
 * Calls that were blocked are not learned, nor calls over ncalrpc, which no rule sees unless it
 * names it. One owner, one thread.
 */
#ifndef RPCFW_CLI_LEARN_LEARN_POLICY_H
#define RPCFW_CLI_LEARN_LEARN_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/events/call_shapes.h"
#include "cli/learn/boxes.h"

struct learn_options {
    unsigned
        by; /* a bit for each enum box_key (but BOX_OPNUM) that rules name, where it is known */
    unsigned addr_prefix;  /* 0 to 32: IPv4 addresses are widened to blocks of that prefix */
    unsigned addr_prefix6; /* 0 to 128: the same for IPv6 */
    bool block_rest;       /* the last rule is for every interface, not for those seen */
    bool enforce;          /* the closing rules block; otherwise they are dry */
};

struct learn_result {
    char *text; /* the policy, zero-terminated; free() it */
    size_t length;
    uint64_t calls; /* learned */
    uint64_t would_block;
    uint64_t blocked; /* not learned, as the next three */
    uint64_t local;
    uint64_t unnamed; /* without interface or opnum */
    uint64_t anyone;  /* learned, and their callers are not known: anyone is let in */
    uint64_t widened; /* learned by a pattern, for the user's name cannot be written as it is */
    size_t rules;     /* that allow */
    size_t interfaces;
};

/* False: out of memory. */
bool learn_policy(const struct call_shapes *shapes, const struct learn_options *options,
                  struct learn_result *result);

#endif
