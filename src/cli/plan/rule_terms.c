/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan/rule_terms.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/authn.h"

/* What the readers below write to. */
struct reading {
    struct rule_terms *terms;
    const struct policy *policy;
    const struct policy_rule *rule;
    const struct filter_host *host;
    char *reason;
    size_t size;
    bool never;
};

static bool refuse(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes why the rule cannot be expressed; returns false. */
static bool refuse(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reading->reason, reading->size, format, arguments);
    va_end(arguments);
    return false;
}

static const struct policy_condition *find(const struct policy_rule *rule, enum policy_key key)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (rule->conditions[i].key == key) {
            return &rule->conditions[i];
        }
    }
    return NULL;
}

static bool too_many(struct reading *reading, const struct policy_condition *condition, int most)
{
    return refuse(reading, "%s: has more than %d values, the most that RPC filters get of a rule",
                  condition_keys[condition->key].name, most);
}

/* Filters compare for equality alone. */
static bool refuse_negation(struct reading *reading, const struct policy_condition *condition,
                            const char *advice)
{
    return refuse(reading, "%s:! cannot be compared by RPC filters%s",
                  condition_keys[condition->key].name, advice);
}

static bool read_interfaces(struct reading *reading, const struct policy_condition *condition)
{
    if (condition->negated) {
        return refuse_negation(reading, condition, "; put a rule for these interfaces before it");
    }
    if (condition->values.count > TERMS_VALUES_MAX) {
        return too_many(reading, condition, TERMS_VALUES_MAX);
    }
    reading->terms->interfaces = condition->values.items;
    reading->terms->interface_count = condition->values.count;
    return true;
}

/* Appends first to last; false when there are too many. */
static bool append_opnums(struct rule_terms *terms, uint32_t first, uint32_t last)
{
    if (first > last) {
        return true;
    }
    if (last - first >= TERMS_VALUES_MAX - terms->opnum_count) {
        return false;
    }
    for (uint32_t opnum = first; opnum <= last; opnum++) {
        terms->opnums[terms->opnum_count++] = (uint16_t)opnum;
    }
    return true;
}

/* The ranges, or what lies between them; both are sorted and apart. */
static bool list_opnums(struct rule_terms *terms, const struct policy_condition *condition)
{
    const struct image_range *ranges = condition->values.items;
    uint32_t next = 0;
    for (size_t i = 0; i < condition->values.count; i++) {
        bool fits = condition->negated
                        ? ranges[i].first == 0 || append_opnums(terms, next, ranges[i].first - 1u)
                        : append_opnums(terms, ranges[i].first, ranges[i].last);
        if (!fits) {
            return false;
        }
        next = ranges[i].last + 1u;
    }
    return !condition->negated || append_opnums(terms, next, UINT16_MAX);
}

static bool read_opnums(struct reading *reading, const struct policy_condition *condition)
{
    const struct image_range *first = condition->values.items;
    if (condition->values.count == 1 && first->first == 0 && first->last == UINT16_MAX) {
        reading->never |= condition->negated;
        return true; /* every opnum */
    }
    if (!reading->host->opnum) {
        return refuse(reading, "opnum: cannot be compared by %s, %s", reading->host->name,
                      reading->host->no_opnum);
    }
    return list_opnums(reading->terms, condition) || too_many(reading, condition, TERMS_VALUES_MAX);
}

static unsigned protocol_bit(uint32_t protseq)
{
    return protseq == PROTSEQ_NCACN_IP_TCP ? TERMS_TCP
           : protseq == PROTSEQ_NCACN_NP   ? TERMS_NP
           : protseq == PROTSEQ_NCACN_HTTP ? TERMS_HTTP
                                           : 0;
}

static bool read_protocols(struct reading *reading, const struct policy_condition *condition)
{
    const uint32_t *values = condition->values.items;
    unsigned bits = 0;
    for (size_t i = 0; i < condition->values.count; i++) {
        unsigned bit = protocol_bit(values[i]);
        if (!bit && !condition->negated) {
            return refuse(reading,
                          "prot: names %s, and RPC filters see ncacn_ip_tcp, ncacn_np and "
                          "ncacn_http only",
                          protseq_name((enum protseq)values[i]));
        }
        bits |= bit;
    }
    reading->terms->protocols &= condition->negated ? ~bits : bits;
    return true;
}

static bool read_levels(struct reading *reading, const struct policy_condition *condition)
{
    uint32_t value = *(const uint32_t *)condition->values.items;
    uint32_t level = value & ~AUTH_WEAKER;
    bool weaker = ((value & AUTH_WEAKER) != 0) != condition->negated;
    unsigned below = (1u << level) - 1;
    reading->terms->levels &= weaker ? below : ~below;
    return true;
}

/* A port in decimal; false: a pipe. Pipes whose name is a number are not worth the doubt. */
static bool read_port(const char *text, size_t length, uint16_t *port)
{
    uint32_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || number > UINT16_MAX) {
            return false;
        }
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)number;
    return length && number <= UINT16_MAX && (text[0] != '0' || length == 1);
}

