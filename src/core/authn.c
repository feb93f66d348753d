/* SPDX-License-Identifier: Apache-2.0 */
#include "core/authn.h"

#include <string.h>

static const struct {
    const char *event_name;
    const char *policy_name; /* NULL: a policy cannot ask for it */
} levels[] = {
    [AUTHN_LEVEL_DEFAULT] = {"DEFAULT", NULL},
    [AUTHN_LEVEL_NONE] = {"NONE", "none"},
    [AUTHN_LEVEL_CONNECT] = {"CONNECT", "connect"},
    [AUTHN_LEVEL_CALL] = {"CALL", "call"},
    [AUTHN_LEVEL_PKT] = {"PKT", "pkt"},
    [AUTHN_LEVEL_INTEGRITY] = {"PKT_INTEGRITY", "integrity"},
    [AUTHN_LEVEL_PRIVACY] = {"PKT_PRIVACY", "privacy"},
};

/* Numbers of rpcdce.h and [MS-RPCE] 2.2.1.1.7. */
static const struct {
    uint8_t number;
    const char *name;
} services[] = {
    {AUTHN_SERVICE_NONE, "NONE"},
    {1, "DCE_PRIVATE"},
    {2, "DCE_PUBLIC"},
    {4, "DEC_PUBLIC"},
    {AUTHN_SERVICE_NEGOTIATE, "NEGOTIATE"},
    {AUTHN_SERVICE_WINNT, "WINNT"},
    {AUTHN_SERVICE_SCHANNEL, "SCHANNEL"},
    {AUTHN_SERVICE_KERBEROS, "KERBEROS"},
    {17, "DPA"},
    {18, "MSN"},
    {20, "KERNEL"},
    {21, "DIGEST"},
    {30, "NEGO_EXTENDER"},
    {31, "PKU2U"},
    {AUTHN_SERVICE_NETLOGON, "NETLOGON"},
    {100, "MQ"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const char *authn_level_name(unsigned level)
{
    return level < COUNT_OF(levels) ? levels[level].event_name : "UNKNOWN";
}

const char *authn_service_name(unsigned service)
{
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        if (services[i].number == service) {
            return services[i].name;
        }
    }
    return "UNKNOWN";
}

bool authn_level_from_policy(const char *text, size_t length, enum authn_level *out)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        const char *name = levels[i].policy_name;
        if (name && strlen(name) == length && memcmp(name, text, length) == 0) {
            *out = (enum authn_level)i;
            return true;
        }
    }
    return false;
}

const char *authn_level_policy_name(enum authn_level level)
{
    const char *name = (unsigned)level < COUNT_OF(levels) ? levels[level].policy_name : NULL;
    return name ? name : "none";
}

static bool equal_ignoring_case(const char *name, const char *text, size_t length)
{
    if (strlen(name) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c >= 'a' && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        }
        if (c != name[i]) {
            return false;
        }
    }
    return true;
}

bool authn_service_from_name(const char *text, size_t length, unsigned *out)
{
    unsigned number = 0;
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        if (equal_ignoring_case(services[i].name, text, length)) {
            *out = services[i].number;
            return true;
        }
    }
    if (!length || length > 3) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    if (number > UINT8_MAX) {
        return false;
    }
    *out = number;
    return true;
}
