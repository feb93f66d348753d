/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies and random calls for them, from small sets of values, so that rules overlap,
 * shadow each other and nearly match.
 */
#ifndef RPCFW_TESTS_REFERENCE_GENERATE_H
#define RPCFW_TESTS_REFERENCE_GENERATE_H

#include "random_stream.h"
#include "reference.h"

#define GENERATED_SIDS_MAX 16
#define GENERATED_TEXT_MAX 64

/* A call with all its values, of which the host tells only `known`. */
struct generated_call {
    struct call call; /* every value, none marked as known */
    uint32_t known;
    struct sid sids[GENERATED_SIDS_MAX];
    const struct sid *sid_list[GENERATED_SIDS_MAX];
    char endpoint[GENERATED_TEXT_MAX];
    char principal[GENERATED_TEXT_MAX];
    char process[GENERATED_TEXT_MAX];
};

/* Overwrites *policy, which is zero or was generated before. Free with generated_policy_free(). */
void generate_policy(struct random_stream *stream, struct reference_policy *policy);
void generated_policy_free(struct reference_policy *policy);

void generate_call(struct random_stream *stream, const struct reference_policy *policy,
                   struct generated_call *out);

#endif
