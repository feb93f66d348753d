/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/call_shapes.h"

#include <stdlib.h>
#include <string.h>

/* The facts that a policy can ask for: ports, for one, tell no two calls apart. */
#define SHAPE_FACTS                                                                                \
    (FACT_BIT(FACT_INTERFACE) | FACT_BIT(FACT_OPNUM) | FACT_BIT(FACT_PROTSEQ) |                    \
     FACT_BIT(FACT_ENDPOINT) | FACT_BIT(FACT_CLIENT_ADDR) | FACT_BIT(FACT_PRINCIPAL) |             \
     FACT_BIT(FACT_SIDS) | FACT_BIT(FACT_AUTHN) | FACT_BIT(FACT_OBJECT) | FACT_BIT(FACT_PROCESS))

struct shared_text {
    char *bytes; /* from malloc(), so aligned for a SID */
    size_t length;
};

/* Open addressing; a slot holds a number counted from 1, 0 is empty. */
struct index {
    uint32_t *slots;
    size_t size; /* a power of two */
};

struct call_shapes {
    struct shape_count *counts;
    size_t count;
    size_t capacity;
    struct index shape_index;
    struct shared_text *texts;
    size_t text_count;
    size_t text_capacity;
    struct index text_index;
    size_t last; /* the shape of the call before: calls come in runs */
};

static uint64_t hash_bytes(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ length;
    uint64_t word;
    for (; length >= sizeof(word); at += sizeof(word), length -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, at, length);
    hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 29;
}

static void index_put(struct index *index, uint64_t hash, uint32_t number)
{
    size_t at = hash & (index->size - 1);
    while (index->slots[at]) {
        at = (at + 1) & (index->size - 1);
    }
    index->slots[at] = number;
}

static uint64_t text_hash(const struct call_shapes *shapes, size_t i)
{
    return hash_bytes(shapes->texts[i].bytes, shapes->texts[i].length);
}

static uint64_t shape_hash(const struct call_shapes *shapes, size_t i)
{
    return hash_bytes(&shapes->counts[i].shape, sizeof(struct call_shape));
}

/* Makes room for one more of `count` elements, at most half of the slots in use. */
static bool index_reserve(const struct call_shapes *shapes, struct index *index, size_t count,
                          uint64_t (*hash_of)(const struct call_shapes *, size_t))
{
    if (count >= UINT32_MAX - 1) {
        return false;
    }
    if ((count + 1) * 2 <= index->size) {
        return true;
    }
    struct index larger = {.size = index->size ? index->size * 2 : 1024};
    larger.slots = calloc(larger.size, sizeof(*larger.slots));
    if (!larger.slots) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        index_put(&larger, hash_of(shapes, i), (uint32_t)(i + 1));
    }
    free(index->slots);
    *index = larger;
    return true;
}

static bool grow(void **items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    size_t larger = *capacity ? *capacity * 2 : 256;
    void *moved = realloc(*items, larger * size);
    if (moved) {
        *items = moved;
        *capacity = larger;
    }
    return moved != NULL;
}

struct call_shapes *call_shapes_new(void)
{
    return calloc(1, sizeof(struct call_shapes));
}

void call_shapes_free(struct call_shapes *shapes)
{
    if (!shapes) {
        return;
    }
    for (size_t i = 0; i < shapes->text_count; i++) {
        free(shapes->texts[i].bytes);
    }
    free(shapes->texts);
    free(shapes->text_index.slots);
    free(shapes->counts);
    free(shapes->shape_index.slots);
    free(shapes);
}

/* ---- Shared texts ---- */

static bool add_text(struct call_shapes *shapes, const void *bytes, size_t length, uint64_t hash)
{
    if (!index_reserve(shapes, &shapes->text_index, shapes->text_count, text_hash) ||
        !grow((void **)&shapes->texts, &shapes->text_capacity, shapes->text_count,
              sizeof(*shapes->texts))) {
        return false;
    }
    struct shared_text *text = &shapes->texts[shapes->text_count];
    text->bytes = malloc(length);
    text->length = length;
    if (!text->bytes) {
        return false;
    }
    memcpy(text->bytes, bytes, length);
    shapes->text_count++;
    index_put(&shapes->text_index, hash, (uint32_t)shapes->text_count);
    return true;
}

/* The number of a text, which is added if it is new; false: out of memory. */
static bool share(struct call_shapes *shapes, const void *bytes, size_t length, shape_text *number)
{
    *number = 0;
    if (!length) {
        return true;
    }
    uint64_t hash = hash_bytes(bytes, length);
    size_t mask = shapes->text_index.size - 1;
    for (size_t at = hash & mask; shapes->text_index.size && shapes->text_index.slots[at];
         at = (at + 1) & mask) {
        uint32_t found = shapes->text_index.slots[at];
        const struct shared_text *text = &shapes->texts[found - 1];
        if (text->length == length && memcmp(text->bytes, bytes, length) == 0) {
            *number = found;
            return true;
        }
    }
    if (!add_text(shapes, bytes, length, hash)) {
        return false;
    }
    *number = (shape_text)shapes->text_count;
    return true;
}

