/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/learn/boxes.h"

#include <stdlib.h>
#include <string.h>

#include "cli/events/call_shapes.h"
#include "cli/learn/value_table.h"

/* ---- Sets of values: equal sets have equal numbers ---- */

struct set {
    size_t first; /* in the pool's values */
    size_t count;
};

struct set_pool {
    uint32_t *values;
    size_t value_count;
    size_t value_capacity;
    struct set *sets;
    size_t set_count;
    size_t set_capacity;
    uint32_t *slots; /* open addressing; a set's number and 1 */
    size_t slot_count;
};

static bool reserve(void **items, size_t *capacity, size_t needed, size_t size)
{
    size_t larger = *capacity ? *capacity : 256;
    if (*items && needed <= *capacity) {
        return true;
    }
    while (larger < needed) {
        larger *= 2;
    }
    void *moved = realloc(*items, larger * size);
    if (moved) {
        *items = moved;
        *capacity = larger;
    }
    return moved != NULL;
}

static uint64_t hash_values(const uint32_t *values, size_t count)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ count;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ values[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static const uint32_t *values_of(const struct set_pool *pool, box_set set)
{
    return pool->values + pool->sets[set].first;
}

static void put_slot(struct set_pool *pool, box_set set)
{
    size_t mask = pool->slot_count - 1;
    size_t at = hash_values(values_of(pool, set), pool->sets[set].count) & mask;
    while (pool->slots[at]) {
        at = (at + 1) & mask;
    }
    pool->slots[at] = set + 1;
}

static bool grow_slots(struct set_pool *pool)
{
    if ((pool->set_count + 1) * 2 <= pool->slot_count) {
        return true;
    }
    size_t count = pool->slot_count ? pool->slot_count * 2 : 1024;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots) {
        return false;
    }
    free(pool->slots);
    pool->slots = slots;
    pool->slot_count = count;
    for (size_t i = 0; i < pool->set_count; i++) {
        put_slot(pool, (box_set)i);
    }
    return true;
}

static bool is_set(const struct set_pool *pool, box_set set, const uint32_t *values, size_t count)
{
    return pool->sets[set].count == count &&
           memcmp(values_of(pool, set), values, count * sizeof(*values)) == 0;
}

/* The number of the set with these values, ascending and each once. False: out of memory. */
static bool find_set(struct set_pool *pool, const uint32_t *values, size_t count, box_set *out)
{
    if (!grow_slots(pool)) {
        return false;
    }
    size_t mask = pool->slot_count - 1;
    size_t at = hash_values(values, count) & mask;
    for (; pool->slots[at]; at = (at + 1) & mask) {
        if (is_set(pool, pool->slots[at] - 1, values, count)) {
            *out = pool->slots[at] - 1;
            return true;
        }
    }
    if (pool->set_count >= UINT32_MAX - 1 ||
        !reserve((void **)&pool->values, &pool->value_capacity, pool->value_count + count,
                 sizeof(*pool->values)) ||
        !reserve((void **)&pool->sets, &pool->set_capacity, pool->set_count + 1,
                 sizeof(*pool->sets))) {
        return false;
    }
    memcpy(pool->values + pool->value_count, values, count * sizeof(*values));
    pool->sets[pool->set_count] = (struct set){pool->value_count, count};
    pool->value_count += count;
    *out = (box_set)pool->set_count++;
    pool->slots[at] = *out + 1;
    return true;
}

const uint32_t *box_values(const struct boxes *boxes, box_set set, size_t *count)
{
    *count = boxes->pool->sets[set].count;
    return values_of(boxes->pool, set);
}

/* ---- Boxes ---- */

bool boxes_begin(struct boxes *boxes)
{
    *boxes = (struct boxes){.pool = calloc(1, sizeof(struct set_pool))};
    return boxes->pool != NULL;
}

