/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/filters/filters.h"
#include "windows/manager/compiled_policy.h"
#include "windows/manager/policy_file.h"

/* An editor may still hold the file that it has just written; milliseconds. */
#define READ_TRIES   5
#define READ_PAUSE   100
#define LOCK_TIMEOUT 3000

static bool fail(struct service_policy *policy, const char *why)
{
    snprintf(policy->error, sizeof(policy->error), "%s", why);
    return false;
}

/* Holds the newest image that can be opened; true when it is another than before. */
static bool take_newest(struct service_policy *policy)
{
    uint64_t newest = (uint64_t)policy->publisher.control->generation;
    struct policy_image_view view;
    if (!newest || newest == service_policy_generation(policy) ||
        policy_image_open(newest, &view) != POLICY_SECTION_OK) {
        return false;
    }
    if (policy->view.image) {
        policy_image_close(&policy->view);
    }
    policy->view = view;
    return true;
}

bool service_policy_open(struct service_policy *policy)
{
    if (!policy_file_path(NULL, policy->path)) {
        return fail(policy, "the policy file cannot be named");
    }
    policy->mutex = policy_manager_hold();
    if (!policy->mutex) {
        return fail(policy, "the manager mutex Global\\RpcFwManager cannot be had: something else "
                            "made it");
    }
    HANDLE mutex = policy_manager_lock(LOCK_TIMEOUT);
    if (!mutex) {
        return fail(policy, "another manager is at work");
    }
    enum policy_section_error error = policy_publisher_open(&policy->publisher);
    policy_manager_unlock(mutex);
    if (error) {
        return fail(policy, policy_section_error_text(error));
    }
    take_newest(policy);
    const char *path = policy->path;
    folder_watch_set(&policy->files, &path, 1);
    return true;
}

void service_policy_close(struct service_policy *policy)
{
    folder_watch_close(&policy->files);
    if (policy->view.image) {
        policy_image_close(&policy->view);
    }
    if (policy->publisher.control_section) {
        policy_publisher_close(&policy->publisher);
    }
    if (policy->mutex) {
        CloseHandle(policy->mutex);
    }
}

uint64_t service_policy_generation(const struct service_policy *policy)
{
    return policy->view.image ? policy->view.generation : 0;
}

/* The first error with its place, in one line. */
static void describe_errors(struct service_policy *policy, const struct diagnostics *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        if (item->severity == DIAGNOSTIC_ERROR) {
            const char *path = item->place.path ? item->place.path : policy->path;
            const char *slash = strrchr(path, '\\');
            snprintf(policy->error, sizeof(policy->error), "%.80s:%u:%u: %.120s",
                     slash ? slash + 1 : path, item->place.line, item->place.column, item->message);
            return;
        }
    }
    fail(policy, "the policy has errors");
}

/* From now on, the files of this reading count. */
static void watch_files(struct service_policy *policy, const struct compiled_policy *compiled)
{
    const char *paths[FOLDER_WATCH_FILES];
    size_t count = 0;
    paths[count++] = policy->path;
    for (size_t i = 1;
         compiled->policy && i < compiled->policy->source_count && count < FOLDER_WATCH_FILES;
         i++) {
        paths[count++] = compiled->policy->sources[i].path;
    }
    folder_watch_set(&policy->files, paths, count);
}

static void count_filter_rules(struct service_policy *policy, const struct policy *read)
{
    policy->filter_rules = 0;
    for (size_t i = 0; i < read->rule_count; i++) {
        policy->filter_rules += read->rules[i].target != TARGET_FIREWALL;
    }
}

static bool publish(struct service_policy *policy, const void *image, size_t size)
{
    uint64_t generation;
    enum policy_section_error error = policy_publish(&policy->publisher, image, size, &generation);
    if (error) {
        return fail(policy, policy_section_error_text(error));
    }
    take_newest(policy);
    policy->published++;
    return true;
}

/* Whether the newest number is one whose image died with the manager that made it: agents that come
 * now find no policy. */
static bool newest_is_lost(const struct service_policy *policy)
{
    return (uint64_t)policy->publisher.control->generation != service_policy_generation(policy);
}

static bool is_in_force(const struct service_policy *policy, const struct compiled_policy *compiled)
{
    const struct policy_image *image = policy->view.image;
    return image && image->size == compiled->size &&
           memcmp(image, compiled->image, compiled->size) == 0;
}

