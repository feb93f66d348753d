/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference_match [SEED|fresh [PAIRS]]: random policies, written as text, read, compiled and
 * validated, against the reference, call by call. Stops at the first difference, with the smallest
 * policy that still shows it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/image.h"
#include "core/policy.h"
#include "spell.h"
#include "universe.h"

#define CALLS_PER_POLICY 100

/* What the pairs were like; a run that shows nothing of a kind has not tested it. */
struct tally {
    uint64_t pairs;
    uint64_t policies;
    uint64_t rules;
    uint64_t none;
    uint64_t blocked;
    uint64_t dry;
    uint64_t by_unknown;
    uint64_t deep; /* decided by the 20th rule or a later one */
    uint64_t negated;
    uint64_t by_key[KEY_COUNT];
};

/* ---- A host that answers when it is asked ---- */

struct host {
    const struct generated_call *truth;
    uint32_t asked;
    bool asked_twice;
};

static void tell(struct call *call, const struct generated_call *truth, enum call_fact fact)
{
    const struct call *from = &truth->call;
    switch (fact) {
    case FACT_INTERFACE:
        call->interface = from->interface;
        call->version_major = from->version_major;
        call->version_minor = from->version_minor;
        break;
    case FACT_OPNUM:
        call->opnum = from->opnum;
        break;
    case FACT_PROTSEQ:
        call->protseq = from->protseq;
        break;
    case FACT_ENDPOINT:
        call->endpoint = from->endpoint;
        break;
    case FACT_CLIENT_ADDR:
        call->client_addr = from->client_addr;
        break;
    case FACT_PRINCIPAL:
        call->principal = from->principal;
        break;
    case FACT_SIDS:
        call->sids = from->sids;
        call->sid_count = from->sid_count;
        break;
    case FACT_AUTHN:
        call->authn_level = from->authn_level;
        break;
    case FACT_OBJECT:
        call->object = from->object;
        break;
    case FACT_PROCESS:
        call->process = from->process;
        break;
    default:
        break;
    }
    if (truth->known & FACT_BIT(fact)) {
        call_set_known(call, fact);
    } else {
        call_set_unknown(call, fact);
    }
}

static void answer(struct call *call, enum call_fact fact)
{
    struct host *host = call->host;
    host->asked_twice |= (host->asked & FACT_BIT(fact)) != 0;
    host->asked |= FACT_BIT(fact);
    tell(call, host->truth, fact);
    /* The address comes out of the same string as the protocol sequence. */
    if (fact == FACT_PROTSEQ) {
        host->asked |= FACT_BIT(FACT_CLIENT_ADDR);
        tell(call, host->truth, FACT_CLIENT_ADDR);
    }
}

/* ---- One policy ---- */

struct subject {
    struct reference_policy policy;
    struct spelled_policy text;
    void *image;
};

/* For read_file, which is told a path alone. */
static const struct spelled_text *included_text;

static void *read_included(const char *path, size_t limit, size_t *size, const char **why)
{
    char *bytes = malloc(included_text->length + 1);
    if (!bytes || strcmp(path, SPELLED_INCLUDE) != 0 || included_text->length > limit) {
        *why = "no such file";
        free(bytes);
        return NULL;
    }
    memcpy(bytes, included_text->bytes, included_text->length);
    *size = included_text->length;
    return bytes;
}

static void print_policy(const struct spelled_policy *text)
{
    printf("---- policy%s\n%.*s", text->domain_in_text ? "" : " (the domain is the host's)",
           (int)text->main.length, text->main.bytes);
    if (text->included.length) {
        printf("---- " SPELLED_INCLUDE "\n%.*s", (int)text->included.length, text->included.bytes);
    }
}

static bool report_refusal(const struct policy *policy, const struct spelled_policy *text)
{
    for (size_t i = 0; i < policy->diagnostics.count; i++) {
        const struct diagnostic *one = &policy->diagnostics.items[i];
        printf("%s:%u:%u: %s\n", one->place.path, one->place.line, one->place.column, one->message);
    }
    print_policy(text);
    return false;
}

/* The image's rules are the text's, in their order. */
static bool rules_are_in_place(const struct subject *subject)
{
    const struct policy_image *image = subject->image;
    uint32_t number = 0;
    for (uint32_t i = 0; i < subject->policy.rule_count; i++) {
        const struct reference_rule *rule = &subject->policy.rules[i];
        char name[16] = "";
        if (!rule->for_agents) {
            continue;
        }
        if (number == image->rules.count) {
            return false;
        }
        const struct image_rule *found = image_rule(image, number++);
        if (rule->name) {
            snprintf(name, sizeof(name), "r%u", rule->name);
        }
        if (found->line != rule->line || strcmp(image_text(image, found->name), name) != 0 ||
            strcmp(image_text(image, found->file), rule->included ? SPELLED_INCLUDE : "") != 0) {
            return false;
        }
    }
    return number == image->rules.count;
}