void boxes_free(struct boxes *boxes)
{
    if (boxes->pool) {
        free(boxes->pool->values);
        free(boxes->pool->sets);
        free(boxes->pool->slots);
        free(boxes->pool);
    }
    free(boxes->items);
    *boxes = (struct boxes){.items = NULL};
}

bool boxes_add(struct boxes *boxes, const struct box *box, const uint32_t values[BOX_KEYS])
{
    struct box added = *box;
    for (int key = 0; key < BOX_KEYS; key++) {
        if (!find_set(boxes->pool, &values[key], 1, &added.sets[key])) {
            return false;
        }
    }
    if (!reserve((void **)&boxes->items, &boxes->capacity, boxes->count + 1,
                 sizeof(*boxes->items))) {
        return false;
    }
    boxes->items[boxes->count++] = added;
    return true;
}

static void add_counts(struct box *to, const struct box *from)
{
    to->calls += from->calls;
    to->would_block += from->would_block;
    join_times(&to->first_us, &to->last_us, from->first_us, from->last_us);
}

/* ---- Joining along one key ---- */

/* By interface and all sets but those of the key, which comes last. */
static int order_around(const struct box *a, const struct box *b, int key)
{
    if (a->interface != b->interface) {
        return a->interface < b->interface ? -1 : 1;
    }
    for (int i = 0; i < BOX_KEYS; i++) {
        if (i != key && a->sets[i] != b->sets[i]) {
            return a->sets[i] < b->sets[i] ? -1 : 1;
        }
    }
    return 0;
}

/* qsort() has no place for the key: one comparison for each. */
#define ORDER_AROUND(key)                                                                          \
    static int order_around_##key(const void *a, const void *b)                                    \
    {                                                                                              \
        int order = order_around(a, b, key);                                                       \
        const struct box *x = a;                                                                   \
        const struct box *y = b;                                                                   \
        return order ? order : (x->sets[key] < y->sets[key] ? -1 : x->sets[key] > y->sets[key]);   \
    }

ORDER_AROUND(BOX_AUTH)
ORDER_AROUND(BOX_ADDR)
ORDER_AROUND(BOX_SID)
ORDER_AROUND(BOX_USER)
ORDER_AROUND(BOX_PROCESS)
ORDER_AROUND(BOX_ENDPOINT)
ORDER_AROUND(BOX_PROT)
ORDER_AROUND(BOX_OPNUM)

static int (*const orders[BOX_KEYS])(const void *, const void *) = {
    [BOX_AUTH] = order_around_BOX_AUTH,       [BOX_ADDR] = order_around_BOX_ADDR,
    [BOX_SID] = order_around_BOX_SID,         [BOX_USER] = order_around_BOX_USER,
    [BOX_PROCESS] = order_around_BOX_PROCESS, [BOX_ENDPOINT] = order_around_BOX_ENDPOINT,
    [BOX_PROT] = order_around_BOX_PROT,       [BOX_OPNUM] = order_around_BOX_OPNUM,
};

