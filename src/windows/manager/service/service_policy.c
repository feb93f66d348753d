/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/manager/compiled_policy.h"
#include "windows/manager/filter_follow.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/service/last_policy.h"

/* An editor may still hold the file that it has just written; milliseconds. */
#define READ_TRIES   5
#define READ_PAUSE   100
#define LOCK_TIMEOUT 3000

/* What became of the policy, before the reason why the file was refused: an event has little room.
 */
#define TOLD_SIZE 96

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

enum service_failure service_policy_open(struct service_policy *policy)
{
    if (!policy->check_access) {
        policy->check_access = file_access_check_for;
    }
    if (!policy->engine) {
        policy->engine = filters_windows_engine();
    }
    installation_record_installer(&policy->installer);
    if (!policy_file_path(NULL, policy->path)) {
        return SERVICE_FAILURE_POLICY_NAME;
    }
    policy->mutex = policy_manager_hold();
    if (!policy->mutex) {
        return SERVICE_FAILURE_MUTEX;
    }
    HANDLE mutex = policy_manager_lock(LOCK_TIMEOUT);
    if (!mutex) {
        return SERVICE_FAILURE_BUSY;
    }
    enum policy_section_error error = policy_publisher_open(&policy->publisher);
    policy_manager_unlock(mutex);
    if (error) {
        return SERVICE_FAILURE_SECTION + error;
    }
    take_newest(policy);
    const char *path = policy->path;
    folder_watch_set(&policy->files, &path, 1);
    return SERVICE_FAILURE_NONE;
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

/* Native filters that are wanted follow the policy; when that fails, the old ones stay. */
static void follow_filters(struct service_policy *policy, struct service_events *events,
                           const struct policy *read)
{
    char text[SERVICE_POLICY_ERROR_SIZE];
    struct filters_report report = {0};
    switch (filters_follow(policy->engine, read, &report)) {
    case FILTERS_DONE:
        return;
    case FILTERS_NO_ENGINE:
        snprintf(text, sizeof(text),
                 "its flt: and all: rules are no native filters: this "
                 "Windows has no RPC filter engine");
        break;
    default:
        snprintf(text, sizeof(text), "the native RPC filters stay as they were: %s",
                 report.step ? report.step : "a flt: rule cannot be enforced on this host");
        break;
    }
    service_events_policy(events, EVENT_POLICY_FILE_REFUSED, service_policy_generation(policy),
                          policy->path, text);
}

static bool is_saved(const struct policy_image *image)
{
    struct policy_image *last;
    if (last_policy_load(&last)) {
        return false;
    }
    bool same = last->size == image->size && memcmp(last, image, image->size) == 0;
    free(last);
    return same;
}

/* What is in force, for a start of the machine that finds the file broken. */
static void save_in_force(struct service_policy *policy)
{
    const struct policy_image *image = policy->view.image;
    if (image && policy->saved_generation != policy->view.generation &&
        (is_saved(image) || last_policy_save(image) == ERROR_SUCCESS)) {
        policy->saved_generation = policy->view.generation;
    }
}

/* Puts the good policy in force unless it is; the mutex is held. */
static bool put_in_force(struct service_policy *policy, struct service_events *events,
                         const struct compiled_policy *compiled)
{
    bool changed = false;
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
    if (!policy->error[0]) {
        save_in_force(policy);
    }
    follow_filters(policy, events, compiled->policy);
    return changed;
}

/* Nothing is in force, and the file is no good: what was in force last. `told` says so. */
static bool restore_last(struct service_policy *policy, struct service_events *events, char *told,
                         size_t size)
{
    struct policy_image *last;
    DWORD error = last_policy_load(&last);
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) {
        return false;
    }
    if (error) {
        snprintf(told, size, "no policy is in force, the last cannot be read (error %lu): ", error);
        return false;
    }
    bool restored = publish(policy, last, last->size);
    if (restored) {
        compiled_policy_create_audit_file(last);
        service_events_follow(events, policy->view.image);
        snprintf(told, size, "the last policy is in force again (generation %llu): ",
                 (unsigned long long)service_policy_generation(policy));
    }
    free(last);
    return restored;
}

/* The file is no good: what is in force stays, under a number that agents find. */
static bool keep_in_force(struct service_policy *policy, struct service_events *events, char *told,
                          size_t size)
{
    const struct policy_image *image = policy->view.image;
    *told = '\0';
    if (!image) {
        return restore_last(policy, events, told, size);
    }
    return newest_is_lost(policy) && publish(policy, image, image->size);
}

/* An event when the file is refused for another reason than `before`; and what became of it. */
static void tell_refusal(struct service_policy *policy, struct service_events *events,
                         const char *before, const char *told)
{
    char text[SERVICE_POLICY_ERROR_SIZE + TOLD_SIZE];
    if (!policy->error[0] || strcmp(before, policy->error) == 0) {
        return;
    }
    snprintf(text, sizeof(text), "%s%s", told, policy->error);
    policy->refused++;
    service_events_policy(events, EVENT_POLICY_FILE_REFUSED, service_policy_generation(policy),
                          policy->path, text);
}

/* Reads the file; the mutex is held. True when another policy is in force than before; otherwise
 * `error` says why the file was refused, if it was. */
static bool take_file(struct service_policy *policy, struct service_events *events,
                      struct compiled_policy *compiled)
{
    policy->foreign = false;
    switch (read_file(policy, compiled)) {
    case COMPILED_POLICY_GOOD:
        policy->foreign = policy_has_foreign_writer(
            compiled->policy, policy->check_access,
            IsValidSid(&policy->installer.sid) ? &policy->installer.sid : NULL, policy->error,
            sizeof(policy->error));
        return !policy->foreign && put_in_force(policy, events, compiled);
    case COMPILED_POLICY_ERRORS:
        describe_errors(policy, &compiled->policy->diagnostics);
        return false;
    case COMPILED_POLICY_TOO_LARGE:
        return fail(policy, "the compiled policy does not fit into memory");
    default:
        return fail(policy, "the file cannot be read");
    }
}

bool service_policy_apply(struct service_policy *policy, struct service_events *events)
{
    char before[SERVICE_POLICY_ERROR_SIZE];
    char told[TOLD_SIZE] = "";
    struct compiled_policy compiled;
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
    bool changed = take_file(policy, events, &compiled);
    if (policy->error[0]) {
        changed = keep_in_force(policy, events, told, sizeof(told));
    }
    policy_manager_unlock(mutex);
    watch_files(policy, &compiled);
    if (files != policy->files.file_count) {
        policy->stamp = folder_watch_stamp(&policy->files);
    }
    compiled_policy_free(&compiled);
    tell_refusal(policy, events, before, told);
    return changed;
}

bool service_policy_changed(const struct service_policy *policy)
{
    return policy->foreign || folder_watch_stamp(&policy->files) != policy->stamp;
}

bool service_policy_follow(struct service_policy *policy, struct service_events *events)
{
    uint64_t newest = (uint64_t)policy->publisher.control->generation;
    if (newest == service_policy_generation(policy)) {
        return false;
    }
    if (take_newest(policy)) {
        service_events_follow(events, policy->view.image);
        save_in_force(policy);
        return true;
    }
    /* Its image died with the manager that made it: what agents use now has an older number. */
    return service_policy_apply(policy, events);
}