struct text call_shapes_text(const struct call_shapes *shapes, shape_text number)
{
    if (!number) {
        return (struct text){"", 0};
    }
    const struct shared_text *text = &shapes->texts[number - 1];
    return (struct text){text->bytes, text->length};
}

const struct sid *call_shapes_sid(const struct call_shapes *shapes, shape_text number)
{
    return number ? (const struct sid *)(const void *)shapes->texts[number - 1].bytes : NULL;
}

/* ---- Shapes ---- */

static bool knows(const struct call *call, enum call_fact fact)
{
    return (call->known & FACT_BIT(fact)) != 0;
}

static bool shape_of(struct call_shapes *shapes, const struct call *call, struct call_shape *shape)
{
    memset(shape, 0, sizeof(*shape));
    shape->known = call->known & SHAPE_FACTS;
    if (knows(call, FACT_INTERFACE)) {
        shape->interface = call->interface;
        shape->version_major = call->version_major;
        shape->version_minor = call->version_minor;
    }
    if (knows(call, FACT_OPNUM)) {
        shape->opnum = call->opnum;
    }
    if (knows(call, FACT_PROTSEQ)) {
        shape->protseq = (uint32_t)call->protseq;
    }
    if (knows(call, FACT_CLIENT_ADDR)) {
        shape->client_addr = call->client_addr;
    }
    if (knows(call, FACT_AUTHN)) {
        shape->authn_level = call->authn_level;
        shape->authn_service = call->authn_service;
    }
    if (knows(call, FACT_OBJECT)) {
        shape->object = call->object;
    }
    return (!knows(call, FACT_ENDPOINT) ||
            share(shapes, call->endpoint.bytes, call->endpoint.length, &shape->endpoint)) &&
           (!knows(call, FACT_PRINCIPAL) ||
            share(shapes, call->principal.bytes, call->principal.length, &shape->principal)) &&
           (!knows(call, FACT_PROCESS) ||
            share(shapes, call->process.bytes, call->process.length, &shape->process)) &&
           (!knows(call, FACT_SIDS) ||
            share(shapes, call->sids[0], sizeof(struct sid), &shape->sid));
}

static bool is_shape(const struct call_shapes *shapes, size_t i, const struct call_shape *shape)
{
    return memcmp(&shapes->counts[i].shape, shape, sizeof(*shape)) == 0;
}

/* The count of a shape, which is added if it is new; NULL: out of memory. */
static struct shape_count *find_shape(struct call_shapes *shapes, const struct call_shape *shape)
{
    if (shapes->count && is_shape(shapes, shapes->last, shape)) {
        return &shapes->counts[shapes->last];
    }
    uint64_t hash = hash_bytes(shape, sizeof(*shape));
    size_t mask = shapes->shape_index.size - 1;
    for (size_t at = hash & mask; shapes->shape_index.size && shapes->shape_index.slots[at];
         at = (at + 1) & mask) {
        size_t i = shapes->shape_index.slots[at] - 1;
        if (is_shape(shapes, i, shape)) {
            shapes->last = i;
            return &shapes->counts[i];
        }
    }
    if (!index_reserve(shapes, &shapes->shape_index, shapes->count, shape_hash) ||
        !grow((void **)&shapes->counts, &shapes->capacity, shapes->count,
              sizeof(*shapes->counts))) {
        return NULL;
    }
    shapes->last = shapes->count++;
    shapes->counts[shapes->last] = (struct shape_count){.shape = *shape};
    index_put(&shapes->shape_index, hash, (uint32_t)shapes->count);
    return &shapes->counts[shapes->last];
}

void join_times(uint64_t *first_us, uint64_t *last_us, uint64_t other_first, uint64_t other_last)
{
    if (other_first && (!*first_us || other_first < *first_us)) {
        *first_us = other_first;
    }
    if (other_last > *last_us) {
        *last_us = other_last;
    }
}

bool call_shapes_add(struct call_shapes *shapes, const struct recorded_call *recorded)
{
    struct call_shape shape;
    if (!shape_of(shapes, &recorded->call, &shape)) {
        return false;
    }
    struct shape_count *count = find_shape(shapes, &shape);
    if (!count) {
        return false;
    }
    count->outcomes[recorded->outcome]++;
    join_times(&count->first_us, &count->last_us, recorded->time_us, recorded->time_us);
    return true;
}

const struct shape_count *call_shapes_all(const struct call_shapes *shapes, size_t *count)
{
    *count = shapes->count;
    return shapes->counts;
}

struct call call_of_shape(const struct call_shapes *shapes, const struct call_shape *shape,
                          const struct sid **sid)
{
    *sid = call_shapes_sid(shapes, shape->sid);
    return (struct call){
        .interface = shape->interface,
        .version_major = shape->version_major,
        .version_minor = shape->version_minor,
        .opnum = shape->opnum,
        .authn_level = shape->authn_level,
        .authn_service = shape->authn_service,
        .protseq = (enum protseq)shape->protseq,
        .client_addr = shape->client_addr,
        .endpoint = call_shapes_text(shapes, shape->endpoint),
        .principal = call_shapes_text(shapes, shape->principal),
        .process = call_shapes_text(shapes, shape->process),
        .object = shape->object,
        .sids = sid,
        .sid_count = *sid ? 1 : 0,
        .fetched = UINT32_MAX,
        .known = shape->known,
    };
}