static int order_values(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Values that are gathered for a union. */
struct gathered {
    uint32_t *values;
    size_t count;
    size_t capacity;
};

static bool gather(struct gathered *gathered, const struct set_pool *pool, box_set set)
{
    size_t count = pool->sets[set].count;
    if (!reserve((void **)&gathered->values, &gathered->capacity, gathered->count + count,
                 sizeof(*gathered->values))) {
        return false;
    }
    memcpy(gathered->values + gathered->count, values_of(pool, set), count * sizeof(uint32_t));
    gathered->count += count;
    return true;
}

/* The set that stands for all gathered values of the key. */
static bool unite(struct set_pool *pool, struct gathered *gathered, int key, box_set *out)
{
    size_t kept = 0;
    if (!gathered->values) {
        return false;
    }
    qsort(gathered->values, gathered->count, sizeof(uint32_t), order_values);
    for (size_t i = 0; i < gathered->count; i++) {
        if (!kept || gathered->values[kept - 1] != gathered->values[i]) {
            gathered->values[kept++] = gathered->values[i];
        }
    }
    /* VALUE_ANY, the lowest number, takes the others in; so does the lowest level. */
    if (gathered->values[0] == VALUE_ANY || key == BOX_AUTH) {
        kept = 1;
    }
    return find_set(pool, gathered->values, kept, out);
}

/* Joins the boxes that differ in the key alone. */
static bool join_along(struct boxes *boxes, int key)
{
    struct gathered gathered = {.count = 0};
    size_t kept = 0;
    bool good = true;
    qsort(boxes->items, boxes->count, sizeof(*boxes->items), orders[key]);
    for (size_t i = 0; i < boxes->count && good;) {
        struct box joined = boxes->items[i];
        size_t end = i + 1;
        gathered.count = 0;
        good = gather(&gathered, boxes->pool, joined.sets[key]);
        for (; good && end < boxes->count && order_around(&joined, &boxes->items[end], key) == 0;
             end++) {
            const struct box *next = &boxes->items[end];
            add_counts(&joined, next);
            good = next->sets[key] == boxes->items[end - 1].sets[key] ||
                   gather(&gathered, boxes->pool, next->sets[key]);
        }
        good = good && unite(boxes->pool, &gathered, key, &joined.sets[key]);
        boxes->items[kept++] = joined;
        i = end;
    }
    boxes->count = kept;
    free(gathered.values);
    return good;
}

/* ---- Boxes inside others: only where some calls lack what others tell, or by patterns ---- */

static bool is_any(const struct boxes *boxes, box_set set)
{
    return values_of(boxes->pool, set)[0] == VALUE_ANY;
}

static bool is_pattern(const struct boxes *boxes, int key, uint32_t value)
{
    const struct box_patterns *patterns = boxes->patterns;
    return patterns && patterns->is_pattern(patterns->context, key, value);
}

/* Whether a pattern among the values of the set covers the value. */
static bool pattern_holds(const struct boxes *boxes, int key, box_set set, uint32_t value)
{
    const uint32_t *values = values_of(boxes->pool, set);
    for (size_t i = 0; i < boxes->pool->sets[set].count; i++) {
        if (is_pattern(boxes, key, values[i]) &&
            boxes->patterns->covers(boxes->patterns->context, key, values[i], value)) {
            return true;
        }
    }
    return false;
}

static bool set_holds(const struct boxes *boxes, int key, box_set outer, box_set inner)
{
    if (outer == inner || is_any(boxes, outer)) {
        return true;
    }
    if (is_any(boxes, inner)) {
        return false;
    }
    const uint32_t *a = values_of(boxes->pool, outer);
    const uint32_t *b = values_of(boxes->pool, inner);
    if (key == BOX_AUTH) {
        return a[0] <= b[0];
    }
    size_t a_count = boxes->pool->sets[outer].count;
    size_t b_count = boxes->pool->sets[inner].count;
    size_t at = 0;
    for (size_t i = 0; i < b_count; i++) {
        while (at < a_count && a[at] < b[i]) {
            at++;
        }
        bool same = at < a_count && a[at] == b[i];
        if (!same && !pattern_holds(boxes, key, outer, b[i])) {
            return false;
        }
    }
    return true;
}

static bool box_holds(const struct boxes *boxes, const struct box *outer, const struct box *inner)
{
    for (int key = 0; key < BOX_KEYS; key++) {
        if (!set_holds(boxes, key, outer->sets[key], inner->sets[key])) {
            return false;
        }
    }
    return true;
}

/* Whether some boxes of the run have a value for the key and others have not: bits by key. */
static unsigned mixed_keys(const struct boxes *boxes, size_t first, size_t end)
{
    unsigned mixed = 0;
    for (int key = 0; key < BOX_KEYS; key++) {
        bool any = false;
        bool some = false;
        for (size_t i = first; i < end; i++) {
            any = any || is_any(boxes, boxes->items[i].sets[key]);
            some = some || !is_any(boxes, boxes->items[i].sets[key]);
        }
        mixed |= any && some ? 1u << key : 0;
    }
    return mixed;
}

/* Whether the box can hold others: it has any value for one of the keys, or a pattern. */
static bool is_wide(const struct boxes *boxes, const struct box *box, unsigned mixed)
{
    for (int key = 0; key < BOX_KEYS; key++) {
        const uint32_t *values = values_of(boxes->pool, box->sets[key]);
        size_t count = boxes->pool->sets[box->sets[key]].count;
        if ((mixed & 1u << key) && values[0] == VALUE_ANY) {
            return true;
        }
        for (size_t i = 0; i < count; i++) {
            if (is_pattern(boxes, key, values[i])) {
                return true;
            }
        }
    }
    return false;
}

/* Takes the boxes inside `outer` in; `calls` 0 marks one that is gone. */
static void take_in(struct boxes *boxes, size_t outer, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct box *inner = &boxes->items[i];
        if (i != outer && inner->calls && box_holds(boxes, &boxes->items[outer], inner)) {
            add_counts(&boxes->items[outer], inner);
            inner->calls = 0;
        }
    }
}

