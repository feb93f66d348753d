/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of callers of whom an event holds only the SID (calls over pipes without RPC
 * authentication), for the event writer.
 *
 * Looking up a SID may ask a domain controller and take seconds: so never on RPC threads, but here,
 * on the writer's thread alone, and the answers are kept for a while, also that there is none.
 * While lookups are slow, further ones are put off and events go without a name: they must not pile
 * up behind a controller that does not answer. All memory is the owner's; no heap of ours, no
 * locks.
 */
#ifndef RPCFW_WINDOWS_ACCOUNT_NAMES_H
#define RPCFW_WINDOWS_ACCOUNT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/back_off.h"
#include "core/event.h"

#define ACCOUNT_NAMES_COUNT  64
#define ACCOUNT_NAME_KEEP_MS (10 * 60 * 1000)
#define ACCOUNT_NONE_KEEP_MS (60 * 1000) /* that a SID has no name, or that nobody could tell */
#define ACCOUNT_SLOW_MS      1000        /* a lookup that takes longer puts off the next ones */

/*
 * Writes the name of `sid`, DOMAIN\name or name, into `text` as UTF-8, cut at a character when it
 * does not fit (*truncated). False: no name.
 */
typedef bool account_lookup(const struct sid *sid, char text[EVENT_PRINCIPAL_SIZE],
                            bool *truncated);

/* Milliseconds of a clock that only goes forward. */
typedef uint64_t account_clock(void);

struct account_name {
    struct sid sid;
    uint64_t until_ms; /* 0: the entry is free */
    bool truncated;
    char text[EVENT_PRINCIPAL_SIZE]; /* empty: no name */
};

struct account_names {
    account_lookup *lookup;
    account_clock *clock;
    struct back_off pause;
    struct account_name entries[ACCOUNT_NAMES_COUNT];
};

/* Forgets everything. NULL: Windows' account database, Windows' clock. */
void account_names_init(struct account_names *names, account_lookup *lookup, account_clock *clock);

/*
 * Fills in the principal of a call whose SID is known and whose principal is not; leaves all other
 * events alone. Without `may_ask` only what is remembered is used, which takes no time.
 */
void account_names_resolve(struct account_names *names, struct event *event, bool may_ask);

#endif
