/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/policy_space.h"

#include <stdlib.h>
#include <string.h>

#include "core/authn.h"
#include "core/wildcard.h"

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
    enum space_kind kind;
    struct span (*span_of)(const void *value);
    struct span universe;
} rows[KEY_COUNT] = {
    [KEY_UUID] = {SPACE_SPANS, span_of_guid, .universe = {.last = {UINT64_MAX, UINT64_MAX}}},
    [KEY_OPNUM] = {SPACE_SPANS, span_of_opnums, .universe = {.last = {0, UINT16_MAX}}},
    [KEY_IFACE_VERSION] = {SPACE_SPANS, span_of_number, .universe = {.last = {0, UINT32_MAX}}},
    [KEY_PROT] = {SPACE_SPANS, span_of_number,
                  .universe = {{0, PROTSEQ_UNKNOWN + 1}, {0, PROTSEQ_COUNT - 1}}},
    [KEY_PROCESS] = {.kind = SPACE_TEXTS},
    [KEY_ENDPOINT] = {.kind = SPACE_TEXTS},
    [KEY_ADDR] = {SPACE_SPANS, span_of_addrs, .universe = {.last = {UINT64_MAX, UINT64_MAX}}},
    [KEY_AUTH] = {SPACE_SPANS, span_of_level,
                  .universe = {{0, AUTHN_LEVEL_NONE}, {0, AUTHN_LEVEL_PRIVACY}}},
    [KEY_OBJECT] = {SPACE_SPANS, span_of_guid, .universe = {.last = {UINT64_MAX, UINT64_MAX}}},
    [KEY_SID] = {.kind = SPACE_SIDS},
    [KEY_USER] = {.kind = SPACE_TEXTS},
};

_Static_assert(KEY_COUNT == 11, "a new key needs a row above, a word in class_example.c and a "
                                "value's text in class_text.c");

enum space_kind space_kind_of(enum policy_key key)
{
    return rows[key].kind;
}

struct span space_universe(enum policy_key key)
{
    return rows[key].universe;
}

/* ---- Points and spans ---- */

int point_compare(struct point a, struct point b)
{
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    return a.low < b.low ? -1 : a.low > b.low;
}

struct point point_after(struct point point)
{
    point.low++;
    point.high += point.low == 0;
    return point;
}

struct point point_before(struct point point)
{
    point.high -= point.low == 0;
    point.low--;
    return point;
}

