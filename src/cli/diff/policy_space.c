/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/policy_space.h"

#include <stdlib.h>
#include <string.h>

#include "core/authn.h"

bool space_failed(const struct policy_space *space)
{
    return space->failed || space->texts.failed || space->sids.failed || space->lists.failed ||
           space->spans.failed || space->conditions.failed || space->residuals.failed;
}

void space_free(struct policy_space *space)
{
    intern_free(&space->texts);
    intern_free(&space->sids);
    intern_free(&space->lists);
    intern_free(&space->spans);
    intern_free(&space->conditions);
    intern_free(&space->residuals);
}

/* ---- What the keys are ---- */

static struct span one_point(struct point point)
{
    return (struct span){point, point};
}

static struct span numbers(uint32_t first, uint32_t last)
{
    return (struct span){{0, first}, {0, last}};
}

static struct span span_of_guid(const void *value)
{
    return one_point(point_of_guid(value));
}

static struct span span_of_opnums(const void *value)
{
    const struct image_range *range = value;
    return numbers(range->first, range->last);
}

static struct span span_of_number(const void *value)
{
    uint32_t number = *(const uint32_t *)value;
    return numbers(number, number);
}

static struct span span_of_addrs(const void *value)
{
    const struct ipaddr_range *range = value;
    return (struct span){point_of_addr(&range->first), point_of_addr(&range->last)};
}

/* "auth:X" is X and stronger; 0x100 marks "auth:<X". An empty span ends before it begins. */
static struct span span_of_level(const void *value)
{
    uint32_t level = *(const uint32_t *)value & 0xff;
    bool weaker = *(const uint32_t *)value > 0xff;
    return weaker ? numbers(AUTHN_LEVEL_NONE, level - 1) : numbers(level, AUTHN_LEVEL_PRIVACY);
}

static const struct {
    unsigned rank;
    enum space_kind kind;
    struct span (*span_of)(const void *value);
    struct span universe;
} rows[KEY_COUNT] = {
    [KEY_UUID] = {0, SPACE_SPANS, span_of_guid, .universe = {.last = {UINT64_MAX, UINT64_MAX}}},
    [KEY_OPNUM] = {2, SPACE_SPANS, span_of_opnums, .universe = {.last = {0, UINT16_MAX}}},
    [KEY_IFACE_VERSION] = {1, SPACE_SPANS, span_of_number, .universe = {.last = {0, UINT32_MAX}}},
    [KEY_PROT] = {3, SPACE_SPANS, span_of_number,
                  .universe = {{0, PROTSEQ_UNKNOWN + 1}, {0, PROTSEQ_COUNT - 1}}},
    [KEY_PROCESS] = {.rank = 4, .kind = SPACE_TEXTS},
    [KEY_ENDPOINT] = {.rank = 5, .kind = SPACE_TEXTS},
    [KEY_ADDR] = {6, SPACE_SPANS, span_of_addrs, .universe = {.last = {UINT64_MAX, UINT64_MAX}}},
    [KEY_AUTH] = {7, SPACE_SPANS, span_of_level,
                  .universe = {{0, AUTHN_LEVEL_NONE}, {0, AUTHN_LEVEL_PRIVACY}}},
    [KEY_OBJECT] = {8, SPACE_SPANS, span_of_guid, .universe = {.last = {UINT64_MAX, UINT64_MAX}}},
    [KEY_SID] = {.rank = 9, .kind = SPACE_SIDS},
    [KEY_USER] = {.rank = 10, .kind = SPACE_TEXTS},
};

_Static_assert(KEY_COUNT == 11, "a new key needs a row above, a word in class_example.c and a "
                                "value's text in class_text.c");

enum space_kind space_kind_of(enum policy_key key)
{
    return rows[key].kind;
}

unsigned space_rank(enum policy_key key)
{
    return key < KEY_COUNT ? rows[key].rank : KEY_COUNT;
}

static enum policy_key key_of_rank(unsigned rank)
{
    enum policy_key key = KEY_UUID;
    while (rows[key].rank != rank) {
        key++;
    }
    return key;
}

struct span space_universe(enum policy_key key)
{
    return rows[key].universe;
}

/* ---- Residuals ---- */

bool residual_is_outcome(uint32_t residual)
{
    return residual < OUTCOME_COUNT;
}