/* Writes, reads, compiles and validates the policy; false after it said what went wrong. */
static bool compile(struct subject *subject)
{
    struct policy_read_options options = {.read_file = read_included};
    struct sid domain = {.revision = 1, .sub_authority_count = (uint8_t)universe_domain.count};
    size_t size = 0;

    domain.identifier_authority[5] = (uint8_t)universe_domain.authority;
    memcpy(domain.sub_authority, universe_domain.sub_authority, sizeof(domain.sub_authority));
    spell_policy(&subject->policy, &subject->text);
    domain.sub_authority[3] += subject->text.domain_in_text; /* another: the text's must win */
    options.domain = &domain;
    included_text = &subject->text.included;
    struct policy *policy =
        policy_read("main.conf", subject->text.main.bytes, subject->text.main.length, &options);
    if (!policy || policy->diagnostics.errors) {
        printf("a policy without errors was refused\n");
        if (policy) {
            report_refusal(policy, &subject->text);
        }
        policy_free(policy);
        return false;
    }
    subject->image = policy_compile(policy, &size);
    policy_free(policy);
    enum image_error error =
        subject->image ? image_validate(subject->image, size) : IMAGE_TOO_SHORT;
    if (error != IMAGE_OK || !rules_are_in_place(subject)) {
        printf("the image is not that of the policy: %s\n", image_error_text(error));
        print_policy(&subject->text);
        free(subject->image);
        return false;
    }
    return true;
}

/* ---- One call ---- */

struct answers {
    struct verdict expected;
    struct verdict eager; /* all facts told before */
    struct verdict lazy;  /* each told when asked for */
    struct host host;
};

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->rule == b->rule && a->block == b->block && a->audit == b->audit && a->dry == b->dry &&
           a->verbose == b->verbose && !a->unknown == !b->unknown && !(b->unknown & ~a->unknown);
}

static struct answers ask(const struct subject *subject, const struct generated_call *generated)
{
    struct answers answers = {
        .expected = reference_decide(&subject->policy, &generated->call, generated->known),
        .host = {.truth = generated}};
    struct call eager = generated->call;
    struct call lazy = {.fetch = answer, .host = &answers.host};
    eager.fetched = FACT_BIT(FACT_COUNT) - 1;
    eager.known = generated->known;
    answers.eager = decide(subject->image, &eager);
    answers.lazy = decide(subject->image, &lazy);
    return answers;
}

/* Names what is wrong with the answers; NULL when they are right. */
static const char *fault_of(const struct subject *subject, const struct generated_call *generated,
                            const struct answers *answers)
{
    static const enum call_fact dear[] = {FACT_SIDS, FACT_PRINCIPAL};
    if (!same_verdict(&answers->expected, &answers->eager)) {
        return "decide() differs from the reference";
    }
    if (!same_verdict(&answers->expected, &answers->lazy)) {
        return "decide() differs from the reference when facts are fetched";
    }
    if (answers->host.asked_twice) {
        return "a fact was fetched twice";
    }
    for (size_t i = 0; i < sizeof(dear) / sizeof(dear[0]); i++) {
        if (answers->host.asked & FACT_BIT(dear[i]) &&
            !reference_asks(&subject->policy, &generated->call, generated->known,
                            answers->expected.rule, dear[i])) {
            return "SIDs or principal were fetched though no rule that can match asks for them";
        }
    }
    return NULL;
}

static void print_verdict(const char *who, const struct verdict *verdict)
{
    printf("%-10s", who);
    if (verdict->rule == VERDICT_NO_RULE) {
        printf(" no rule");
    } else {
        printf(" rule %" PRIu32, verdict->rule);
    }
    printf("%s%s%s%s unknown 0x%" PRIx32 "\n", verdict->block ? " block" : " allow",
           verdict->audit ? " audit" : "", verdict->dry ? " dry" : "",
           verdict->verbose ? " verbose" : "", verdict->unknown);
}

/* Takes away rules one by one as long as the answers stay wrong. */
static void shrink(struct subject *subject, const struct generated_call *call)
{
    for (uint32_t i = subject->policy.rule_count; i-- > 0 && subject->policy.rule_count > 1;) {
        struct reference_policy before = subject->policy;
        size_t behind = before.rule_count - i - 1;
        memmove(&subject->policy.rules[i], &subject->policy.rules[i + 1],
                behind * sizeof(subject->policy.rules[0]));
        subject->policy.rule_count--;
        free(subject->image);
        subject->image = NULL;
        struct answers answers;
        if (compile(subject)) {
            answers = ask(subject, call);
            if (fault_of(subject, call, &answers)) {
                continue;
            }
            free(subject->image);
        }
        subject->policy = before;
        subject->image = NULL;
        if (!compile(subject)) {
            return;
        }
    }
}

