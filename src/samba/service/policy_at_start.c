/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/policy_at_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/load_policy.h"
#include "cli/report.h"
#include "samba/service/sinks.h"
#include "samba/state/control_page.h"
#include "samba/state/last_policy.h"

#define LOCK_TIMEOUT_MS 10000

/* A place and the message of a diagnostic. */
#define WHY_SIZE 1024

/* Compiles a policy without errors and publishes it; a constant text says why not. */
static const char *publish(int directory, const struct policy *policy, uint64_t *generation)
{
    size_t size;
    void *image = policy_compile(policy, &size);
    if (!image)
        return "the compiled policy does not fit into memory";
    int error = policy_publish(directory, image, size, generation);
    if (!error)
        (void)last_policy_save(image, size); /* it is in force all the same */
    free(image);
    return error < 0 ? strerror(-error) : NULL;
}

/* Better the policy that was in force before the machine went down than none. */
static void publish_last(int directory, uint64_t *generation)
{
    struct state_mapping last;
    if (last_policy_map(&last) < 0)
        return;
    const struct policy_image *image = last.bytes;
    if (policy_publish(directory, image, image->size, generation) < 0)
        *generation = 0;
    state_file_unmap(&last);
}

static void first_error(const struct diagnostics *list, char *text, size_t size)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        if (item->severity != DIAGNOSTIC_ERROR)
            continue;
        snprintf(text, size, "%s:%u:%u: %s", item->place.path, (unsigned)item->place.line,
                 (unsigned)item->place.column, item->message);
        return;
    }
}

/* 0, or `why` says what stands against it. */
static int load_and_publish(int directory, const char *path, uint64_t *generation, char *why,
                            size_t size)
{
    struct policy *policy = load_policy(path, false);
    if (!policy) {
        snprintf(why, size, "cannot be read");
        return -1;
    }
    report_text(stderr, &policy->diagnostics);
    const char *failed = NULL;
    if (policy->diagnostics.errors)
        first_error(&policy->diagnostics, why, size);
    else
        failed = publish(directory, policy, generation);
    if (failed)
        snprintf(why, size, "%s", failed);
    bool bad = failed || policy->diagnostics.errors;
    policy_free(policy);
    return bad ? -1 : 0;
}

static uint64_t generation_in_force(int directory)
{
    struct state_mapping mapping;
    if (control_page_map(directory, false, &mapping) < 0)
        return 0;
    uint64_t generation = atomic_load(&control_page_of(&mapping)->generation);
    state_file_unmap(&mapping);
    return generation;
}

bool policy_at_start(int directory, const char *path, struct event *event)
{
    char why[WHY_SIZE] = "";
    uint64_t generation = 0;
    /* Mostly there is one; and a manager that stops the service holds the lock while it waits. */
    if (generation_in_force(directory) != 0)
        return false;
    int lock = manager_lock(directory, LOCK_TIMEOUT_MS);
    if (lock >= 0 && generation_in_force(directory) != 0) {
        close(lock);
        return false;
    }
    if (lock < 0)
        snprintf(why, sizeof(why), "the managers' lock: %s", strerror(-lock));
    bool done = lock >= 0 && load_and_publish(directory, path, &generation, why, sizeof(why)) == 0;
    if (lock >= 0 && !done)
        publish_last(directory, &generation);
    if (lock >= 0)
        close(lock);
    event_of_policy_file(event, done ? EVENT_POLICY_PUBLISHED : EVENT_POLICY_FILE_REFUSED,
                         service_now_us(), generation, path, done ? NULL : why);
    return true;
}
