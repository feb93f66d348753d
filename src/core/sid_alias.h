/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two-letter names of well-known SIDs in SDDL ([MS-DTYP] 2.5.1.1 and 2.4.2.4). Tools only.
 */
#ifndef RPCFW_CORE_SID_ALIAS_H
#define RPCFW_CORE_SID_ALIAS_H

#include <stddef.h>

#include "core/sid.h"

enum sid_alias_result {
    SID_ALIAS_FOUND,
    SID_ALIAS_NONE,      /* no such alias */
    SID_ALIAS_NO_DOMAIN, /* an alias relative to a domain, and `domain` is NULL */
};

/* Upper case only, as SDDL writes them. *out is written only on SID_ALIAS_FOUND. */
enum sid_alias_result sid_from_alias(const char *text, size_t length, const struct sid *domain,
                                     struct sid *out);

#endif