static uint64_t read_bytes(const uint8_t bytes[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void write_bytes(uint64_t value, uint8_t bytes[8])
{
    for (int i = 7; i >= 0; i--) {
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
}

struct point point_of_guid(const struct guid *guid)
{
    return (struct point){(uint64_t)guid->data1 << 32 | (uint64_t)guid->data2 << 16 | guid->data3,
                          read_bytes(guid->data4)};
}

struct guid guid_of_point(struct point point)
{
    struct guid guid = {.data1 = (uint32_t)(point.high >> 32),
                        .data2 = (uint16_t)(point.high >> 16),
                        .data3 = (uint16_t)point.high};
    write_bytes(point.low, guid.data4);
    return guid;
}

struct point point_of_addr(const struct ipaddr *addr)
{
    return (struct point){read_bytes(addr->bytes), read_bytes(addr->bytes + 8)};
}

struct ipaddr addr_of_point(struct point point)
{
    struct ipaddr addr;
    write_bytes(point.high, addr.bytes);
    write_bytes(point.low, addr.bytes + 8);
    return addr;
}

const struct span *space_spans(const struct policy_space *space, uint32_t set, size_t *count)
{
    size_t length;
    const struct span *spans = intern_get(&space->spans, set, &length);
    *count = length / sizeof(*spans);
    return spans;
}

bool spans_contain(const struct span *spans, size_t count, struct point point)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (point_compare(point, spans[middle].first) < 0) {
            high = middle;
        } else if (point_compare(point, spans[middle].last) > 0) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

static int order_spans(const void *a, const void *b)
{
    return point_compare(((const struct span *)a)->first, ((const struct span *)b)->first);
}

uint32_t space_put_spans(struct policy_space *space, struct span *spans, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(spans, count, sizeof(*spans), order_spans);
    }
    for (size_t i = 0; i < count; i++) {
        struct span *last = kept ? &spans[kept - 1] : NULL;
        if (point_compare(spans[i].last, spans[i].first) < 0) {
            continue;
        }
        if (last && (point_compare(spans[i].first, last->last) <= 0 ||
                     point_compare(spans[i].first, point_after(last->last)) == 0)) {
            if (point_compare(spans[i].last, last->last) > 0) {
                last->last = spans[i].last;
            }
        } else {
            spans[kept++] = spans[i];
        }
    }
    return intern_put(&space->spans, spans, kept * sizeof(*spans));
}

uint32_t space_spans_union(struct policy_space *space, uint32_t a, uint32_t b)
{
    size_t a_count;
    size_t b_count;
    const struct span *a_spans = space_spans(space, a, &a_count);
    const struct span *b_spans = space_spans(space, b, &b_count);
    struct span *both = malloc((a_count + b_count + 1) * sizeof(*both));
    if (!both) {
        space->failed = true;
        return 0;
    }
    memcpy(both, a_spans, a_count * sizeof(*both));
    memcpy(both + a_count, b_spans, b_count * sizeof(*both));
    uint32_t set = space_put_spans(space, both, a_count + b_count);
    free(both);
    return set;
}

uint32_t space_spans_complement(struct policy_space *space, uint32_t set, enum policy_key key)
{
    size_t count;
    size_t kept = 0;
    const struct span *spans = space_spans(space, set, &count);
    struct span universe = space_universe(key);
    struct point next = universe.first;
    bool at_end = false;
    struct span *rest = malloc((count + 1) * sizeof(*rest));
    if (!rest) {
        space->failed = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (point_compare(next, spans[i].first) < 0) {
            rest[kept++] = (struct span){next, point_before(spans[i].first)};
        }
        at_end = point_compare(spans[i].last, universe.last) >= 0;
        next = point_after(spans[i].last);
    }
    if (!at_end) {
        rest[kept++] = (struct span){next, universe.last};
    }
    uint32_t complement = space_put_spans(space, rest, kept);
    free(rest);
    return complement;
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
    uint32_t *wild = plain + count;
    size_t plain_count = 0;
    size_t wild_count = 0;
    if (!plain) {
        space->failed = true;
        return;
    }
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
    for (int key = KEY_COUNT - 1; key >= 0; key--) {
        const struct policy_condition *condition = find_condition(rule, (enum policy_key)key);
        struct space_condition out = {.key = (uint8_t)key, .unknown = unknown};
        if (!condition && !is_implied(rule, (enum policy_key)key)) {
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

/* ---- Lists ---- */

const uint32_t *space_list(const struct policy_space *space, uint32_t list, size_t *count)
{
    size_t length;
    const uint32_t *members = intern_get(&space->lists, list, &length);
    *count = length / sizeof(*members);
    return members;
}

size_t space_list_count(const struct policy_space *space, uint32_t list)
{
    size_t count;
    space_list(space, list, &count);
    return count;
}

static int order_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

uint32_t space_put_list(struct policy_space *space, uint32_t *members, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(members, count, sizeof(*members), order_numbers);
    }
    for (size_t i = 0; i < count; i++) {
        if (!kept || members[kept - 1] != members[i]) {
            members[kept++] = members[i];
        }
    }
    return intern_put(&space->lists, members, kept * sizeof(*members));
}

bool space_list_has(const struct policy_space *space, uint32_t list, uint32_t number)
{
    size_t count;
    const uint32_t *members = space_list(space, list, &count);
    return count && bsearch(&number, members, count, sizeof(*members), order_numbers);
}

/* The members of `a` that are (not) in `b`, and with `all_of_b` those of `b` too. */
static uint32_t combine(struct policy_space *space, uint32_t a, uint32_t b, bool all_of_b)
{
    size_t a_count;
    size_t b_count;
    size_t kept = 0;
    const uint32_t *from = space_list(space, a, &a_count);
    const uint32_t *other = space_list(space, b, &b_count);
    uint32_t *out = malloc((a_count + b_count + 1) * sizeof(*out));
    if (!out) {
        space->failed = true;
        return 0;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (all_of_b || !space_list_has(space, b, from[i])) {
            out[kept++] = from[i];
        }
    }
    for (size_t i = 0; all_of_b && i < b_count; i++) {
        out[kept++] = other[i];
    }
    uint32_t list = space_put_list(space, out, kept);
    free(out);
    return list;
}

uint32_t space_list_union(struct policy_space *space, uint32_t a, uint32_t b)
{
    return combine(space, a, b, true);
}

uint32_t space_list_without(struct policy_space *space, uint32_t a, uint32_t b)
{
    return combine(space, a, b, false);
}

bool space_list_within(const struct policy_space *space, uint32_t inner, uint32_t outer)
{
    size_t count;
    const uint32_t *members = space_list(space, inner, &count);
    if (count > space_list_count(space, outer)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!space_list_has(space, outer, members[i])) {
            return false;
        }
    }
    return true;
}

bool space_lists_meet(const struct policy_space *space, uint32_t a, uint32_t b)
{
    size_t count;
    const uint32_t *members = space_list(space, a, &count);
    for (size_t i = 0; i < count; i++) {
        if (space_list_has(space, b, members[i])) {
            return true;
        }
    }
    return false;
}

/* ---- Texts ---- */

struct text space_text(const struct policy_space *space, uint32_t number, bool *wild)
{
    size_t length;
    const char *bytes = intern_get(&space->texts, number, &length);
    if (wild) {
        *wild = length && bytes[0] != 0;
    }
    return length ? (struct text){bytes + 1, length - 1} : (struct text){"", 0};
}

bool space_text_matches(const struct policy_space *space, uint32_t patterns, struct text text)
{
    size_t count;
    const uint32_t *members = space_list(space, patterns, &count);
    for (size_t i = 0; i < count; i++) {
        struct text pattern = space_text(space, members[i], NULL);
        if (wildcard_match(pattern.bytes, pattern.length, text.bytes, text.length)) {
            return true;
        }
    }
    return false;
}
