/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/hook.h"

#include <string.h>

#include "windows/agent/hook/machine.h"
#include "windows/agent/hook/near_memory.h"
#include "windows/agent/hook/target.h"

/* The layout of a block: slots of code in the first page, what the unwinder reads in the second. */
#define PAGE_SIZE         4096
#define BLOCK_SIZE        (2 * PAGE_SIZE)
#define SLOT_SIZE         128
#define SLOT_TRAMPOLINE   16 /* behind the relay */
#define UNWIND_OFFSET     PAGE_SIZE
#define INSTALL_ATTEMPTS  500 /* a millisecond apart, while a thread stands in bytes that change */
#define PATCH_WINDOW_SIZE 8

_Static_assert(RELAY_SIZE <= SLOT_TRAMPOLINE, "relay and trampoline share a slot");
_Static_assert(SLOT_TRAMPOLINE + TRAMPOLINE_CODE_SIZE <= SLOT_SIZE, "a trampoline fits its slot");
_Static_assert(HOOK_SET_CAPACITY *SLOT_SIZE <= PAGE_SIZE, "all slots fit one page");
_Static_assert(UNWIND_OFFSET + MACHINE_PAGE_SIZE <= BLOCK_SIZE, "the unwind data fits one page");
_Static_assert(HOOK_SET_CAPACITY <= MACHINE_SLOTS, "each trampoline is described");

static bool fail(struct hook_set *set, const char *failure, DWORD error)
{
    set->failure = failure;
    set->error = error;
    return false;
}

static void refuse(struct hook *hook, const char *reason, DWORD error)
{
    hook->refusal = reason;
    hook->error = error;
}

/* ---- prepare ---- */

static struct hook_block *block_near(struct hook_set *set, const uint8_t *target)
{
    for (unsigned i = 0; i < set->block_count; i++) {
        if (near_memory_reaches(set->blocks[i].base, BLOCK_SIZE, target))
            return &set->blocks[i];
    }
    uint8_t *base = near_memory_allocate(target, BLOCK_SIZE);
    if (!base)
        return NULL;
    struct hook_block *block = &set->blocks[set->block_count++];
    *block = (struct hook_block){.base = base};
    return block;
}

static void prepare_slot(struct hook_set *set, struct hook *hook, const struct target *target,
                         const struct hook_request *request)
{
    struct trampoline trampoline;
    struct hook_block *block = block_near(set, target->code);

    if (!block) {
        refuse(hook, "no free memory within 2 GiB of it", GetLastError());
        return;
    }
    uint8_t *slot = block->base + block->slots * SLOT_SIZE;
    const struct trampoline_addresses addresses = {
        .target = (uint64_t)(uintptr_t)target->code,
        .relay = (uint64_t)(uintptr_t)slot,
        .trampoline = (uint64_t)(uintptr_t)slot + SLOT_TRAMPOLINE,
    };
    enum trampoline_refusal refusal =
        trampoline_build(target->code, target->length, &addresses, &trampoline);
    if (refusal != TRAMPOLINE_OK) {
        refuse(hook, trampoline_refusal_text(refusal), 0);
        return;
    }
    hook->refusal =
        machine_describe(block->base + UNWIND_OFFSET, block->slots,
                         block->slots * SLOT_SIZE + SLOT_TRAMPOLINE, target, &trampoline);
    if (hook->refusal)
        return;
    relay_build(slot, (uint64_t)(uintptr_t)request->entry);
    memcpy(slot + SLOT_TRAMPOLINE, trampoline.code, trampoline.code_length);
    memcpy(hook->before, target->code, TRAMPOLINE_PATCH_SIZE);
    memcpy(hook->patch, trampoline.patch, TRAMPOLINE_PATCH_SIZE);
    *request->original = slot + SLOT_TRAMPOLINE;
    block->slots++;
}

/* Two names for one function are one hook; two patches that overlap cannot be told apart at
 * removal. */
static void prepare_hook(struct hook_set *set, const struct hook_request *request)
{
    struct hook *hook = &set->hooks[set->count++];
    struct target target;

    *hook = (struct hook){.name = request->name};
    hook->refusal = target_resolve(request->target, &target);
    hook->target = target.code;
    if (hook->refusal)
        return;
    for (unsigned i = 0; i + 1 < set->count; i++) {
        if (set->hooks[i].refusal || set->hooks[i].shared)
            continue;
        intptr_t distance = hook->target - set->hooks[i].target;
        if (distance == 0) {
            hook->shared = true;
            return;
        }
        if (distance > -TRAMPOLINE_PATCH_SIZE && distance < TRAMPOLINE_PATCH_SIZE) {
            refuse(hook, "it overlaps another hook", 0);
            return;
        }
    }
    prepare_slot(set, hook, &target, request);
}

