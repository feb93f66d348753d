/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planned filters mean what their rules mean: random policies are planned, and random calls decided
 * twice, by decide() and by an evaluator of filters that is written after Windows' documentation
 * and shares no code with the planner.
 *
 * A call is what the engine and the agent are told of one and the same request. Where it is not
 * known what the engine is told (the address of a call over HTTP, a token for callers without
 * authentication, calls over ncalrpc), it is told something: no filter may depend on it.
 *
 * usage: semantics_test SEED|fresh POLICIES
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/plan/filter_plan.h"
#include "core/authn.h"
#include "core/decide.h"
#include "core/policy.h"

#include "../reference/random_stream.h"

#define CALLS_PER_POLICY 60
#define RULES_MAX        12
#define TEXT_SIZE        8192
#define SIDS_MAX         4

static const char *const interfaces[] = {
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "367abb81-9844-35f1-ad32-98f038001003",
    "12345778-1234-abcd-ef00-0123456789ac", "338cd001-2244-31f1-aaaa-900038001003"};
static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "192.0.2.9", "2001:db8::1",
                                        "2001:db8::2"};
static const char *const ports[] = {"135", "49152", "593"};
static const char *const sids[] = {"S-1-1-0", "S-1-5-7", "S-1-5-32-544", "S-1-5-21-1-2-3-1000"};

#define COUNT(array)        (sizeof(array) / sizeof((array)[0]))
#define PICK(stream, array) ((array)[random_below((stream), (uint32_t)COUNT(array))])

/* ---- Policies ---- */

struct text_out {
    char bytes[TEXT_SIZE];
    size_t length;
};

static void put(struct text_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text_out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out->bytes + out->length, TEXT_SIZE - out->length, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= TEXT_SIZE - out->length) {
        fprintf(stderr, "a policy is too long\n");
        exit(2);
    }
    out->length += (size_t)length;
}

static const char *negation(struct random_stream *stream)
{
    return random_chance(stream, 10) ? "!" : "";
}

static void put_some(struct text_out *out, struct random_stream *stream, const char *const *values,
                     uint32_t count)
{
    uint32_t number = 1 + random_below(stream, 2);
    for (uint32_t i = 0; i < number; i++) {
        put(out, "%s%s", i ? "," : "", values[random_below(stream, count)]);
    }
}

static void put_opnum(struct text_out *out, struct random_stream *stream)
{
    uint32_t first = random_below(stream, 8);
    switch (random_below(stream, 8)) {
    case 0:
        put(out, " opnum:!%u-65535", (unsigned)first + 1);
        break;
    case 1:
        put(out, " opnum:0-65535");
        break;
    case 2:
        put(out, " opnum:!%u", (unsigned)first);
        break;
    default:
        put(out, " opnum:%u-%u", (unsigned)first, (unsigned)first + random_below(stream, 3));
        break;
    }
}

static void put_prot(struct text_out *out, struct random_stream *stream)
{
    static const char *const sequences[] = {"ncacn_ip_tcp", "ncacn_np",
                                            "ncacn_http",   "ncacn_ip_tcp,ncacn_np",
                                            "ncalrpc",      "ncadg_ip_udp,ncacn_np"};
    put(out, " prot:%s%s", negation(stream), PICK(stream, sequences));
}

static void put_auth(struct text_out *out, struct random_stream *stream)
{
    static const char *const levels[] = {"none",    "connect",  "connect",  "pkt",
                                         "privacy", "<connect", "<privacy", "<none"};
    put(out, " auth:%s%s", negation(stream), PICK(stream, levels));
}

static void put_addr(struct text_out *out, struct random_stream *stream)
{
    put(out, " addr:%s", negation(stream));
    put_some(out, stream, addresses, COUNT(addresses));
    put(out, "%s", random_chance(stream, 10) ? ",10.0.0.0/30" : "");
}

static void put_rest(struct text_out *out, struct random_stream *stream)
{
    if (random_chance(stream, 8)) {
        put(out, " endpoint:%s", random_chance(stream, 80) ? PICK(stream, ports) : "\\pipe\\lsass");
    }
    if (random_chance(stream, 20)) {
        put(out, " sid:%s", negation(stream));
        put_some(out, stream, sids, COUNT(sids));
    }
    if (random_chance(stream, 3)) {
        put(out, " process:lsass.exe");
    }
    if (random_chance(stream, 3)) {
        put(out, " user:CORP\\a*");
    }
}