const struct space_residual *space_residual(const struct policy_space *space, uint32_t residual)
{
    return intern_get(&space->residuals, residual - OUTCOME_COUNT, NULL);
}

const struct space_condition *space_condition(const struct policy_space *space, uint32_t condition)
{
    return intern_get(&space->conditions, condition, NULL);
}

const struct space_condition *residual_condition(const struct policy_space *space,
                                                 uint32_t residual)
{
    return space_condition(space, space_residual(space, residual)->condition);
}

uint32_t residual_outcome(const struct policy_space *space, uint32_t residual)
{
    while (!residual_is_outcome(residual) && !space->residuals.failed) {
        residual = space_residual(space, residual)->next;
    }
    return residual;
}

static uint32_t put_residual(struct policy_space *space, const struct space_condition *condition,
                             uint32_t next)
{
    struct space_residual residual = {intern_put(&space->conditions, condition, sizeof(*condition)),
                                      next};
    return OUTCOME_COUNT + intern_put(&space->residuals, &residual, sizeof(residual));
}

uint32_t residual_replace(struct policy_space *space, uint32_t residual,
                          const struct space_condition *condition)
{
    return put_residual(space, condition, space_residual(space, residual)->next);
}

/* ---- From rules ---- */

static const struct policy_condition *find_condition(const struct policy_rule *rule,
                                                     enum policy_key key)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (rule->conditions[i].key == key) {
            return &rule->conditions[i];
        }
    }
    return NULL;
}

/* The spans that the condition names, without its negation. */
static uint32_t put_values(struct policy_space *space, const struct policy_condition *condition)
{
    const size_t size = condition_keys[condition->key].type->size;
    const size_t count = condition->values.count;
    struct span *spans = malloc((count + 1) * sizeof(*spans));
    if (!spans) {
        space->failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        spans[i] = rows[condition->key].span_of((const char *)condition->values.items + i * size);
    }
    uint32_t set = space_put_spans(space, spans, count);
    free(spans);
    return set;
}

static uint32_t put_all(struct policy_space *space, enum policy_key key)
{
    struct span all = space_universe(key);
    return space_put_spans(space, &all, 1);
}

/* Takes ncalrpc out: a rule that does not name it does not see local calls. */
static uint32_t without_local(struct policy_space *space, uint32_t set)
{
    struct span local = numbers(PROTSEQ_NCALRPC, PROTSEQ_NCALRPC);
    uint32_t rest = space_spans_complement(space, set, KEY_PROT);
    rest = space_spans_union(space, rest, space_put_spans(space, &local, 1));
    return space_spans_complement(space, rest, KEY_PROT);
}

static void read_spans(struct policy_space *space, const struct policy_condition *condition,
                       struct space_condition *out)
{
    if (condition) {
        out->values = put_values(space, condition);
        if (condition->negated) {
            out->values = space_spans_complement(space, out->values, out->key);
        }
    } else {
        out->values = put_all(space, out->key);
        /* Without a condition the unknown protocol sequence is as good as any remote one; a rule
         * that asks for the version asks whether the interface is known. */
        out->unknown = out->unknown || out->key == KEY_PROT;
    }
    if (out->key == KEY_PROT && !(condition && !condition->negated)) {
        out->values = without_local(space, out->values);
    }
}

static uint32_t put_text(struct policy_space *space, const char *bytes, size_t length, bool wild)
{
    char *copy = malloc(length + 1);
    if (!copy) {
        space->failed = true;
        return 0;
    }
    copy[0] = wild;
    memcpy(copy + 1, bytes, length);
    uint32_t number = intern_put(&space->texts, copy, length + 1);
    free(copy);
    return number;
}

