/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/policy_slot.h"

#define READERS 3
#define SWAPS   3000
#define POISON  0xdeadu

/* An image whose options hold its generation's low bits, and POISON once it was freed. */
struct fake {
    struct policy_image image;
    uint64_t generation;
    atomic_uint frees;
};

static void fake_init(struct fake *fake, uint64_t generation)
{
    memset(&fake->image, 0, sizeof(fake->image));
    fake->image.options = (uint32_t)generation & 0xff;
    fake->generation = generation;
    atomic_init(&fake->frees, 0);
}

static void fake_free(void *argument)
{
    struct fake *fake = argument;

    fake->image.options = POISON;
    atomic_fetch_add(&fake->frees, 1);
}

static bool publish(struct policy_slot *slot, struct fake *fake)
{
    return policy_slot_publish(slot, &fake->image, fake->generation, fake_free, fake);
}

static void empty_slot_gives_no_image(void **state)
{
    struct policy_slot slot;
    struct policy_ref ref;

    (void)state;
    policy_slot_init(&slot);
    assert_true(policy_slot_is_empty(&slot));
    ref = policy_slot_acquire(&slot);
    assert_null(ref.image);
    assert_int_equal(ref.generation, 0);
    policy_slot_release(&slot, ref);
    policy_slot_clear(&slot);
    assert_true(policy_slot_is_empty(&slot));
    assert_int_equal(policy_slot_generation(&slot), 0);
}

static void image_without_readers_is_freed_when_replaced(void **state)
{
    struct policy_slot slot;
    struct fake first;
    struct fake second;

    (void)state;
    fake_init(&first, 1);
    fake_init(&second, 2);
    policy_slot_init(&slot);
    assert_true(publish(&slot, &first));
    for (int i = 0; i < 5; i++)
        policy_slot_release(&slot, policy_slot_acquire(&slot));
    assert_int_equal(first.frees, 0);
    assert_true(publish(&slot, &second));
    assert_int_equal(first.frees, 1);
    assert_int_equal(policy_slot_generation(&slot), 2);
    policy_slot_clear(&slot);
    assert_int_equal(first.frees, 1);
    assert_int_equal(second.frees, 1);
    assert_true(policy_slot_is_empty(&slot));
}

static void last_reader_frees(void **state)
{
    struct policy_slot slot;
    struct fake fake;
    struct policy_ref one;
    struct policy_ref two;

    (void)state;
    fake_init(&fake, 7);
    policy_slot_init(&slot);
    assert_true(publish(&slot, &fake));
    one = policy_slot_acquire(&slot);
    two = policy_slot_acquire(&slot);
    assert_ptr_equal(one.image, &fake.image);
    assert_int_equal(two.generation, 7);
    policy_slot_clear(&slot);
    assert_false(policy_slot_is_empty(&slot));
    policy_slot_release(&slot, two);
    assert_int_equal(fake.frees, 0);
    assert_int_equal(one.image->options, 7);
    policy_slot_release(&slot, one);
    assert_int_equal(fake.frees, 1);
    assert_true(policy_slot_is_empty(&slot));
}

static void publish_is_refused_while_all_entries_are_held(void **state)
{
    struct policy_slot slot;
    struct fake fakes[POLICY_SLOT_ENTRIES + 1];
    struct policy_ref refs[POLICY_SLOT_ENTRIES];
    struct fake *extra = &fakes[POLICY_SLOT_ENTRIES];

    (void)state;
    policy_slot_init(&slot);
    for (unsigned i = 0; i <= POLICY_SLOT_ENTRIES; i++)
        fake_init(&fakes[i], i + 1);
    for (unsigned i = 0; i < POLICY_SLOT_ENTRIES; i++) {
        assert_true(publish(&slot, &fakes[i]));
        refs[i] = policy_slot_acquire(&slot);
    }
    assert_false(publish(&slot, extra));
    assert_int_equal(extra->frees, 0);
    assert_int_equal(policy_slot_generation(&slot), POLICY_SLOT_ENTRIES);

    policy_slot_release(&slot, refs[1]);
    assert_int_equal(fakes[1].frees, 1);
    assert_true(publish(&slot, extra));
    assert_int_equal(policy_slot_generation(&slot), POLICY_SLOT_ENTRIES + 1);

    policy_slot_release(&slot, refs[0]);
    for (unsigned i = 2; i < POLICY_SLOT_ENTRIES; i++)
        policy_slot_release(&slot, refs[i]);
    policy_slot_clear(&slot);
    for (unsigned i = 0; i <= POLICY_SLOT_ENTRIES; i++)
        assert_int_equal(fakes[i].frees, 1);
    assert_true(policy_slot_is_empty(&slot));
}