/* Only TCP: of HTTP it is not known which end's port the engine compares. */
static bool read_ports(struct reading *reading, const struct policy_condition *condition)
{
    const struct image_pattern *values = condition->values.items;
    struct rule_terms *terms = reading->terms;
    if (condition->negated) {
        return refuse_negation(reading, condition, "");
    }
    if (condition->values.count > TERMS_VALUES_MAX) {
        return too_many(reading, condition, TERMS_VALUES_MAX);
    }
    for (size_t i = 0; i < condition->values.count; i++) {
        const char *text = reading->policy->pool.bytes + values[i].offset;
        if (!read_port(text, values[i].length, &terms->ports[terms->port_count++])) {
            return refuse(reading, "endpoint: names a pipe, and RPC filters tell capital from "
                                   "small letters there; use uuid: and prot:ncacn_np");
        }
    }
    if (terms->protocols & ~TERMS_TCP) {
        return refuse(reading, "endpoint: is a port, which RPC filters compare over TCP only; add "
                               "prot:ncacn_ip_tcp");
    }
    return true;
}

/* Whether a fact that the engine cannot tell makes the rule match, as the policy language wants it
 * of block rules. */
static bool unknown_matches(const struct reading *reading)
{
    return reading->rule->block && !reading->policy->unknown_lenient;
}

static bool read_addresses(struct reading *reading, const struct policy_condition *condition)
{
    const struct ipaddr_range *values = condition->values.items;
    struct rule_terms *terms = reading->terms;
    if (condition->negated) {
        return refuse_negation(reading, condition,
                               "; put an allow rule for these addresses before it");
    }
    if (condition->values.count > TERMS_ADDRESSES_MAX) {
        return too_many(reading, condition, TERMS_ADDRESSES_MAX);
    }
    for (size_t i = 0; i < condition->values.count; i++) {
        if (ipaddr_compare(&values[i].first, &values[i].last) != 0) {
            return refuse(reading, "addr: has a block or a range of addresses, which RPC filters "
                                   "never match; name each address");
        }
    }
    if (!(terms->protocols & TERMS_TCP)) {
        return refuse(reading, "addr: RPC filters know no address of calls over pipes and HTTP");
    }
    if (unknown_matches(reading) && terms->protocols != TERMS_TCP) {
        return refuse(reading, "addr: RPC filters know no address of calls over pipes and HTTP, "
                               "and a block rule must not miss those; add prot:ncacn_ip_tcp");
    }
    terms->addresses = values;
    terms->address_count = condition->values.count;
    return true;
}

static bool read_sids(struct reading *reading, const struct policy_condition *condition)
{
    struct rule_terms *terms = reading->terms;
    if (condition->negated) {
        return refuse_negation(reading, condition,
                               ": groups that can only deny would count as well; put an allow "
                               "rule for these SIDs before it");
    }
    if (condition->values.count > TERMS_VALUES_MAX) {
        return too_many(reading, condition, TERMS_VALUES_MAX);
    }
    if (unknown_matches(reading) && (terms->protocols & ~TERMS_NP) &&
        (terms->levels & ~TERMS_AUTHENTICATED)) {
        return refuse(reading, "sid: RPC filters know no account of unauthenticated calls, and a "
                               "block rule must not miss those; add auth:connect");
    }
    terms->sids = condition->values.items;
    terms->sid_count = condition->values.count;
    return true;
}

static bool read_version(struct reading *reading, const struct policy_condition *condition)
{
    (void)condition;
    return refuse(reading, "iface_version: cannot be compared: Windows does not document how RPC "
                           "filters hold a version");
}

static bool read_process(struct reading *reading, const struct policy_condition *condition)
{
    (void)condition;
    return refuse(reading, "process: cannot be compared: Windows does not document how RPC filters "
                           "hold an image name");
}

static bool read_object(struct reading *reading, const struct policy_condition *condition)
{
    (void)condition;
    return refuse(reading, "object: cannot be compared by RPC filters");
}

static bool read_user(struct reading *reading, const struct policy_condition *condition)
{
    (void)condition;
    return refuse(reading, "user: cannot be compared by RPC filters; use sid:");
}

/* In the order of reading: ports, addresses and SIDs depend on protocols and levels. */
static const struct {
    enum policy_key key;
    bool (*read)(struct reading *reading, const struct policy_condition *condition);
} readers[] = {
    {KEY_PROCESS, read_process},       {KEY_USER, read_user},      {KEY_OBJECT, read_object},
    {KEY_IFACE_VERSION, read_version}, {KEY_PROT, read_protocols}, {KEY_AUTH, read_levels},
    {KEY_UUID, read_interfaces},       {KEY_OPNUM, read_opnums},   {KEY_ENDPOINT, read_ports},
    {KEY_ADDR, read_addresses},        {KEY_SID, read_sids},
};

_Static_assert(sizeof(readers) / sizeof(readers[0]) == KEY_COUNT, "a key without a reader");

enum terms_result rule_terms_read(struct rule_terms *terms, const struct policy *policy,
                                  const struct policy_rule *rule, const struct filter_host *host,
                                  char *reason, size_t size)
{
    struct reading reading = {terms, policy, rule, host, reason, size, false};
    *terms = (struct rule_terms){.protocols = TERMS_TCP | TERMS_NP | TERMS_HTTP,
                                 .levels = TERMS_ALL_LEVELS};
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        const struct policy_condition *condition = find(rule, readers[i].key);
        if (condition && !readers[i].read(&reading, condition)) {
            return TERMS_INEXPRESSIBLE;
        }
    }
    if (reading.never || !terms->protocols || !terms->levels) {
        return TERMS_NEVER;
    }
    return TERMS_EXACT;
}
