/* SPDX-License-Identifier: Apache-2.0 */
#include "reference.h"

#include <string.h>

static const enum call_fact fact_of[KEY_COUNT] = {
    [KEY_UUID] = FACT_INTERFACE,          [KEY_OPNUM] = FACT_OPNUM,
    [KEY_IFACE_VERSION] = FACT_INTERFACE, [KEY_PROT] = FACT_PROTSEQ,
    [KEY_PROCESS] = FACT_PROCESS,         [KEY_ENDPOINT] = FACT_ENDPOINT,
    [KEY_ADDR] = FACT_CLIENT_ADDR,        [KEY_AUTH] = FACT_AUTHN,
    [KEY_OBJECT] = FACT_OBJECT,           [KEY_SID] = FACT_SIDS,
    [KEY_USER] = FACT_PRINCIPAL,
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_uuid(const struct guid *a, const struct guid *b)
{
    return a->data1 == b->data1 && a->data2 == b->data2 && a->data3 == b->data3 &&
           memcmp(a->data4, b->data4, sizeof(a->data4)) == 0;
}

static bool same_sid(const struct reference_sid *a, const struct sid *b)
{
    uint64_t authority = 0;
    for (int i = 0; i < 6; i++) {
        authority = authority * 256 + b->identifier_authority[i];
    }
    if (a->authority != authority || a->count != b->sub_authority_count) {
        return false;
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (a->sub_authority[i] != b->sub_authority[i]) {
            return false;
        }
    }
    return true;
}

static bool some_sid(const struct reference_sid *sid, const struct call *call)
{
    for (size_t i = 0; i < call->sid_count; i++) {
        if (same_sid(sid, call->sids[i])) {
            return true;
        }
    }
    return false;
}

static address_number number_of(const struct ipaddr *addr)
{
    address_number number = 0;
    for (int i = 0; i < 16; i++) {
        number = number * 256 + addr->bytes[i];
    }
    return number;
}

/* The definition of wildcards, word for word; exponential, so for short texts only. */
static bool like(const char *pattern, const char *text, size_t length)
{
    if (!*pattern) {
        return length == 0;
    }
    if (*pattern == '*') {
        return like(pattern + 1, text, length) || (length && like(pattern, text + 1, length - 1));
    }
    return length && (*pattern == '?' || lower(*pattern) == lower(*text)) &&
           like(pattern + 1, text + 1, length - 1);
}

static bool same_text(const char *a, const char *b, size_t b_length)
{
    if (strlen(a) != b_length) {
        return false;
    }
    for (size_t i = 0; i < b_length; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

static bool same_endpoint(const char *name, struct text endpoint)
{
    if (endpoint.length >= 6 && same_text("\\pipe\\", endpoint.bytes, 6)) {
        return same_text(name, endpoint.bytes + 6, endpoint.length - 6);
    }
    return same_text(name, endpoint.bytes, endpoint.length);
}

static bool value_holds(enum policy_key key, const struct reference_value *value,
                        const struct call *call)
{
    uint32_t version = (uint32_t)call->version_major << 16 | call->version_minor;
    switch (key) {
    case KEY_UUID:
        return same_uuid(&value->uuid, &call->interface);
    case KEY_OBJECT:
        return same_uuid(&value->uuid, &call->object);
    case KEY_OPNUM:
        return value->range.first <= call->opnum && call->opnum <= value->range.last;
    case KEY_IFACE_VERSION:
        return value->range.first == version;
    case KEY_PROT:
        return value->range.first == (uint32_t)call->protseq;
    case KEY_ADDR:
        return value->addr.first <= number_of(&call->client_addr) &&
               number_of(&call->client_addr) <= value->addr.last;
    case KEY_AUTH:
        return value->auth.weaker ? call->authn_level < value->auth.level
                                  : call->authn_level >= value->auth.level;
    case KEY_SID:
        return some_sid(&value->sid, call);
    case KEY_ENDPOINT:
        return same_endpoint(value->text, call->endpoint);
    case KEY_USER:
        return like(value->text, call->principal.bytes, call->principal.length);
    case KEY_PROCESS:
        return like(value->text, call->process.bytes, call->process.length);
    case KEY_COUNT:
        break;
    }
    return false;
}

static enum match_result condition_holds(const struct reference_policy *policy, enum policy_key key,
                                         const struct reference_condition *condition,
                                         const struct call *call, uint32_t known)
{
    bool any = false;
    if (!(known & FACT_BIT(fact_of[key]))) {
        return MATCH_UNKNOWN;
    }
    for (uint32_t i = 0; i < condition->count; i++) {
        any = any || value_holds(key, &policy->values[condition->first + i], call);
    }
    return any != condition->negated ? MATCH_YES : MATCH_NO;
}

static bool names_ncalrpc(const struct reference_policy *policy, const struct reference_rule *rule)
{
    const struct reference_condition *prot = &rule->conditions[KEY_PROT];
    bool named = false;
    for (uint32_t i = 0; prot->present && !prot->negated && i < prot->count; i++) {
        named = named || policy->values[prot->first + i].range.first == PROTSEQ_NCALRPC;
    }
    return named;
}

static enum match_result rule_holds(const struct reference_policy *policy,
                                    const struct reference_rule *rule, const struct call *call,
                                    uint32_t known, uint32_t *unknown)
{
    enum match_result result = MATCH_YES;
    *unknown = 0;
    if (known & FACT_BIT(FACT_PROTSEQ) && call->protseq == PROTSEQ_NCALRPC &&
        !names_ncalrpc(policy, rule)) {
        return MATCH_NO;
    }
    for (int key = 0; key < KEY_COUNT; key++) {
        if (!rule->conditions[key].present) {
            continue;
        }
        enum match_result one =
            condition_holds(policy, (enum policy_key)key, &rule->conditions[key], call, known);
        if (one == MATCH_NO) {
            return MATCH_NO;
        }
        if (one == MATCH_UNKNOWN) {
            *unknown |= FACT_BIT(fact_of[key]);
            result = MATCH_UNKNOWN;
        }
    }
    return result;
}

struct verdict reference_decide(const struct reference_policy *policy, const struct call *call,
                                uint32_t known)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < policy->rule_count; i++) {
        const struct reference_rule *rule = &policy->rules[i];
        uint32_t unknown;
        if (!rule->for_agents) {
            continue;
        }
        enum match_result result = rule_holds(policy, rule, call, known, &unknown);
        if (result == MATCH_YES || (result == MATCH_UNKNOWN && rule->block && !policy->lenient)) {
            return (struct verdict){.rule = number,
                                    .unknown = unknown,
                                    .block = rule->block && !rule->dry,
                                    .audit = rule->audit || rule->dry,
                                    .dry = rule->dry,
                                    .verbose = rule->verbose};
        }
        number++;
    }
    return (struct verdict){.rule = VERDICT_NO_RULE};
}

bool reference_asks(const struct reference_policy *policy, const struct call *call, uint32_t known,
                    uint32_t last, enum call_fact fact)
{
    static const enum policy_key cheap[] = {KEY_UUID, KEY_IFACE_VERSION, KEY_OPNUM, KEY_PROT};
    uint32_t number = 0;
    for (uint32_t i = 0; i < policy->rule_count && number <= last; i++) {
        const struct reference_rule *rule = &policy->rules[i];
        bool asks = false;
        if (!rule->for_agents) {
            continue;
        }
        number++;
        for (int key = 0; key < KEY_COUNT; key++) {
            asks = asks || (rule->conditions[key].present && fact_of[key] == fact);
        }
        for (size_t k = 0; k < sizeof(cheap) / sizeof(cheap[0]); k++) {
            const struct reference_condition *condition = &rule->conditions[cheap[k]];
            asks = asks && !(condition->present &&
                             condition_holds(policy, cheap[k], condition, call, known) == MATCH_NO);
        }
        if (asks) {
            return true;
        }
    }
    return false;
}
