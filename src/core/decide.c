/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide.h"

#include "core/address_table.h"
#include "core/condition.h"
#include "core/sid_table.h"

/* ---- Finding what can match ---- */

/*
 * A call can match rules of four kinds: those that name its interface and opnum, its interface
 * alone, its opnum alone, or neither. Each kind is a list of groups.
 */
#define LISTS 4

struct cursor {
    const struct image_group *next;
    const struct image_group *end;
};

struct candidates {
    unsigned count; /* of lists that are not empty */
    struct cursor list[LISTS];
};

static const void *elements(const struct policy_image *image, const struct image_table *table)
{
    return (const char *)image + table->offset;
}

static const struct image_interface *find_interface(const struct policy_image *image,
                                                    const struct guid *uuid)
{
    const struct image_interface *table = elements(image, &image->interfaces);
    uint32_t slots = image->interfaces.count;
    uint32_t start = slots ? image_interface_slot(uuid, slots) : 0;
    for (uint32_t step = 0; step < slots; step++) {
        const struct image_interface *slot = &table[(start + step) & (slots - 1)];
        if (!slot->used) {
            return NULL;
        }
        if (guid_equal(&slot->uuid, uuid)) {
            return slot;
        }
    }
    return NULL;
}

static void add_list(const struct policy_image *image, uint32_t number,
                     struct candidates *candidates)
{
    if (number != IMAGE_NO_LIST) {
        const struct image_list *list =
            (const struct image_list *)elements(image, &image->lists) + number;
        const struct image_group *groups = elements(image, &image->groups);
        struct cursor *cursor = &candidates->list[candidates->count++];
        cursor->next = groups + list->first;
        cursor->end = cursor->next + list->count;
    }
}

static void add_opnums(const struct policy_image *image, const struct image_opnums *opnums,
                       uint16_t opnum, struct candidates *candidates)
{
    uint32_t at = (uint32_t)opnum - opnums->first;
    add_list(image, opnums->any, candidates);
    if (opnum >= opnums->first && at < opnums->count) {
        const uint32_t *numbers = elements(image, &image->opnum_lists);
        add_list(image, numbers[opnums->lists + at], candidates);
    }
}

/* What can hold for a bind: rules for any opnum, and those for too many to have lists of their own.
 */
static void find_bind_candidates(const struct policy_image *image, const struct call *call,
                                 struct candidates *candidates)
{
    const struct image_interface *interface = find_interface(image, &call->interface);
    candidates->count = 0;
    if (interface) {
        add_list(image, interface->opnums.any, candidates);
    }
    add_list(image, image->others.any, candidates);
}

static void find_candidates(const struct policy_image *image, const struct call *call,
                            struct candidates *candidates)
{
    const struct image_interface *interface = find_interface(image, &call->interface);
    candidates->count = 0;
    if (interface) {
        add_opnums(image, &interface->opnums, call->opnum, candidates);
    }
    add_opnums(image, &image->others, call->opnum, candidates);
}

/* Takes the group with the lowest first rule, unless that is not below `bound`. */
static const struct image_group *next_group(struct candidates *candidates, uint32_t bound)
{
    struct cursor *lowest = NULL;
    for (unsigned i = 0; i < candidates->count; i++) {
        struct cursor *cursor = &candidates->list[i];
        if (cursor->next != cursor->end && cursor->next->first_rule < bound) {
            lowest = cursor;
            bound = cursor->next->first_rule;
        }
    }
    return lowest ? lowest->next++ : NULL;
}

/* ---- Conditions ---- */

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

/* What a list of conditions comes to, for one rule or for the rules of a group. */
struct matching {
    const struct policy_image *image;
    struct call *call;
    const struct image_rule *rule; /* one of those that the conditions belong to */
    uint32_t failed;               /* the first condition that failed or could not be told */
    uint32_t unknown;              /* facts that could not be told */
    bool seen;                     /* whether the rule sees this call was asked, and it does */
};

static bool is_seen(struct matching *matching)
{
    matching->seen = matching->seen || sees_call(matching->rule, matching->call);
    return matching->seen;
}

static enum match_result match_conditions(struct matching *matching, uint32_t first, uint32_t count)
{
    const struct image_condition *table = elements(matching->image, &matching->image->conditions);
    enum match_result result = MATCH_YES;
    for (uint32_t i = first; i < first + count; i++) {
        if (!is_free(table[i].key) && !is_seen(matching)) {
            return MATCH_NO;
        }
        enum match_result one = condition_match(matching->image, &table[i], matching->call);
        if (one == MATCH_YES) {
            continue;
        }
        if (one == MATCH_NO || result == MATCH_YES) {
            matching->failed = i;
        }
        if (one == MATCH_NO) {
            return MATCH_NO;
        }
        result = MATCH_UNKNOWN;
        matching->unknown |= FACT_BIT(condition_keys[table[i].key].fact);
        /* Nothing that follows can make an allow rule match: spare the host the question. */
        if (!unknown_matches(matching->image, matching->rule)) {
            return result;
        }
    }
    return is_seen(matching) ? result : MATCH_NO;
}

enum match_result decide_rule(const struct policy_image *image, uint32_t number, struct call *call,
                              uint32_t *failed)
{
    const struct image_rule *rule = image_rule(image, number);
    struct matching matching = {.image = image, .call = call, .rule = rule, .failed = UINT32_MAX};
    enum match_result result =
        match_conditions(&matching, rule->first_condition, rule->condition_count);
    *failed = matching.failed;
    return result;
}