static void put_rule(struct text_out *out, struct random_stream *stream)
{
    bool block = random_chance(stream, 50);
    put(out, "all:action:%s", block ? "block" : "allow");
    if (random_chance(stream, 70)) {
        put(out, " uuid:%s", random_chance(stream, 4) ? "!" : "");
        put_some(out, stream, interfaces, COUNT(interfaces));
    }
    if (random_chance(stream, 35)) {
        put_opnum(out, stream);
    }
    if (random_chance(stream, 35)) {
        put_prot(out, stream);
    }
    if (random_chance(stream, 25)) {
        put_auth(out, stream);
    }
    if (random_chance(stream, 30)) {
        put_addr(out, stream);
    }
    put_rest(out, stream);
    put(out, "%s%s\n", random_chance(stream, 30) ? " audit:true" : "",
        block && random_chance(stream, 20) ? " dry:true" : "");
}

static void make_policy(struct text_out *out, struct random_stream *stream)
{
    uint32_t rules = 1 + random_below(stream, RULES_MAX);
    out->length = 0;
    if (random_chance(stream, 25)) {
        put(out, "option unknown lenient\n");
    }
    for (uint32_t i = 0; i < rules; i++) {
        put_rule(out, stream);
    }
}

/* ---- Calls ---- */

/* What the engine is told; the agent's view is in `call`. */
struct seen_call {
    struct call call;
    bool has_address; /* of the client, in call.client_addr */
    bool has_token;   /* whose SIDs are in call.sids */
    uint16_t port;    /* of the server; TCP and HTTP */
    struct sid sid_values[SIDS_MAX];
    const struct sid *sid_list[SIDS_MAX];
};

static void know(struct call *call, enum call_fact fact, bool known)
{
    if (known) {
        call_set_known(call, fact);
    } else {
        call_set_unknown(call, fact);
    }
}

static void make_token(struct seen_call *seen, struct random_stream *stream, bool authenticated)
{
    /* Without authentication the engine may hold an anonymous token. */
    size_t count = authenticated ? 1 + random_below(stream, 3) : 2;
    for (size_t i = 0; i < count; i++) {
        const char *text = authenticated ? PICK(stream, sids) : sids[i];
        sid_parse(text, strlen(text), &seen->sid_values[i]);
        seen->sid_list[i] = &seen->sid_values[i];
    }
    seen->call.sids = seen->sid_list;
    seen->call.sid_count = count;
    seen->has_token = authenticated || random_chance(stream, 50);
    know(&seen->call, FACT_SIDS, authenticated);
}

static void make_call(struct seen_call *seen, struct random_stream *stream)
{
    static const enum protseq sequences[] = {PROTSEQ_NCACN_IP_TCP, PROTSEQ_NCACN_IP_TCP,
                                             PROTSEQ_NCACN_NP,     PROTSEQ_NCACN_NP,
                                             PROTSEQ_NCACN_HTTP,   PROTSEQ_NCALRPC};
    *seen = (struct seen_call){.port = 0};
    struct call *call = &seen->call;
    const char *uuid = PICK(stream, interfaces);
    const char *address = PICK(stream, addresses);
    const char *endpoint = PICK(stream, ports);
    guid_parse(uuid, strlen(uuid), &call->interface);
    call->version_major = 1;
    call->opnum = (uint16_t)random_below(stream, 10);
    call->protseq = PICK(stream, sequences);
    call->authn_level = (uint8_t)(1 + random_below(stream, AUTHN_LEVEL_PRIVACY));
    ipaddr_parse(address, strlen(address), &call->client_addr);
    bool tcp = call->protseq == PROTSEQ_NCACN_IP_TCP;
    bool pipe = call->protseq == PROTSEQ_NCACN_NP || call->protseq == PROTSEQ_NCALRPC;
    seen->has_address = tcp || (call->protseq == PROTSEQ_NCACN_HTTP && random_chance(stream, 50));
    seen->port = (uint16_t)strtoul(endpoint, NULL, 10);
    endpoint = pipe ? "\\pipe\\lsass" : endpoint;
    call->endpoint = (struct text){endpoint, strlen(endpoint)};
    call->process = (struct text){"lsass.exe", 9};
    call->principal = (struct text){"CORP\\adm", 8};
    know(call, FACT_INTERFACE, true);
    know(call, FACT_OPNUM, true);
    know(call, FACT_PROTSEQ, true);
    know(call, FACT_ENDPOINT, true);
    know(call, FACT_AUTHN, true);
    know(call, FACT_PROCESS, true);
    know(call, FACT_PRINCIPAL, random_chance(stream, 50));
    know(call, FACT_CLIENT_ADDR, tcp);
    make_token(seen, stream, pipe || call->authn_level > AUTHN_LEVEL_NONE);
}

