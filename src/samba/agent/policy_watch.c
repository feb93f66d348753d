/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/policy_watch.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 1000

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum policy_view_error open_view(uint64_t generation, struct policy_view *view)
{
    int directory = state_directory_open(false);
    enum policy_view_error error;

    if (directory < 0) {
        errno = -directory;
        if (errno == ENOENT)
            return POLICY_VIEW_ABSENT;
        return errno == EACCES || errno == EPERM ? POLICY_VIEW_DENIED : POLICY_VIEW_SYSTEM;
    }
    error = policy_view_open(directory, generation, view);
    close(directory);
    return error;
}

enum policy_watch_result policy_watch_refresh(struct policy_watch *watch)
{
    uint64_t generation = atomic_load_explicit(&watch->control->generation, memory_order_acquire);
    struct policy_view view;

    if (generation == watch->view.generation || generation == 0 ||
        (generation == watch->refused && now_ms() < watch->retry_ms))
        return POLICY_WATCH_SAME;
    enum policy_view_error error = open_view(generation, &view);
    /* Replaced and removed between the two looks: not worth a word. */
    for (int tries = 0; error == POLICY_VIEW_ABSENT && tries < 3; tries++) {
        uint64_t newest = atomic_load_explicit(&watch->control->generation, memory_order_acquire);
        if (newest == generation)
            break;
        generation = newest;
        error = open_view(generation, &view);
    }
    if (error == POLICY_VIEW_OK) {
        policy_view_close(&watch->view);
        watch->view = view;
        watch->refused = 0;
        watch->error = POLICY_VIEW_OK;
        return POLICY_WATCH_TAKEN;
    }
    /* The process acts as a user at this moment: it will be root again. */
    if (error == POLICY_VIEW_DENIED && geteuid() != 0)
        return POLICY_WATCH_SAME;
    bool told = generation == watch->refused;
    watch->refused = generation;
    watch->retry_ms = now_ms() + RETRY_MS;
    watch->error = error;
    return told ? POLICY_WATCH_SAME : POLICY_WATCH_REFUSED;
}

void policy_watch_close(struct policy_watch *watch)
{
    policy_view_close(&watch->view);
    memset(watch, 0, sizeof(*watch));
}
