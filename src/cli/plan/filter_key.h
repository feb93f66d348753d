/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identifiers of what is ours in the filter engine of Windows.
 *
 * They never change: a manager of another release, and who reads `netsh rpc filter show filter`,
 * know our filters by them.
 */
#ifndef RPCFW_CLI_PLAN_FILTER_KEY_H
#define RPCFW_CLI_PLAN_FILTER_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/guid.h"

extern const struct guid filter_provider_key;
extern const struct guid filter_sublayer_key;

/*
 * Who set a filter, and what for. A manager uses its two families in turn, so that a new set never
 * has the keys of the one that it replaces.
 */
enum filter_family {
    FILTER_FAMILY_EVEN,
    FILTER_FAMILY_ODD,
    FILTER_FAMILY_SCRIPT,       /* what a netsh script sets */
    FILTER_FAMILY_SCRIPT_AUDIT, /* the same, to record calls */
};

/* The key of filter `index` (0 to 2^32 - 1) of a family: NNNNNNNN-a86F-4557-87f3-fa4d89039ed7. */
struct guid filter_key(enum filter_family family, size_t index);

/* Whether a key is of that family. */
bool filter_key_is(const struct guid *key, enum filter_family family);

#endif
