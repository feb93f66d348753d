/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values that random policies and calls are made of: few of each kind, with the borders of
 * every type among them.
 */
#ifndef RPCFW_TESTS_REFERENCE_UNIVERSE_H
#define RPCFW_TESTS_REFERENCE_UNIVERSE_H

#include "random_stream.h"
#include "reference.h"

/* The domain that the domain-relative SIDs belong to. */
extern const struct reference_sid universe_domain;

struct reference_value draw_value(struct random_stream *stream, enum policy_key key);

/* The two-letter name of a SID, or NULL. *relative: it depends on the domain. */
const char *universe_alias(const struct reference_sid *sid, bool *relative);

#endif