/* ---- Groups ---- */

static uint32_t lower(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t find_sids(const struct sid_slot *table, uint32_t slots, const struct call *call)
{
    uint32_t found = SID_TABLE_NO_RULE;
    for (size_t i = 0; i < call->sid_count; i++) {
        found = lower(found, sid_table_find(table, slots, call->sids[i]));
    }
    return found;
}

static uint32_t find_address(const struct policy_image *image, const struct image_group *group,
                             const struct ipaddr *addr)
{
    const char *base = (const char *)image;
    if (ipaddr_is_v4(addr)) {
        return address_table_find_v4((const uint32_t *)(base + group->v4_table), group->v4_count,
                                     (uint32_t)ipaddr_half(addr, 8));
    }
    return address_table_find((const struct address_entry *)(base + group->table), group->count,
                              addr);
}

/* The rule of a table that the call's address or SIDs lead to; the fact itself may be unknown. */
static uint32_t look_up(struct matching *matching, const struct image_group *group)
{
    bool addresses = group->kind == IMAGE_GROUP_ADDRESSES;
    enum call_fact fact = addresses ? FACT_CLIENT_ADDR : FACT_SIDS;
    if (!call_knows(matching->call, fact)) {
        matching->unknown |= FACT_BIT(fact);
        return group->first_block;
    }
    if (addresses) {
        return find_address(matching->image, group, &matching->call->client_addr);
    }
    const char *table = (const char *)matching->image + group->table;
    return find_sids((const struct sid_slot *)table, group->count, matching->call);
}

/* The first rule of the group that decides the call, or IMAGE_NO_RULE. */
static uint32_t match_group(struct matching *matching, const struct image_group *group)
{
    uint32_t number = group->first_rule;
    matching->rule = image_rule(matching->image, number);
    matching->unknown = 0;
    matching->seen = false;
    if (match_conditions(matching, group->first_condition, group->condition_count) == MATCH_NO) {
        return IMAGE_NO_RULE;
    }
    if (matching->unknown && !unknown_matches(matching->image, matching->rule)) {
        return IMAGE_NO_RULE;
    }
    if (group->kind != IMAGE_GROUP_RULE) {
        if (!is_seen(matching)) {
            return IMAGE_NO_RULE;
        }
        number = look_up(matching, group);
    }
    if (number != IMAGE_NO_RULE && matching->unknown &&
        !unknown_matches(matching->image, image_rule(matching->image, number))) {
        return IMAGE_NO_RULE;
    }
    return number;
}

/* ---- The verdict ---- */

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

/* A call to an unknown interface or opnum may concern any rule: they are tried one by one. */
static struct verdict decide_without_index(const struct policy_image *image, struct call *call)
{
    for (uint32_t i = 0; i < image->rules.count; i++) {
        const struct image_rule *rule = image_rule(image, i);
        struct matching matching = {.image = image, .call = call, .rule = rule};
        enum match_result result =
            match_conditions(&matching, rule->first_condition, rule->condition_count);
        if (result == MATCH_YES || (result == MATCH_UNKNOWN && unknown_matches(image, rule))) {
            return verdict_of(rule, i, matching.unknown);
        }
    }
    return (struct verdict){.rule = VERDICT_NO_RULE};
}

/* The first rule of the candidates that holds, and what it asked for in vain. */
static struct verdict decide_among(struct matching *matching, struct candidates *candidates,
                                   bool (*counts)(const struct policy_image *image,
                                                  const struct image_group *group))
{
    uint32_t best = IMAGE_NO_RULE;
    uint32_t unknown = 0;
    const struct image_group *group;
    while ((group = next_group(candidates, best)) != NULL) {
        if (counts && !counts(matching->image, group)) {
            continue;
        }
        uint32_t number = match_group(matching, group);
        if (number < best) {
            best = number;
            unknown = matching->unknown;
        }
    }
    if (best == IMAGE_NO_RULE) {
        return (struct verdict){.rule = VERDICT_NO_RULE};
    }
    return verdict_of(image_rule(matching->image, best), best, unknown);
}

struct verdict decide(const struct policy_image *image, struct call *call)
{
    struct matching matching = {.image = image, .call = call};
    struct candidates candidates;

    if (!image->rules.count) {
        return (struct verdict){.rule = VERDICT_NO_RULE};
    }
    if (!call_knows(call, FACT_INTERFACE) || !call_knows(call, FACT_OPNUM)) {
        return decide_without_index(image, call);
    }
    find_candidates(image, call, &candidates);
    return decide_among(&matching, &candidates, NULL);
}

static bool asks_no_opnum(const struct policy_image *image, const struct image_group *group)
{
    const struct image_condition *table = elements(image, &image->conditions);
    for (uint32_t i = 0; i < group->condition_count; i++) {
        if (table[group->first_condition + i].key == KEY_OPNUM) {
            return false;
        }
    }
    return true;
}

struct verdict decide_bind(const struct policy_image *image, struct call *call)
{
    struct matching matching = {.image = image, .call = call};
    struct candidates candidates;
    struct verdict verdict = {.rule = VERDICT_NO_RULE};

    if (!image->rules.count || !call_knows(call, FACT_INTERFACE)) {
        return verdict;
    }
    call_set_unknown(call, FACT_OPNUM);
    find_bind_candidates(image, call, &candidates);
    verdict = decide_among(&matching, &candidates, asks_no_opnum);
    verdict.block = false;
    verdict.dry = false;
    return verdict;
}
