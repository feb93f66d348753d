/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/policy_slot.h"

#include <assert.h>
#include <stddef.h>

#define COUNT_BITS 56
#define COUNT_MASK ((1ULL << COUNT_BITS) - 1)
#define NO_ENTRY   0xffu

static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "acquire and release must not take a lock");
static_assert(POLICY_SLOT_ENTRIES < NO_ENTRY, "an entry's number must fit into the top byte");

static unsigned entry_of(unsigned long long current)
{
    return (unsigned)(current >> COUNT_BITS);
}

static unsigned long long word_of(unsigned entry)
{
    return (unsigned long long)entry << COUNT_BITS;
}

void policy_slot_init(struct policy_slot *slot)
{
    atomic_init(&slot->current, word_of(NO_ENTRY));
    for (unsigned i = 0; i < POLICY_SLOT_ENTRIES; i++) {
        struct policy_entry *entry = &slot->entries[i];
        entry->image = NULL;
        entry->generation = 0;
        entry->free_image = NULL;
        entry->argument = NULL;
        atomic_init(&entry->used, false);
        atomic_init(&entry->readers, 0);
    }
}

struct policy_ref policy_slot_acquire(struct policy_slot *slot)
{
    unsigned long long current = atomic_fetch_add_explicit(&slot->current, 1, memory_order_acquire);
    struct policy_ref ref = {NULL, 0, entry_of(current)};

    if (ref.entry == NO_ENTRY)
        return ref;
    ref.image = slot->entries[ref.entry].image;
    ref.generation = slot->entries[ref.entry].generation;
    return ref;
}

static void free_entry(struct policy_entry *entry)
{
    if (entry->free_image)
        entry->free_image(entry->argument);
    entry->image = NULL;
    atomic_store_explicit(&entry->used, false, memory_order_release);
}

/* Whoever brings the number of readers to zero after the entry was replaced, and nobody else, frees
 * it. */
static void add_readers(struct policy_entry *entry, long long change)
{
    long long before = atomic_fetch_add_explicit(&entry->readers, change, memory_order_acq_rel);

    if (before + change == 0)
        free_entry(entry);
}

void policy_slot_release(struct policy_slot *slot, struct policy_ref ref)
{
    if (ref.entry != NO_ENTRY)
        add_readers(&slot->entries[ref.entry], -1);
}

static void replace(struct policy_slot *slot, unsigned entry)
{
    unsigned long long old =
        atomic_exchange_explicit(&slot->current, word_of(entry), memory_order_acq_rel);

    if (entry_of(old) != NO_ENTRY)
        add_readers(&slot->entries[entry_of(old)], (long long)(old & COUNT_MASK));
}

static unsigned claim_entry(struct policy_slot *slot)
{
    for (unsigned i = 0; i < POLICY_SLOT_ENTRIES; i++) {
        bool used = false;
        if (atomic_compare_exchange_strong_explicit(&slot->entries[i].used, &used, true,
                                                    memory_order_acquire, memory_order_relaxed))
            return i;
    }
    return NO_ENTRY;
}

bool policy_slot_publish(struct policy_slot *slot, const struct policy_image *image,
                         uint64_t generation, policy_image_free *free_image, void *argument)
{
    unsigned number = claim_entry(slot);
    struct policy_entry *entry;

    if (number == NO_ENTRY)
        return false;
    entry = &slot->entries[number];
    entry->image = image;
    entry->generation = generation;
    entry->free_image = free_image;
    entry->argument = argument;
    replace(slot, number);
    return true;
}

void policy_slot_clear(struct policy_slot *slot)
{
    replace(slot, NO_ENTRY);
}

uint64_t policy_slot_generation(struct policy_slot *slot)
{
    struct policy_ref ref = policy_slot_acquire(slot);

    policy_slot_release(slot, ref);
    return ref.generation;
}

bool policy_slot_is_empty(struct policy_slot *slot)
{
    for (unsigned i = 0; i < POLICY_SLOT_ENTRIES; i++) {
        if (atomic_load_explicit(&slot->entries[i].used, memory_order_acquire))
            return false;
    }
    return true;
}
