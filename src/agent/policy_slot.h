/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy image in force in this process, shared by all RPC threads.
 *
 * A thread acquires the image for the length of one call and so judges the call by exactly one
 * generation; meanwhile another thread may publish the next one. Nobody waits: an image that was
 * replaced is freed by whoever lets go of it last. Acquire and release are one atomic addition
 * each. Knows nothing of where an image comes from.
 */
#ifndef RPCFW_AGENT_POLICY_SLOT_H
#define RPCFW_AGENT_POLICY_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/image.h"

/* Generations that can be alive at a time: the one in force and those that calls still hold. */
#define POLICY_SLOT_ENTRIES 4

/* Gives back the memory of an image. On the thread of the last reader, which may be an RPC thread:
 * must not block. */
typedef void policy_image_free(void *argument);

struct policy_entry {
    const struct policy_image *image;
    uint64_t generation;
    policy_image_free *free_image;
    void *argument;
    atomic_bool used;
    /*
     * Below or at zero while in force: minus the releases so far. When the entry is replaced, the
     * acquires that the slot's word counted are added, and it is the number of readers left.
     */
    atomic_llong readers;
};

/*
 * `current` holds the number of the entry in force in its top byte, and below it how often that was
 * acquired: 2^56 acquires of one generation, two hundred years at ten million calls a second, so
 * the count never reaches the number.
 */
struct policy_slot {
    _Alignas(64) atomic_ullong current;
    _Alignas(64) struct policy_entry entries[POLICY_SLOT_ENTRIES];
};

/* What a reader holds. `image` is NULL when no policy is in force. */
struct policy_ref {
    const struct policy_image *image;
    uint64_t generation; /* 0 when no policy is in force */
    unsigned entry;
};

/* No policy in force. Before any other thread knows the slot. */
void policy_slot_init(struct policy_slot *slot);

/* Each acquire is followed by one release, also when the image is NULL. Any thread. */
struct policy_ref policy_slot_acquire(struct policy_slot *slot);
void policy_slot_release(struct policy_slot *slot, struct policy_ref ref);

/*
 * Puts `image` in force for every acquire from now on; `free_image(argument)` is called once when
 * its last reader is gone, and may be NULL. False: readers still hold all other entries; nothing
 * changed, the image is still the caller's. Any thread, but callers see to it among themselves that
 * generations come in order.
 */
bool policy_slot_publish(struct policy_slot *slot, const struct policy_image *image,
                         uint64_t generation, policy_image_free *free_image, void *argument);

/* No policy in force from now on. */
void policy_slot_clear(struct policy_slot *slot);

/* The generation in force at this moment, 0 for none: to compare with. */
uint64_t policy_slot_generation(struct policy_slot *slot);

/* True when no image is in force and none is held: all were freed. */
bool policy_slot_is_empty(struct policy_slot *slot);

#endif
