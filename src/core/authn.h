/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication levels and services of a call ([MS-RPCE] 2.2.1.1.7 and 2.2.1.1.8), by number and
 * by name.
 */
#ifndef RPCFW_CORE_AUTHN_H
#define RPCFW_CORE_AUTHN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum authn_level {
    AUTHN_LEVEL_DEFAULT = 0,
    AUTHN_LEVEL_NONE = 1,
    AUTHN_LEVEL_CONNECT = 2,
    AUTHN_LEVEL_CALL = 3,
    AUTHN_LEVEL_PKT = 4,
    AUTHN_LEVEL_INTEGRITY = 5,
    AUTHN_LEVEL_PRIVACY = 6,
};

enum authn_service {
    AUTHN_SERVICE_NONE = 0,
    AUTHN_SERVICE_NEGOTIATE = 9,
    AUTHN_SERVICE_WINNT = 10,
    AUTHN_SERVICE_SCHANNEL = 14,
    AUTHN_SERVICE_KERBEROS = 16,
    AUTHN_SERVICE_NETLOGON = 68,
};

/* As events write it: DEFAULT NONE CONNECT CALL PKT PKT_INTEGRITY PKT_PRIVACY, else "UNKNOWN". */
const char *authn_level_name(unsigned level);

/* As events write it: NONE WINNT KERBEROS NEGOTIATE NETLOGON SCHANNEL …, else "UNKNOWN". */
const char *authn_service_name(unsigned service);

/* As the policy writes it: none connect call pkt integrity privacy, exactly. False for other text.
 */
bool authn_level_from_policy(const char *text, size_t length, enum authn_level *out);
const char *authn_level_policy_name(enum authn_level level);

/* The event name of a service, in either case ("kerberos"), or its number. False for other text. */
bool authn_service_from_name(const char *text, size_t length, unsigned *out);

#endif