/* Makes the block executable, no longer writable, and known to the unwinder. */
static bool seal(struct hook_set *set, struct hook_block *block)
{
    DWORD before;

    if (!VirtualProtect(block->base, PAGE_SIZE, PAGE_EXECUTE_READ, &before))
        return fail(set, "the process does not allow new code", GetLastError());
    if (!VirtualProtect(block->base + PAGE_SIZE, PAGE_SIZE, PAGE_READONLY, &before))
        return fail(set, "the unwind data cannot be protected", GetLastError());
    FlushInstructionCache(GetCurrentProcess(), block->base, PAGE_SIZE);
    if (block->slots == 0)
        return true;
    if (!machine_publish(block->base + UNWIND_OFFSET, block->slots))
        return fail(set, "the system does not take the unwind data", 0);
    block->unwind_known = true;
    return true;
}

static void release_blocks(struct hook_set *set)
{
    for (unsigned i = 0; i < set->block_count; i++) {
        struct hook_block *block = &set->blocks[i];
        if (block->unwind_known)
            machine_withdraw(block->base + UNWIND_OFFSET);
        VirtualFree(block->base, 0, MEM_RELEASE);
    }
    set->block_count = 0;
}

bool hook_set_prepare(struct hook_set *set, const struct hook_request *requests, unsigned count)
{
    bool ready = true;

    *set = (struct hook_set){0};
    if (count == 0 || count > HOOK_SET_CAPACITY)
        return fail(set, "a set holds 1 to 16 hooks", ERROR_INVALID_PARAMETER);
    for (unsigned i = 0; i < count; i++) {
        prepare_hook(set, &requests[i]);
        ready = ready && !set->hooks[i].refusal;
    }
    if (!ready)
        fail(set, "a function cannot be hooked", 0);
    for (unsigned i = 0; ready && i < set->block_count; i++)
        ready = seal(set, &set->blocks[i]);
    if (ready)
        return true;
    release_blocks(set);
    for (unsigned i = 0; i < count; i++)
        *requests[i].original = NULL;
    return false;
}

/* ---- install and remove ---- */

/* The page protection of one target before it was opened. */
struct opened {
    uint8_t *window;
    size_t size;
    DWORD protection;
};

/*
 * The aligned eight bytes that hold the patch, so that it changes in one store. Where the patch
 * straddles two of them (compilers align functions to 16), the window is the patch itself.
 */
static struct opened window_of(const struct hook *hook)
{
    uintptr_t aligned = (uintptr_t)hook->target & ~(uintptr_t)(PATCH_WINDOW_SIZE - 1);

    if ((uintptr_t)hook->target + TRAMPOLINE_PATCH_SIZE <= aligned + PATCH_WINDOW_SIZE)
        return (struct opened){.window = (uint8_t *)aligned, .size = PATCH_WINDOW_SIZE};
    return (struct opened){.window = hook->target, .size = TRAMPOLINE_PATCH_SIZE};
}

/* In reverse: targets that share a page must get back what it had before the first of them. */
static void close_targets(const struct opened *opened, unsigned count)
{
    DWORD ignored;

    while (count-- > 0) {
        if (!opened[count].window)
            continue;
        VirtualProtect(opened[count].window, opened[count].size, opened[count].protection,
                       &ignored);
        FlushInstructionCache(GetCurrentProcess(), opened[count].window, opened[count].size);
    }
}

/* Executable too, since the code that patches may share the page. */
static bool open_targets(struct hook_set *set, struct opened *opened)
{
    for (unsigned i = 0; i < set->count; i++) {
        opened[i] = (struct opened){0};
        if (set->hooks[i].shared)
            continue;
        struct opened window = window_of(&set->hooks[i]);
        if (!VirtualProtect(window.window, window.size, PAGE_EXECUTE_READWRITE,
                            &window.protection)) {
            DWORD error = GetLastError();
            close_targets(opened, i);
            refuse(&set->hooks[i], "its page cannot be made writable", error);
            return fail(set, "a function's page cannot be made writable", error);
        }
        opened[i] = window;
    }
    return true;
}

/* Runs while all other threads are held. */
static void write_bytes(const struct hook *hook, const uint8_t bytes[TRAMPOLINE_PATCH_SIZE])
{
    struct opened window = window_of(hook);
    LONG64 value;

    if (window.size != PATCH_WINDOW_SIZE) {
        memcpy(hook->target, bytes, TRAMPOLINE_PATCH_SIZE);
        return;
    }
    memcpy(&value, window.window, sizeof value);
    memcpy((uint8_t *)&value + (hook->target - window.window), bytes, TRAMPOLINE_PATCH_SIZE);
    InterlockedExchange64((volatile LONG64 *)(void *)window.window, value);
}

/* Whether all targets hold what they should; marks those that do not. */
static bool all_hold(struct hook_set *set, bool patched)
{
    bool all = true;

    for (unsigned i = 0; i < set->count; i++) {
        struct hook *hook = &set->hooks[i];
        if (hook->shared)
            continue;
        const uint8_t *expected = patched ? hook->patch : hook->before;
        hook->refusal = NULL;
        if (memcmp(hook->target, expected, TRAMPOLINE_PATCH_SIZE) != 0) {
            hook->refusal = patched ? "someone else has changed it since it was hooked"
                                    : "someone else has changed it since it was examined";
            all = false;
        }
    }
    return all;
}

