/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the rules of one list to its groups: neighbours that differ only in addresses or SIDs become
 * one table.
 */
#ifndef RPCFW_CORE_COMPILE_GROUPS_H
#define RPCFW_CORE_COMPILE_GROUPS_H

#include "core/compiler.h"

/* What the list stands for, so that its groups need not ask again: bits of enum policy_key. */
#define GROUP_ASKED(key) (1u << (key))

/*
 * Appends the groups of `count` rules, given by ascending number, to `groups`; their tables and
 * conditions go to the compiler's buffers.
 */
void compile_groups(struct compiler *compiler, struct buffer *groups, const uint32_t *rules,
                    size_t count, uint32_t asked);

#endif