/* ---- The engine ---- */

static bool grants(const struct seen_call *seen, const struct filter_condition *condition)
{
    for (size_t i = 0; seen->has_token && i < seen->call.sid_count; i++) {
        for (size_t k = 0; k < condition->sid_count; k++) {
            if (sid_equal(seen->call.sids[i], &condition->sids[k])) {
                return true;
            }
        }
    }
    return false;
}

/* One condition; a field without a value matches nothing. */
static bool holds(const struct filter_condition *condition, const struct seen_call *seen,
                  const struct filter_host *host)
{
    const struct call *call = &seen->call;
    bool v4 = ipaddr_is_v4(&call->client_addr);
    switch (condition->field) {
    case FILTER_PROTOCOL:
        return condition->number == (uint32_t)call->protseq;
    case FILTER_INTERFACE:
        return guid_equal(&condition->uuid, &call->interface);
    case FILTER_OPNUM:
        return !host->opnum || condition->number == call->opnum; /* taken and ignored */
    case FILTER_AUTHN_LEVEL:
        return condition->number == call->authn_level;
    case FILTER_LOCAL_PORT:
        return call->protseq == PROTSEQ_NCACN_IP_TCP && condition->number == seen->port;
    case FILTER_CLIENT_V4:
    case FILTER_CLIENT_V6:
        return seen->has_address && v4 == (condition->field == FILTER_CLIENT_V4) &&
               memcmp(&condition->address, &call->client_addr, sizeof(call->client_addr)) == 0;
    default:
        return grants(seen, condition);
    }
}

/* All fields, and of each field one condition. */
static bool filter_matches(const struct planned_filter *filter, const struct seen_call *seen,
                           const struct filter_host *host)
{
    unsigned asked = 0;
    unsigned met = 0;
    for (size_t i = 0; i < filter->condition_count; i++) {
        asked |= 1u << filter->conditions[i].field;
        if (holds(&filter->conditions[i], seen, host)) {
            met |= 1u << filter->conditions[i].field;
        }
    }
    return asked == met;
}

/* The matching filter of the highest weight. */
static const struct planned_filter *arbitrate(const struct filter_plan *plan,
                                              const struct seen_call *seen)
{
    const struct planned_filter *best = NULL;
    for (size_t i = 0; i < plan->filter_count; i++) {
        const struct planned_filter *filter = &plan->filters[i];
        if (filter_matches(filter, seen, &plan->host) && (!best || filter->weight > best->weight)) {
            best = filter;
        }
    }
    return best;
}

/* ---- The comparison ---- */

struct tally {
    unsigned long native;
    unsigned long unmatched;
    unsigned long agent_allows;
    unsigned long agent_blocks;
    unsigned long blocked;
    unsigned long audited;
    unsigned long demoted;
};

/* NULL when the two agree, otherwise what is wrong. */
static const char *compare(const struct filter_plan *plan, const struct verdict *verdict,
                           const struct planned_filter *filter, struct tally *tally)
{
    if (verdict->rule == VERDICT_NO_RULE) {
        tally->unmatched++;
        return filter ? "a filter matches a call that no rule matches" : NULL;
    }
    if (filter && filter->rule < verdict->rule) {
        return "a filter matches a call that its rule does not match";
    }
    if (plan->findings[verdict->rule].filters) {
        tally->native++;
        tally->blocked += filter && filter->block;
        tally->audited += filter && filter->audit;
        return !filter || filter->rule != verdict->rule ? "no filter of the rule matches its call"
               : filter->block != verdict->block        ? "another verdict"
               : filter->audit != verdict->audit        ? "recorded here and not there"
                                                        : NULL;
    }
    if (verdict->block) {
        tally->agent_blocks++;
        return NULL; /* the agent blocks; that filters may not is what the plan says */
    }
    tally->agent_allows++;
    return filter && filter->block ? "a filter blocks what the policy lets through" : NULL;
}

