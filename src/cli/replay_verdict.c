/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replay_verdict.h"

#include "core/condition.h"

/* The call in three guises, for rules that ask for SIDs. */
struct guises {
    struct call untold; /* no SID is known */
    struct call user;   /* the user's SID is all there is */
    struct call nobody; /* it is known that there is none */
    bool has_user;
};

/* Notes that the fact was asked for. */
static void note(struct call *call, enum call_fact fact)
{
    *(uint32_t *)call->host |= FACT_BIT(fact);
}

static struct guises guises_of(const struct call *call)
{
    struct guises guises = {.untold = *call, .user = *call, .nobody = *call};
    guises.has_user = (call->known & FACT_BIT(FACT_SIDS)) != 0;
    guises.untold.known &= ~FACT_BIT(FACT_SIDS);
    guises.nobody.sid_count = 0;
    return guises;
}

/* Whether a rule holds, given the user's SID and groups that nobody knows. */
static enum match_result match_rule(const struct policy_image *image, uint32_t rule,
                                    struct guises *guises, uint32_t *failed)
{
    uint32_t ignored;
    enum match_result result = decide_rule(image, rule, &guises->untold, failed);
    if (result != MATCH_UNKNOWN || !guises->has_user) {
        return result;
    }
    enum match_result user = decide_rule(image, rule, &guises->user, &ignored);
    enum match_result nobody = decide_rule(image, rule, &guises->nobody, &ignored);
    /* More SIDs can only make sid: true and sid:! false. So what the user's SID changed is certain:
     * it made sid: hold, or sid:! fail. */
    if (user != nobody) {
        *failed = UINT32_MAX;
        if (user == MATCH_UNKNOWN) {
            decide_rule(image, rule, &guises->user, failed);
        }
        return user;
    }
    return MATCH_UNKNOWN;
}

static uint32_t fact_of(const struct policy_image *image, uint32_t condition)
{
    const struct image_condition *table =
        (const struct image_condition *)((const char *)image + image->conditions.offset);
    return condition < image->conditions.count ? FACT_BIT(condition_keys[table[condition].key].fact)
                                               : FACT_BIT(FACT_SIDS);
}

static struct verdict verdict_of(const struct policy_image *image, uint32_t number,
                                 uint32_t unknown)
{
    const struct image_rule *rule = image_rule(image, number);
    bool block = (rule->flags & IMAGE_RULE_BLOCK) != 0;
    bool dry = block && (rule->flags & IMAGE_RULE_DRY);
    return (struct verdict){
        .rule = number,
        .unknown = unknown,
        .block = block && !dry,
        .audit = dry || (rule->flags & IMAGE_RULE_AUDIT),
        .dry = dry,
        .verbose = (rule->flags & IMAGE_RULE_VERBOSE) != 0,
    };
}

/* Rule by rule, for calls whose verdict hangs on what the record lacks. */
static struct replay_verdict decide_slowly(const struct policy_image *image,
                                           const struct call *call)
{
    struct replay_verdict result = {.verdict = {.rule = VERDICT_NO_RULE}};
    struct guises guises = guises_of(call);
    bool lenient = (image->options & IMAGE_OPTION_UNKNOWN_LENIENT) != 0;
    for (uint32_t i = 0; i < image->rules.count; i++) {
        uint32_t failed;
        enum match_result match = match_rule(image, i, &guises, &failed);
        uint32_t unknown = match == MATCH_UNKNOWN ? fact_of(image, failed) : 0;
        bool blocks = (image_rule(image, i)->flags & IMAGE_RULE_BLOCK) != 0;
        result.hung_on |= unknown;
        if (match == MATCH_YES || (match == MATCH_UNKNOWN && blocks && !lenient)) {
            result.verdict = verdict_of(image, i, unknown);
            return result;
        }
    }
    return result;
}

struct replay_verdict replay_decide(const struct policy_image *image, const struct call *call)
{
    uint32_t asked = 0;
    struct call untold = *call;
    untold.known &= ~FACT_BIT(FACT_SIDS);
    untold.fetched = untold.known;
    untold.fetch = note;
    untold.host = &asked;
    struct replay_verdict result = {.verdict = decide(image, &untold)};
    return asked ? decide_slowly(image, call) : result;
}