static void report_fault(struct subject *subject, const struct generated_call *call,
                         const char *fault)
{
    printf("DIFFERENCE: %s\n", fault);
    shrink(subject, call);
    struct answers answers = ask(subject, call);
    print_policy(&subject->text);
    printf("---- call (what the host could not tell is left out)\n");
    spell_call(call, stdout);
    print_verdict("expected", &answers.expected);
    print_verdict("decided", &answers.eager);
    print_verdict("fetching", &answers.lazy);
    printf("asked 0x%" PRIx32 " known 0x%" PRIx32 "\n", answers.host.asked, call->known);
}

static void count(struct tally *tally, const struct subject *subject, const struct verdict *verdict)
{
    tally->pairs++;
    tally->none += verdict->rule == VERDICT_NO_RULE;
    tally->blocked += verdict->block;
    tally->dry += verdict->dry;
    tally->by_unknown += verdict->unknown != 0;
    tally->deep += verdict->rule != VERDICT_NO_RULE && verdict->rule >= 20;
    for (uint32_t i = 0, number = 0; i < subject->policy.rule_count; i++) {
        const struct reference_rule *rule = &subject->policy.rules[i];
        if (!rule->for_agents || number++ != verdict->rule) {
            continue;
        }
        for (int key = 0; key < KEY_COUNT; key++) {
            tally->by_key[key] += rule->conditions[key].present;
            tally->negated += rule->conditions[key].present && rule->conditions[key].negated;
        }
    }
}

static bool try_policy(struct random_stream *stream, struct subject *subject, struct tally *tally)
{
    struct generated_call call;
    bool good = true;
    generate_policy(stream, &subject->policy);
    if (!compile(subject)) {
        return false;
    }
    tally->policies++;
    tally->rules += subject->policy.rule_count;
    for (int i = 0; i < CALLS_PER_POLICY && good; i++) {
        generate_call(stream, &subject->policy, &call);
        struct answers answers = ask(subject, &call);
        const char *fault = fault_of(subject, &call, &answers);
        count(tally, subject, &answers.expected);
        if (fault) {
            report_fault(subject, &call, fault);
            good = false;
        }
    }
    free(subject->image);
    subject->image = NULL;
    return good;
}

/* Whether every kind of outcome was seen often enough to mean something. */
static bool print_tally(const struct tally *tally)
{
    uint64_t least = tally->pairs / 200;
    if (!tally->pairs || !tally->policies) {
        printf("nothing was compared\n");
        return false;
    }
    bool enough = tally->none > least && tally->blocked > least && tally->dry > least &&
                  tally->by_unknown > least && tally->deep > least && tally->negated > least;
    printf("%" PRIu64 " pairs, %" PRIu64 " policies of %" PRIu64 " rules on average: %" PRIu64
           "%% no rule, %" PRIu64 "%% blocked, %" PRIu64 "%% dry, %" PRIu64
           "%% by an unknown fact, %" PRIu64 "%% by rule 20 or later\n",
           tally->pairs, tally->policies, tally->rules / tally->policies,
           tally->none * 100 / tally->pairs, tally->blocked * 100 / tally->pairs,
           tally->dry * 100 / tally->pairs, tally->by_unknown * 100 / tally->pairs,
           tally->deep * 100 / tally->pairs);
    printf("deciding rules with");
    for (int key = 0; key < KEY_COUNT; key++) {
        printf(" %s %" PRIu64 "%%", condition_keys[key].name,
               tally->by_key[key] * 100 / tally->pairs);
        enough = enough && tally->by_key[key] > least;
    }
    printf("\n");
    if (!enough) {
        printf("too little of some kind was tried to mean anything\n");
    }
    return enough;
}

int main(int argc, char **argv)
{
    bool fresh = argc < 2 || strcmp(argv[1], "fresh") == 0;
    uint64_t seed = fresh ? (uint64_t)time(NULL) : strtoull(argv[1], NULL, 0);
    uint64_t pairs = argc > 2 ? strtoull(argv[2], NULL, 0) : 2000000;
    struct random_stream stream = {seed};
    struct tally tally = {0};
    struct subject *subject = calloc(1, sizeof(*subject));
    bool good = subject != NULL;

    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    while (good && tally.pairs < pairs) {
        good = try_policy(&stream, subject, &tally);
    }
    good = good && print_tally(&tally);
    if (!good) {
        printf("repeat with: reference_match %" PRIu64 " %" PRIu64 "\n", seed, pairs);
    }
    if (subject) {
        generated_policy_free(&subject->policy);
        spelled_policy_free(&subject->text);
    }
    free(subject);
    return good ? 0 : 1;
}
