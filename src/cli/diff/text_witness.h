/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there a text that some patterns match and others do not? The exact answer, and the text.
 *
 * Called while policies are compared (difference_text.c) and when an example call is wanted
 * (class_example.c); one thread, tools only, heap given back before it returns.
 */
#ifndef RPCFW_CLI_DIFF_TEXT_WITNESS_H
#define RPCFW_CLI_DIFF_TEXT_WITNESS_H

#include "cli/diff/policy_space.h"

/* Longer witnesses are not looked for. */
#define WITNESS_TEXT_MAX 512

enum witness_result { WITNESS_FOUND, WITNESS_NONE, WITNESS_TOO_HARD };

/* A list of patterns of which the text must match one, or none. */
#define WITNESS_TEST(list, holds) ((list) << 1 | ((holds) ? 1u : 0u))
#define WITNESS_TEST_LIST(test)   ((test) >> 1)
#define WITNESS_TEST_HOLDS(test)  (((test)&1u) != 0)

/*
 * Looks for a text of a call, of the kind that `key` is about, that is none of the plain texts in
 * `excluded` (a list of the space) and passes all tests. `text` is filled in, zero-terminated, on
 * WITNESS_FOUND. WITNESS_TOO_HARD: the patterns are too long or too many to tell.
 */
enum witness_result find_witness(struct policy_space *space, enum policy_key key, uint32_t excluded,
                                 const uint32_t *tests, size_t test_count,
                                 char text[WITNESS_TEXT_MAX + 1]);

#endif
