/* SPDX-License-Identifier: Apache-2.0 */
/* From a file's name to a policy that was read and linted: what check, explain and every loading
 * verb begin with. */
#ifndef RPCFW_CLI_LOAD_POLICY_H
#define RPCFW_CLI_LOAD_POLICY_H

#include <stdbool.h>

#include "core/policy.h"

/* Reads and lints; prints nothing but why a file cannot be read. NULL then. Free with
 * policy_free(). */
struct policy *load_policy(const char *path, bool compat);

#endif
