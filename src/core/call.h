/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One remote call, as a host describes it to the policy.
 *
 * The host fills in what costs nothing and leaves the rest to `fetch`, which is asked at most once
 * for each fact and only when the outcome or an event needs it. Lives on the stack of the calling
 * thread for the length of one call; all pointers in it belong to the host and stay valid that
 * long. No allocation, no locks.
 */
#ifndef RPCFW_CORE_CALL_H
#define RPCFW_CORE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/guid.h"
#include "core/ipaddr.h"
#include "core/protseq.h"
#include "core/sid.h"

/* What can be known of a call; also the bit numbers of the masks below, and the order of
 * fact_name(). */
enum call_fact {
    FACT_INTERFACE, /* interface, version_major, version_minor */
    FACT_OPNUM,
    FACT_PROTSEQ,
    FACT_ENDPOINT,
    FACT_CLIENT_ADDR,
    FACT_CLIENT_PORT,
    FACT_SERVER_ADDR,
    FACT_SERVER_PORT,
    FACT_PRINCIPAL,
    FACT_SIDS,
    FACT_AUTHN, /* authn_level, authn_service */
    FACT_OBJECT,
    FACT_PROCESS,
    FACT_COUNT
};

#define FACT_BIT(fact) (1u << (fact))

/* UTF-8 of a known length, not zero-terminated; may hold any byte, for it can come from a caller.
 */
struct text {
    const char *bytes;
    size_t length;
};

struct call {
    struct guid interface;
    uint16_t version_major;
    uint16_t version_minor;
    uint16_t opnum;
    uint16_t client_port;
    uint16_t server_port;
    uint8_t authn_level;   /* enum authn_level */
    uint8_t authn_service; /* enum authn_service, or another number of [MS-RPCE] 2.2.1.1.7 */
    enum protseq protseq;
    struct ipaddr client_addr;
    struct ipaddr server_addr;
    struct text endpoint;          /* \pipe\lsarpc, 49152 */
    struct text principal;         /* DOMAIN\name */
    struct text process;           /* image name of the server process, without folder */
    struct guid object;            /* all zero: the call names no object */
    const struct sid *const *sids; /* valid SIDs, the user first, then the enabled groups */
    size_t sid_count;

    uint32_t fetched; /* facts that were asked for: fetch is not called for them again */
    uint32_t known;   /* of these, the facts that hold a value */

    /*
     * Fills in `fact`, and any other that came along, and sets their bits in `fetched`, and in
     * `known` where there is a value. Must not raise, block for long or allocate from the heap.
     * NULL: everything known is already there.
     */
    void (*fetch)(struct call *call, enum call_fact fact);
    void *host; /* for fetch alone */
};

/* Asks the host for `fact`; for call_knows() alone. */
void call_fetch(struct call *call, enum call_fact fact);

/* True when the call's `fact` holds a value, after asking the host if it was not asked before. */
static inline bool call_knows(struct call *call, enum call_fact fact)
{
    if (!(call->fetched & FACT_BIT(fact))) {
        call_fetch(call, fact);
    }
    return (call->known & FACT_BIT(fact)) != 0;
}

/* Marks `fact` as fetched and known; what a host calls after it wrote the value. */
void call_set_known(struct call *call, enum call_fact fact);

/* Marks `fact` as fetched and without a value. */
void call_set_unknown(struct call *call, enum call_fact fact);

/* The name that events use in rpc.unknown: "client address", "sid", … */
const char *fact_name(enum call_fact fact);

#endif
