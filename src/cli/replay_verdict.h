/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy says to a recorded call, of which not everything is known.
 *
 * A record lacks what its host did not tell (Zeek: user, SID, authentication level), and tells the
 * user's SID but never the groups. What it lacks is unknown to the policy, as it would be on a host
 * that cannot tell: so a rule for a group is unknown unless the user's own SID decides it.
 */
#ifndef RPCFW_CLI_REPLAY_VERDICT_H
#define RPCFW_CLI_REPLAY_VERDICT_H

#include "core/decide.h"

struct replay_verdict {
    struct verdict verdict;
    /* FACT_BITs that a rule asked for, before or at the decision, and the record does not tell: had
     * they been known, the verdict might be another. */
    uint32_t hung_on;
};

/* The verdict on a call as call_of_shape() makes it; the image must have been validated or just
 * compiled. */
struct replay_verdict replay_decide(const struct policy_image *image, const struct call *call);

#endif
