/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: one call against one compiled policy, first match wins.
 *
 * Runs on the host's RPC threads. Reads the image and the call, writes the verdict; no allocation,
 * no lock, no text parsing, no recursion, work bounded by the number of rules that can name the
 * call's interface. The image must have passed image_validate().
 */
#ifndef RPCFW_CORE_DECIDE_H
#define RPCFW_CORE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "core/image.h"

/* No rule matched: the call is allowed and not audited. */
#define VERDICT_NO_RULE UINT32_MAX

struct verdict {
    uint32_t rule;    /* index of the deciding rule in the image, or VERDICT_NO_RULE */
    uint32_t unknown; /* FACT_BITs that the deciding rule asked for and the host could not tell */
    bool block;       /* answer the call with access denied; never set together with `dry` */
    bool audit;       /* write an event */
    bool dry;         /* a dry rule would have blocked: let it through, say so */
    bool verbose;     /* debug output was asked for */
};

struct verdict decide(const struct policy_image *image, struct call *call);

/*
 * The same for a client that asks for an interface (bind, alter-context), before it makes a call.
 * Rules that ask for an opnum do not count; of the others the first that holds decides whether the
 * bind is recorded. A bind is never blocked: `block` and `dry` are never set, a dry rule records
 * what would have been a blocked call when the call comes. FACT_INTERFACE must be known.
 */
struct verdict decide_bind(const struct policy_image *image, struct call *call);

/* Why a rule did not match: the trace of `explain`. */
enum match_result { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };

/*
 * Whether the one rule `rule` of the image holds for the call, and if not, the index (in the
 * image's conditions) of its first condition that failed or could not be told in *failed;
 * UINT32_MAX when the rule does not see local calls. For tools.
 */
enum match_result decide_rule(const struct policy_image *image, uint32_t rule, struct call *call,
                              uint32_t *failed);

#endif