/* The boxes are sorted by interface. */
static void drop_inner(struct boxes *boxes)
{
    size_t kept = 0;
    for (size_t first = 0; first < boxes->count;) {
        size_t end = first + 1;
        while (end < boxes->count && boxes->items[end].interface == boxes->items[first].interface) {
            end++;
        }
        unsigned mixed = mixed_keys(boxes, first, end);
        for (size_t i = first; i < end; i++) {
            if (boxes->items[i].calls && is_wide(boxes, &boxes->items[i], mixed)) {
                take_in(boxes, i, first, end);
            }
        }
        first = end;
    }
    for (size_t i = 0; i < boxes->count; i++) {
        if (boxes->items[i].calls) {
            boxes->items[kept++] = boxes->items[i];
        }
    }
    boxes->count = kept;
}

/* For the reader of the policy: by interface, lowest opnum, then address and user. */
struct sort_key {
    struct box box;
    uint32_t lowest[BOX_KEYS];
};

static int order_for_show(const void *a, const void *b)
{
    static const int keys[] = {BOX_OPNUM, BOX_PROT, BOX_ADDR,    BOX_USER,
                               BOX_SID,   BOX_AUTH, BOX_PROCESS, BOX_ENDPOINT};
    const struct sort_key *x = a;
    const struct sort_key *y = b;
    if (x->box.interface != y->box.interface) {
        return x->box.interface < y->box.interface ? -1 : 1;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (x->lowest[keys[i]] != y->lowest[keys[i]]) {
            return x->lowest[keys[i]] < y->lowest[keys[i]] ? -1 : 1;
        }
    }
    return memcmp(x->box.sets, y->box.sets, sizeof(x->box.sets));
}

static bool sort_for_show(struct boxes *boxes)
{
    struct sort_key *keys = calloc(boxes->count + 1, sizeof(*keys));
    if (!keys) {
        return false;
    }
    for (size_t i = 0; i < boxes->count; i++) {
        keys[i].box = boxes->items[i];
        for (int key = 0; key < BOX_KEYS; key++) {
            keys[i].lowest[key] = values_of(boxes->pool, boxes->items[i].sets[key])[0];
        }
    }
    qsort(keys, boxes->count, sizeof(*keys), order_for_show);
    for (size_t i = 0; i < boxes->count; i++) {
        boxes->items[i] = keys[i].box;
    }
    free(keys);
    return true;
}

bool boxes_join(struct boxes *boxes)
{
    size_t before;
    if (!boxes->count) {
        return true;
    }
    do {
        before = boxes->count;
        for (int key = 0; key < BOX_KEYS; key++) {
            if (!join_along(boxes, key)) {
                return false;
            }
        }
    } while (boxes->count < before);
    drop_inner(boxes);
    return sort_for_show(boxes);
}
