/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/policy_watch.h"

/* How long calls wait before they try again what may pass, in milliseconds. */
#define RETRY_MS 1000

static uint64_t newest_generation(const struct policy_watch *watch)
{
    return (uint64_t)watch->control.control->generation;
}

static struct policy_watch_view *take_view(struct policy_watch *watch)
{
    for (size_t i = 0; i < POLICY_WATCH_VIEWS; i++) {
        if (!InterlockedExchange(&watch->views[i].used, 1)) {
            return &watch->views[i];
        }
    }
    return NULL;
}

/* Called when the last call that the image judges has ended. */
static void free_view(void *argument)
{
    struct policy_watch_view *view = argument;
    policy_image_close(&view->view);
    InterlockedExchange(&view->used, 0);
}

static enum policy_watch_result take_generation(struct policy_watch *watch, uint64_t generation,
                                                enum policy_section_error *error)
{
    struct policy_watch_view *view = take_view(watch);
    if (!view) {
        return POLICY_WATCH_LATER;
    }
    *error = policy_image_open(generation, &view->view);
    if (*error != POLICY_SECTION_OK) {
        InterlockedExchange(&view->used, 0);
        return POLICY_WATCH_REFUSED;
    }
    if (!policy_slot_publish(&watch->slot, view->view.image, generation, free_view, view)) {
        free_view(view);
        return POLICY_WATCH_LATER;
    }
    return POLICY_WATCH_TAKEN;
}

enum policy_section_error policy_watch_start(struct policy_watch *watch)
{
    uint64_t generation;
    policy_slot_init(&watch->slot);
    enum policy_section_error error = policy_control_open(&watch->control);
    if (error != POLICY_SECTION_OK) {
        return error;
    }
    if (!newest_generation(watch)) {
        error = POLICY_SECTION_ABSENT;
    } else if (policy_watch_refresh(watch, &generation, &error) == POLICY_WATCH_TAKEN) {
        return POLICY_SECTION_OK;
    }
    policy_control_close(&watch->control);
    return error;
}

void policy_watch_stop(struct policy_watch *watch)
{
    policy_slot_clear(&watch->slot);
    policy_control_close(&watch->control);
}

bool policy_watch_is_current(struct policy_watch *watch)
{
    return newest_generation(watch) == policy_slot_generation(&watch->slot);
}

bool policy_watch_is_behind(struct policy_watch *watch)
{
    uint64_t newest = newest_generation(watch);
    return newest != policy_slot_generation(&watch->slot) && newest != (uint64_t)watch->refused &&
           GetTickCount64() >= (uint64_t)watch->retry_ms;
}

/*
 * What is wrong with the image stays wrong. Anything else may pass: the thread acted as somebody
 * who may not open it, or memory was short.
 */
static void note_refusal(struct policy_watch *watch, uint64_t generation,
                         enum policy_section_error error)
{
    if (error == POLICY_SECTION_BAD || error == POLICY_SECTION_UNTRUSTED) {
        InterlockedExchange64(&watch->refused, (LONG64)generation);
    } else {
        InterlockedExchange64(&watch->retry_ms, (LONG64)(GetTickCount64() + RETRY_MS));
    }
}

enum policy_watch_result policy_watch_refresh(struct policy_watch *watch, uint64_t *generation,
                                              enum policy_section_error *error)
{
    enum policy_watch_result result = POLICY_WATCH_CURRENT;
    if (InterlockedExchange(&watch->busy, 1)) {
        return result;
    }
    *generation = newest_generation(watch);
    if (!policy_watch_is_current(watch)) {
        result = take_generation(watch, *generation, error);
    }
    if (result == POLICY_WATCH_REFUSED) {
        note_refusal(watch, *generation, *error);
    }
    InterlockedExchange(&watch->busy, 0);
    return result;
}