static void read_texts(struct policy_space *space, const struct policy *policy,
                       const struct policy_condition *condition, struct space_condition *out)
{
    const struct image_pattern *patterns = condition->values.items;
    const size_t count = condition->values.count;
    uint32_t *plain = malloc((count + 1) * 2 * sizeof(*plain));
    size_t plain_count = 0;
    size_t wild_count = 0;
    if (!plain) {
        space->failed = true;
        return;
    }
    uint32_t *wild = plain + count;
    for (size_t i = 0; i < count; i++) {
        const char *bytes = policy->pool.bytes + patterns[i].offset;
        size_t length = patterns[i].length;
        /* Endpoints are compared as they are. */
        bool is_wild = condition->key != KEY_ENDPOINT &&
                       (memchr(bytes, '*', length) || memchr(bytes, '?', length));
        uint32_t number = put_text(space, bytes, length, is_wild);
        if (is_wild) {
            wild[wild_count++] = number;
        } else {
            plain[plain_count++] = number;
        }
    }
    out->negated = condition->negated;
    out->patterns = space_put_list(space, wild, wild_count);
    out->values = space_put_list(space, plain, plain_count);
    free(plain);
}

static void read_sids(struct policy_space *space, const struct policy_condition *condition,
                      struct space_condition *out)
{
    const struct sid *sids = condition->values.items;
    uint32_t *numbers_of = malloc((condition->values.count + 1) * sizeof(*numbers_of));
    if (!numbers_of) {
        space->failed = true;
        return;
    }
    for (size_t i = 0; i < condition->values.count; i++) {
        struct sid sid;
        sid_copy(&sid, &sids[i]);
        numbers_of[i] = intern_put(&space->sids, &sid, sizeof(sid));
    }
    out->negated = condition->negated;
    out->values = space_put_list(space, numbers_of, condition->values.count);
    free(numbers_of);
}

/* Whether a condition on `key` stands for something although the rule has none. */
static bool is_implied(const struct policy_rule *rule, enum policy_key key)
{
    return key == KEY_PROT || (key == KEY_UUID && find_condition(rule, KEY_IFACE_VERSION));
}

/* Whether the condition holds for every call; not told of what stands for another one. */
static bool is_idle(struct policy_space *space, const struct policy_rule *rule,
                    const struct space_condition *condition)
{
    return condition->unknown && condition->values == put_all(space, condition->key) &&
           !(condition->key == KEY_UUID && find_condition(rule, KEY_IFACE_VERSION));
}

static uint32_t add_rule(struct policy_space *space, const struct policy *policy,
                         const struct policy_rule *rule)
{
    const bool dry = rule->block && rule->dry;
    const bool unknown = rule->block && !policy->unknown_lenient;
    uint32_t residual = (rule->block && !dry ? OUTCOME_BLOCK : 0) |
                        (rule->audit || dry ? OUTCOME_AUDIT : 0) | (dry ? OUTCOME_DRY : 0);
    for (int rank = KEY_COUNT - 1; rank >= 0; rank--) {
        const enum policy_key key = key_of_rank((unsigned)rank);
        const struct policy_condition *condition = find_condition(rule, key);
        struct space_condition out = {.key = (uint8_t)key, .unknown = unknown};
        if (!condition && !is_implied(rule, key)) {
            continue;
        }
        if (rows[key].kind == SPACE_SPANS) {
            read_spans(space, condition, &out);
            if (is_idle(space, rule, &out)) {
                continue;
            }
        } else if (rows[key].kind == SPACE_TEXTS) {
            read_texts(space, policy, condition, &out);
        } else {
            read_sids(space, condition, &out);
        }
        residual = put_residual(space, &out, residual);
    }
    return residual;
}

uint32_t *space_add_policy(struct policy_space *space, const struct policy *policy, size_t *count)
{
    uint32_t *residuals = malloc((policy->rule_count + 1) * sizeof(*residuals));
    *count = 0;
    for (size_t i = 0; residuals && i < policy->rule_count; i++) {
        if (policy->rules[i].target & TARGET_FIREWALL) {
            residuals[(*count)++] = add_rule(space, policy, &policy->rules[i]);
        }
    }
    if (space_failed(space)) {
        free(residuals);
        return NULL;
    }
    return residuals;
}

size_t space_know(const struct policy_space *space, uint32_t *residuals, size_t count,
                  enum policy_key key, struct point point)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t residual = residuals[i];
        if (!residual_is_outcome(residual) && residual_condition(space, residual)->key == key) {
            size_t span_count;
            const struct span *spans =
                space_spans(space, residual_condition(space, residual)->values, &span_count);
            if (!spans_contain(spans, span_count, point)) {
                continue;
            }
            residual = space_residual(space, residual)->next;
        }
        residuals[kept++] = residual;
    }
    return kept;
}
