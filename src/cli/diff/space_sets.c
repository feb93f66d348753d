/* SPDX-License-Identifier: Apache-2.0 */
/* The sets that conditions are made of: spans of points, lists of numbers, texts. */
#include "cli/diff/policy_space.h"

#include <stdlib.h>
#include <string.h>

#include "core/wildcard.h"

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
    struct ipaddr addr = {{0}};
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

uint32_t space_spans_meet(struct policy_space *space, uint32_t a, uint32_t b, enum policy_key key)
{
    uint32_t outside = space_spans_union(space, space_spans_complement(space, a, key),
                                         space_spans_complement(space, b, key));
    return space_spans_complement(space, outside, key);
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