static void print_call(const struct seen_call *seen)
{
    char uuid[GUID_TEXT_SIZE];
    char address[IPADDR_TEXT_SIZE];
    char sid[SID_TEXT_SIZE];
    const struct call *call = &seen->call;
    printf("call: uuid=%s opnum=%u prot=%s auth=%u endpoint=%s addr=%s%s",
           guid_format(&call->interface, uuid), call->opnum, protseq_name(call->protseq),
           call->authn_level, call->endpoint.bytes, ipaddr_format(&call->client_addr, address),
           seen->has_address ? "" : " (unknown)");
    for (size_t i = 0; i < call->sid_count; i++) {
        printf(" sid=%s", sid_format(call->sids[i], sid));
    }
    printf("%s\n", seen->has_token ? "" : " (no token)");
}

/* Rules for filters alone get the same filters, unless one is refused. */
static bool same_for_filters_alone(const struct text_out *text, const struct filter_plan *plan)
{
    struct text_out other = *text;
    struct policy_read_options options = {0};
    for (char *at = other.bytes; (at = strstr(at, "all:")) != NULL; at++) {
        memcpy(at, "flt:", 4);
    }
    struct policy *policy = policy_read("-", other.bytes, other.length, &options);
    struct filter_plan *alone = filter_plan_make(policy, &plan->host);
    bool same = alone->refused || alone->filter_count == plan->filter_count;
    for (size_t i = 0; i < alone->finding_count; i++) {
        const struct plan_finding *finding = &alone->findings[i];
        same = same && finding->where == (finding->filters ? PLAN_FILTER : PLAN_NOWHERE) &&
               (!finding->refused || !finding->filters);
    }
    filter_plan_free(alone);
    policy_free(policy);
    return same;
}

static bool run_policy(struct random_stream *stream, struct tally *tally)
{
    static struct text_out text;
    struct policy_read_options options = {0};
    size_t size;
    const char *wrong = NULL;
    struct seen_call seen;
    make_policy(&text, stream);
    text.bytes[text.length] = '\0';
    struct policy *policy = policy_read("-", text.bytes, text.length, &options);
    void *image = policy && !policy->diagnostics.errors ? policy_compile(policy, &size) : NULL;
    const struct filter_host *host = &filter_hosts[random_below(stream, 5)];
    struct filter_plan *plan = image ? filter_plan_make(policy, host) : NULL;
    if (!plan) {
        printf("a policy cannot be planned:\n%s", text.bytes);
        exit(2);
    }
    for (size_t i = 0; i < plan->finding_count; i++) {
        tally->demoted += strncmp(plan->findings[i].reason, "rule=", 5) == 0;
    }
    for (int i = 0; !wrong && i < CALLS_PER_POLICY; i++) {
        make_call(&seen, stream);
        struct verdict verdict = decide(image, &seen.call);
        wrong = compare(plan, &verdict, arbitrate(plan, &seen), tally);
    }
    if (wrong) {
        printf("%s, on %s:\n%s", wrong, host->name, text.bytes);
        print_call(&seen);
    } else if (!same_for_filters_alone(&text, plan)) {
        wrong = "flt:";
        printf("flt: rules are planned otherwise than all: rules, on %s:\n%s", host->name,
               text.bytes);
    }
    filter_plan_free(plan);
    free(image);
    policy_free(policy);
    return !wrong;
}

int main(int argc, char **argv)
{
    struct random_stream stream = {.state = (uint64_t)time(NULL)};
    struct tally tally = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: %s SEED|fresh POLICIES\n", argv[0]);
        return 2;
    }
    if (strcmp(argv[1], "fresh") != 0) {
        stream.state = strtoull(argv[1], NULL, 10);
    }
    printf("seed %llu\n", (unsigned long long)stream.state);
    unsigned long policies = strtoul(argv[2], NULL, 10);
    for (unsigned long i = 0; i < policies; i++) {
        if (!run_policy(&stream, &tally)) {
            return 1;
        }
    }
    printf("%lu policies: %lu calls by filters (%lu blocked, %lu recorded), %lu by no rule, %lu "
           "allowed and %lu blocked by the agent alone; %lu rules kept back for the order\n",
           policies, tally.native, tally.blocked, tally.audited, tally.unmatched,
           tally.agent_allows, tally.agent_blocks, tally.demoted);
    /* Each kind must have been met, or the test has shown nothing. */
    bool met = tally.native && tally.blocked && tally.audited && tally.unmatched &&
               tally.agent_allows && tally.agent_blocks && tally.demoted;
    return met ? 0 : 1;
}
