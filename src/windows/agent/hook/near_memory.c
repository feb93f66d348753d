/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hook/near_memory.h"

#include <windows.h>
#include <stdint.h>

/* 2 GiB less a margin for the longest instruction and the page rounding of both sides. */
#define REACH ((uintptr_t)0x7fff0000)

struct window {
    uintptr_t lowest;  /* where a block may begin */
    uintptr_t highest; /* where it may end */
    uintptr_t granularity;
    size_t size;
};

bool near_memory_reaches(const void *base, size_t size, const void *target)
{
    uintptr_t from = (uintptr_t)base;
    uintptr_t to = (uintptr_t)target;

    return from > to ? from - to <= REACH - size : to - from <= REACH;
}

static uintptr_t round_down(const struct window *window, uintptr_t address)
{
    return address & ~(window->granularity - 1);
}

/* Another thread may take the place between the query and here: the caller then looks further. */
static void *allocate_at(const struct window *window, uintptr_t place,
                         const MEMORY_BASIC_INFORMATION *region)
{
    uintptr_t end = (uintptr_t)region->BaseAddress + region->RegionSize;

    if (region->State != MEM_FREE || place > end || end - place < window->size ||
        place + window->size > window->highest)
        return NULL;
    return VirtualAlloc((void *)place, window->size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

/*
 * Downwards one place at a time, over what is taken in one step: a query tells where free memory
 * ends above the address asked for, and never where it begins below.
 */
static void *search_below(const struct window *window, uintptr_t address)
{
    MEMORY_BASIC_INFORMATION region;
    uintptr_t place = round_down(window, address - window->size);

    while (place >= window->lowest && place < address) {
        if (!VirtualQuery((const void *)place, &region, sizeof region))
            return NULL;
        void *block = allocate_at(window, place, &region);
        if (block)
            return block;
        uintptr_t above = region.State == MEM_FREE ? place : (uintptr_t)region.AllocationBase;
        if (above < window->size + window->granularity)
            return NULL;
        place = round_down(window, (above < place ? above : place) - 1);
    }
    return NULL;
}

static void *search_above(const struct window *window, uintptr_t address)
{
    MEMORY_BASIC_INFORMATION region;

    while (address < window->highest) {
        if (!VirtualQuery((const void *)address, &region, sizeof region))
            return NULL;
        uintptr_t place = round_down(window, address + window->granularity - 1);
        void *block = allocate_at(window, place, &region);
        if (block)
            return block;
        address = (uintptr_t)region.BaseAddress + region.RegionSize;
    }
    return NULL;
}

void *near_memory_allocate(const void *target, size_t size)
{
    SYSTEM_INFO system;
    uintptr_t address = (uintptr_t)target;

    GetSystemInfo(&system);
    uintptr_t lowest = (uintptr_t)system.lpMinimumApplicationAddress;
    uintptr_t highest = (uintptr_t)system.lpMaximumApplicationAddress;
    struct window window = {
        .lowest = address > lowest + REACH ? address - REACH : lowest,
        .highest = address < highest - REACH ? address + REACH : highest,
        .granularity = system.dwAllocationGranularity,
        .size = size,
    };
    void *block = search_below(&window, address);
    if (!block)
        block = search_above(&window, address);
    if (!block)
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return block;
}
