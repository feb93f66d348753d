/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide.h"

#include "core/condition.h"

/* Ascending rule numbers that are still to be tried, from the interface's list and from the rules
 * for any interface. */
struct candidates {
    const uint32_t *named;
    const uint32_t *named_end;
    const uint32_t *any;
    const uint32_t *any_end;
};

static const struct image_interface *find_interface(const struct policy_image *image,
                                                    const struct guid *uuid)
{
    const struct image_interface *table =
        (const struct image_interface *)((const char *)image + image->interfaces.offset);
    uint32_t low = 0;
    uint32_t high = image->interfaces.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = guid_compare(uuid, &table[middle].uuid);
        if (order == 0) {
            return &table[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static struct candidates candidates_of(const struct policy_image *image, const struct guid *uuid)
{
    const uint32_t *named = (const uint32_t *)((const char *)image + image->candidates.offset);
    const uint32_t *any = (const uint32_t *)((const char *)image + image->any.offset);
    const struct image_interface *interface = find_interface(image, uuid);
    struct candidates list = {.any = any, .any_end = any + image->any.count};
    if (interface) {
        list.named = named + interface->first;
        list.named_end = list.named + interface->count;
    }
    return list;
}

/* The lowest rule number left, or VERDICT_NO_RULE. */
static uint32_t next_candidate(struct candidates *list)
{
    bool has_named = list->named != list->named_end;
    bool has_any = list->any != list->any_end;
    if (has_named && (!has_any || *list->named < *list->any)) {
        return *list->named++;
    }
    return has_any ? *list->any++ : VERDICT_NO_RULE;
}

/*
 * Local calls are seen only by rules that name ncalrpc. Asked as late as possible: the protocol
 * sequence costs the host a call into its runtime, and most rules fail on interface or opnum, which
 * cost nothing.
 */
static bool sees_call(const struct image_rule *rule, struct call *call)
{
    return (rule->flags & IMAGE_RULE_LOCAL) || !call_knows(call, FACT_PROTSEQ) ||
           protseq_is_remote(call->protseq);
}

/* Whether a condition on `key` is answered from the request itself. */
static bool is_free(uint16_t key)
{
    return key <= KEY_IFACE_VERSION;
}

/* What the outcome is when some conditions hold and the host could not tell the others. */
static bool unknown_matches(const struct policy_image *image, const struct image_rule *rule)
{
    return (rule->flags & IMAGE_RULE_BLOCK) && !(image->options & IMAGE_OPTION_UNKNOWN_LENIENT);
}

static enum match_result match_conditions(const struct policy_image *image,
                                          const struct image_rule *rule, struct call *call,
                                          uint32_t *failed, uint32_t *unknown)
{
    const struct image_condition *condition =
        (const struct image_condition *)((const char *)image + image->conditions.offset) +
        rule->first_condition;
    enum match_result result = MATCH_YES;
    bool seen = false;
    *failed = UINT32_MAX;
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        if (!seen && !is_free(condition[i].key)) {
            if (!sees_call(rule, call)) {
                return MATCH_NO;
            }
            seen = true;
        }
        enum match_result one = condition_match(image, &condition[i], call);
        if (one == MATCH_NO) {
            *failed = rule->first_condition + i;
            return MATCH_NO;
        }
        if (one == MATCH_UNKNOWN) {
            if (result == MATCH_YES) {
                *failed = rule->first_condition + i;
            }
            result = MATCH_UNKNOWN;
            *unknown |= FACT_BIT(condition_keys[condition[i].key].fact);
            /* Nothing that follows can make an allow rule match: spare the host the question. */
            if (!unknown_matches(image, rule)) {
                return result;
            }
        }
    }
    return seen || sees_call(rule, call) ? result : MATCH_NO;
}

static struct verdict verdict_of(const struct image_rule *rule, uint32_t number, uint32_t unknown)
{
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

struct verdict decide(const struct policy_image *image, struct call *call)
{
    const struct verdict none = {.rule = VERDICT_NO_RULE};
    bool interface_known = call_knows(call, FACT_INTERFACE);
    struct candidates list = {0};
    uint32_t next = 0;

    if (!image->rules.count) {
        return none;
    }
    if (interface_known) {
        list = candidates_of(image, &call->interface);
    }
    for (;;) {
        /* A call to an unknown interface may concern any rule. */
        uint32_t number = interface_known ? next_candidate(&list) : next++;
        if (number >= image->rules.count) {
            return none;
        }
        const struct image_rule *rule = image_rule(image, number);
        uint32_t failed;
        uint32_t unknown = 0;
        enum match_result result = match_conditions(image, rule, call, &failed, &unknown);
        if (result == MATCH_YES || (result == MATCH_UNKNOWN && unknown_matches(image, rule))) {
            return verdict_of(rule, number, unknown);
        }
    }
}

enum match_result decide_rule(const struct policy_image *image, uint32_t number, struct call *call,
                              uint32_t *failed)
{
    const struct image_rule *rule = image_rule(image, number);
    uint32_t unknown = 0;
    return match_conditions(image, rule, call, failed, &unknown);
}