static enum compiled_policy_result read_file(struct service_policy *policy,
                                             struct compiled_policy *compiled)
{
    enum compiled_policy_result result = compiled_policy_load(policy->path, false, compiled);
    for (int i = 1; i < READ_TRIES && result == COMPILED_POLICY_UNREADABLE; i++) {
        compiled_policy_free(compiled);
        Sleep(READ_PAUSE);
        result = compiled_policy_load(policy->path, false, compiled);
    }
    return result;
}

/* Native filters that are in force follow the policy; when that fails, the old ones stay. */
static void follow_filters(struct service_policy *policy, struct service_events *events,
                           const struct policy *read)
{
    struct installed_filter *list = NULL;
    struct filter_plan *plan = NULL;
    struct filters_report report = {0};
    size_t count = 0;
    const struct filter_engine *engine = filters_windows_engine();
    if (filters_list(engine, &list, &count, &report) != FILTERS_DONE || !count) {
        free(list);
        return;
    }
    free(list);
    if (filters_apply(engine, read, &plan, &report) != FILTERS_DONE) {
        char text[SERVICE_POLICY_ERROR_SIZE];
        snprintf(text, sizeof(text), "the native RPC filters stay as they were: %s",
                 report.step ? report.step : "a flt: rule cannot be enforced on this host");
        service_events_policy(events, EVENT_POLICY_FILE_REFUSED, service_policy_generation(policy),
                              policy->path, text);
    }
    if (plan) {
        filter_plan_free(plan);
    }
}

/* Puts the good policy in force unless it is; the mutex is held. */
static bool put_in_force(struct service_policy *policy, struct service_events *events,
                         const struct compiled_policy *compiled)
{
    bool changed = false;
    count_filter_rules(policy, compiled->policy);
    policy->error[0] = '\0';
    if (!is_in_force(policy, compiled) || newest_is_lost(policy)) {
        changed = publish(policy, compiled->image, compiled->size);
        compiled_policy_create_audit_file(compiled->image);
    }
    if (policy->view.image) {
        service_events_follow(events, policy->view.image);
    }
    if (changed) {
        service_events_policy(events, EVENT_POLICY_PUBLISHED, service_policy_generation(policy),
                              policy->path, NULL);
    }
    follow_filters(policy, events, compiled->policy);
    return changed;
}

/* The file is no good: what is in force stays, under a number that agents find. */
static bool keep_in_force(struct service_policy *policy)
{
    const struct policy_image *image = policy->view.image;
    return image && newest_is_lost(policy) && publish(policy, image, image->size);
}

bool service_policy_apply(struct service_policy *policy, struct service_events *events)
{
    char before[SERVICE_POLICY_ERROR_SIZE];
    struct compiled_policy compiled;
    bool changed = false;
    memcpy(before, policy->error, sizeof(before));
    HANDLE mutex = policy_manager_lock(LOCK_TIMEOUT);
    if (!mutex) {
        /* Who holds it may be putting the same file in force; the next look will tell. */
        policy->stamp = 0;
        return false;
    }
    take_newest(policy);
    policy->stamp = folder_watch_stamp(&policy->files);
    size_t files = policy->files.file_count;
    switch (read_file(policy, &compiled)) {
    case COMPILED_POLICY_GOOD:
        changed = put_in_force(policy, events, &compiled);
        break;
    case COMPILED_POLICY_ERRORS:
        describe_errors(policy, &compiled.policy->diagnostics);
        break;
    case COMPILED_POLICY_TOO_LARGE:
        fail(policy, "the compiled policy does not fit into memory");
        break;
    default:
        fail(policy, "the file cannot be read");
        break;
    }
    if (policy->error[0]) {
        changed = keep_in_force(policy);
    }
    policy_manager_unlock(mutex);
    watch_files(policy, &compiled);
    if (files != policy->files.file_count) {
        policy->stamp = folder_watch_stamp(&policy->files);
    }
    compiled_policy_free(&compiled);
    if (policy->error[0] && strcmp(before, policy->error) != 0) {
        policy->refused++;
        service_events_policy(events, EVENT_POLICY_FILE_REFUSED, service_policy_generation(policy),
                              policy->path, policy->error);
    }
    return changed;
}

bool service_policy_changed(const struct service_policy *policy)
{
    return folder_watch_stamp(&policy->files) != policy->stamp;
}

bool service_policy_follow(struct service_policy *policy, struct service_events *events)
{
    uint64_t newest = (uint64_t)policy->publisher.control->generation;
    if (newest == service_policy_generation(policy)) {
        return false;
    }
    if (take_newest(policy)) {
        service_events_follow(events, policy->view.image);
        return true;
    }
    /* Its image died with the manager that made it: what agents use now has an older number. */
    return service_policy_apply(policy, events);
}