/* The places where a thread would wake up in the middle of the new bytes. The first byte is no such
 * place. */
static unsigned unsafe_ranges(const struct hook_set *set, struct code_range *ranges)
{
    unsigned count = 0;

    for (unsigned i = 0; i < set->count; i++) {
        uintptr_t target = (uintptr_t)set->hooks[i].target;
        if (!set->hooks[i].shared)
            ranges[count++] = (struct code_range){target + 1, target + TRAMPOLINE_PATCH_SIZE};
    }
    return count;
}

static void write_all(struct hook_set *set, bool patched)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct hook *hook = &set->hooks[i];
        if (!hook->shared)
            write_bytes(hook, patched ? hook->patch : hook->before);
    }
}

/* One try to bring all targets from one state into the other. ERROR_RETRY: a thread stands in the
 * way. */
static DWORD try_switch(struct hook_set *set, bool patched)
{
    struct code_range ranges[HOOK_SET_CAPACITY];
    unsigned count = unsafe_ranges(set, ranges);
    DWORD error = suspension_begin(&set->suspension);

    if (error)
        return error;
    if (suspension_touches(&set->suspension, ranges, count))
        error = ERROR_RETRY;
    else if (!all_hold(set, !patched))
        error = ERROR_SHARING_VIOLATION;
    else
        write_all(set, patched);
    suspension_end(&set->suspension);
    return error;
}

static bool switch_all(struct hook_set *set, bool patched)
{
    struct opened opened[HOOK_SET_CAPACITY];
    DWORD error = ERROR_RETRY;

    for (unsigned i = 0; error == ERROR_RETRY && i < INSTALL_ATTEMPTS; i++) {
        if (i > 0)
            Sleep(1);
        if (!open_targets(set, opened))
            return false;
        error = try_switch(set, patched);
        close_targets(opened, set->count);
    }
    suspension_free(&set->suspension);
    switch (error) {
    case 0:
        set->installed = patched;
        set->failure = NULL;
        set->error = 0;
        return true;
    case ERROR_SHARING_VIOLATION:
        return fail(set, "someone else has changed a function", error);
    case ERROR_RETRY:
        return fail(set, "a thread does not leave the bytes that change", error);
    default:
        return fail(set, "the threads of the process cannot be held", error);
    }
}

bool hook_set_install(struct hook_set *set)
{
    if (set->installed || set->block_count == 0)
        return fail(set, "the set is not ready to be installed", ERROR_INVALID_STATE);
    return switch_all(set, true);
}

bool hook_set_remove(struct hook_set *set)
{
    if (!set->installed)
        return fail(set, "the set is not installed", ERROR_INVALID_STATE);
    return switch_all(set, false);
}

/* ---- quiescence and the end ---- */

/* Holds the threads and looks where they are, and with `starts` also where they came from. */
static bool is_quiet(struct hook_set *set, const struct code_range *ranges, size_t count,
                     const volatile long *in_flight, bool starts)
{
    struct code_range own[HOOK_SET_CAPACITY];

    for (unsigned i = 0; i < set->block_count; i++) {
        uintptr_t base = (uintptr_t)set->blocks[i].base;
        own[i] = (struct code_range){base, base + PAGE_SIZE};
    }
    if (suspension_begin(&set->suspension) != 0)
        return false;
    /* Read now and not before: a thread may have been on its way from the relay to the count. */
    bool quiet = (!in_flight || *in_flight == 0) &&
                 !suspension_touches(&set->suspension, own, set->block_count) &&
                 !suspension_touches(&set->suspension, ranges, count) &&
                 !(starts && suspension_started_in(&set->suspension, ranges, count));
    suspension_end(&set->suspension);
    suspension_free(&set->suspension);
    return quiet;
}

bool hook_set_quiescent(struct hook_set *set, const struct code_range *ranges, size_t count,
                        const volatile long *in_flight)
{
    return is_quiet(set, ranges, count, in_flight, false);
}

bool hook_set_deserted(struct hook_set *set, const struct code_range *ranges, size_t count,
                       const volatile long *in_flight)
{
    return is_quiet(set, ranges, count, in_flight, true);
}

void hook_set_release_starts(struct hook_set *set, const struct code_range *ranges, size_t count)
{
    if (suspension_begin(&set->suspension) != 0)
        return;
    suspension_release_started_in(&set->suspension, ranges, count);
    suspension_end(&set->suspension);
    suspension_free(&set->suspension);
}

void hook_set_free(struct hook_set *set)
{
    if (set->installed)
        return;
    release_blocks(set);
    suspension_free(&set->suspension);
    *set = (struct hook_set){0};
}
