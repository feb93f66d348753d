/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff/intern.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_HEAD ((size_t)16)
#define CHUNK_SIZE ((size_t)256 * 1024)

static uint64_t hash_bytes(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t hash = 0xcbf29ce484222325ULL ^ length;
    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t), at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 29;
    }
    for (; length; length--) {
        hash = (hash ^ *at++) * 0x100000001b3ULL;
    }
    return hash ^ hash >> 32;
}

static void *store(struct intern *table, const void *bytes, size_t length)
{
    size_t size = (length + 8) & ~(size_t)7; /* one byte at least, so that addresses differ */
    if (!table->chunk || size > table->chunk_size - table->chunk_used) {
        size_t wanted = size > CHUNK_SIZE - CHUNK_HEAD ? size + CHUNK_HEAD : CHUNK_SIZE;
        void *chunk = malloc(wanted);
        if (!chunk) {
            return NULL;
        }
        memcpy(chunk, &table->chunk, sizeof(table->chunk));
        table->chunk = chunk;
        table->chunk_used = CHUNK_HEAD;
        table->chunk_size = wanted;
        table->memory += wanted;
    }
    void *at = (char *)table->chunk + table->chunk_used;
    table->chunk_used += size;
    if (length) {
        memcpy(at, bytes, length);
    }
    return at;
}

static bool grow_slots(struct intern *table)
{
    size_t count = table->slot_count ? table->slot_count * 2 : 256;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        size_t at = table->entries[i].hash & (count - 1);
        while (slots[at]) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = i + 1;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return true;
}

static bool make_room(struct intern *table)
{
    if (table->count == table->capacity) {
        uint32_t capacity = table->capacity ? table->capacity * 2 : 128;
        struct intern_entry *entries = realloc(table->entries, capacity * sizeof(*entries));
        if (!entries) {
            return false;
        }
        table->entries = entries;
        table->capacity = capacity;
    }
    return (size_t)table->count * 2 < table->slot_count || grow_slots(table);
}

uint32_t intern_put(struct intern *table, const void *bytes, size_t length)
{
    uint64_t hash = hash_bytes(bytes, length);
    if (table->failed || !make_room(table)) {
        table->failed = true;
        return 0;
    }
    size_t at = hash & (table->slot_count - 1);
    for (; table->slots[at]; at = (at + 1) & (table->slot_count - 1)) {
        const struct intern_entry *entry = &table->entries[table->slots[at] - 1];
        if (entry->hash == hash && entry->length == length &&
            (!length || memcmp(entry->bytes, bytes, length) == 0)) {
            return table->slots[at] - 1;
        }
    }
    void *copy = store(table, bytes, length);
    if (!copy) {
        table->failed = true;
        return 0;
    }
    table->entries[table->count] = (struct intern_entry){copy, length, hash};
    table->slots[at] = ++table->count;
    return table->count - 1;
}

const void *intern_get(const struct intern *table, uint32_t number, size_t *length)
{
    /* What is read after a failure is never used: it has to be readable only. */
    static const uint64_t nothing[32];
    if (number >= table->count) {
        if (length) {
            *length = 0;
        }
        return nothing;
    }
    if (length) {
        *length = table->entries[number].length;
    }
    return table->entries[number].bytes;
}

void intern_free(struct intern *table)
{
    while (table->chunk) {
        void *before;
        memcpy(&before, table->chunk, sizeof(before));
        free(table->chunk);
        table->chunk = before;
    }
    free(table->entries);
    free(table->slots);
    *table = (struct intern){0};
}