static void counts_far_beyond_32_bits(void **state)
{
    struct policy_slot slot;
    struct fake fake;
    const unsigned long long many = 1ULL << 40;

    (void)state;
    fake_init(&fake, 3);
    policy_slot_init(&slot);
    assert_true(publish(&slot, &fake));
    /* As if that many calls had come and gone. */
    atomic_fetch_add(&slot.current, many);
    atomic_fetch_sub(&slot.entries[0].readers, (long long)many);
    struct policy_ref ref = policy_slot_acquire(&slot);
    assert_int_equal(ref.generation, 3);
    policy_slot_clear(&slot);
    assert_int_equal(fake.frees, 0);
    policy_slot_release(&slot, ref);
    assert_int_equal(fake.frees, 1);
}

/* ---- Readers while the policy is swapped ---- */

struct arena {
    struct policy_slot slot;
    struct fake fakes[SWAPS];
    atomic_bool stop;
    atomic_uint mistakes;
    atomic_ullong reads;
};

static bool reads_one_generation(struct policy_ref ref, uint64_t *newest)
{
    uint32_t expected = (uint32_t)ref.generation & 0xff;
    bool good = ref.image->options == expected && ref.generation >= *newest;

    sched_yield();
    good = good && ref.image->options == expected;
    *newest = ref.generation;
    return good;
}

static void *read_on(void *argument)
{
    struct arena *arena = argument;
    uint64_t newest = 0;

    while (!atomic_load(&arena->stop)) {
        struct policy_ref ref = policy_slot_acquire(&arena->slot);
        if (!ref.image || !reads_one_generation(ref, &newest))
            atomic_fetch_add(&arena->mistakes, 1);
        policy_slot_release(&arena->slot, ref);
        atomic_fetch_add(&arena->reads, 1);
    }
    return NULL;
}

static void wait_for_reads(struct arena *arena, unsigned long long more)
{
    unsigned long long target = atomic_load(&arena->reads) + more;

    while (atomic_load(&arena->reads) < target)
        sched_yield();
}

static void readers_never_see_a_freed_image(void **state)
{
    static struct arena arena;
    pthread_t threads[READERS];

    (void)state;
    policy_slot_init(&arena.slot);
    for (unsigned i = 0; i < SWAPS; i++)
        fake_init(&arena.fakes[i], i + 1);
    assert_true(publish(&arena.slot, &arena.fakes[0]));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &arena), 0);
    wait_for_reads(&arena, READERS);
    for (unsigned i = 1; i < SWAPS; i++) {
        while (!publish(&arena.slot, &arena.fakes[i]))
            sched_yield();
        if (i % 16 == 0)
            wait_for_reads(&arena, READERS);
    }
    atomic_store(&arena.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    policy_slot_clear(&arena.slot);

    assert_int_equal(arena.mistakes, 0);
    assert_true(policy_slot_is_empty(&arena.slot));
    for (unsigned i = 0; i < SWAPS; i++)
        assert_int_equal(arena.fakes[i].frees, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_slot_gives_no_image),
        cmocka_unit_test(image_without_readers_is_freed_when_replaced),
        cmocka_unit_test(last_reader_frees),
        cmocka_unit_test(publish_is_refused_while_all_entries_are_held),
        cmocka_unit_test(counts_far_beyond_32_bits),
        cmocka_unit_test(readers_never_see_a_freed_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
