/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>
#include <string.h>

#include "windows/manager/event_log_key.h"
#include "windows/manager/file_digest.h"
#include "windows/manager/file_placement.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/policy_notes.h"
#include "windows/manager/process_list.h"
#include "windows/manager/protection.h"
#include "windows/policy_section.h"

/* One of the files, as it is and as it will be. */
struct planned_file {
    wchar_t source[MAX_PATH];
    wchar_t target[MAX_PATH];
    uint64_t source_digest;
    uint64_t target_digest;
    bool exists;
    bool copy; /* what is there is not what will be */
};

struct installation_plan {
    struct installation_record before; /* as it was, for going back */
    bool had_record;
    struct planned_file file[INSTALLED_FILE_COUNT];
};

/* What has been done, for going back. */
struct installation_progress {
    bool recorded;
    struct file_placement placement[INSTALLED_FILE_COUNT];
    bool created_event_log;
    bool created_policy;
};

static int plan_file(const struct cli_verb *verb, const struct installation_plan *plan,
                     enum installed_file which, struct planned_file *file)
{
    const wchar_t *name = installed_file_names[which];
    if (!beside_manager(name, file->source) || !installed_file_path(which, file->target)) {
        return verb_system_error(verb, "a file cannot be named", GetLastError());
    }
    if (!file_digest(file->source, &file->source_digest)) {
        char what[64];
        snprintf(what, sizeof(what), "%ls beside the manager cannot be read", name);
        return verb_system_error(verb, what, GetLastError());
    }
    file->exists = file_digest(file->target, &file->target_digest);
    if (!file->exists && GetLastError() != ERROR_FILE_NOT_FOUND) {
        char what[64];
        snprintf(what, sizeof(what), "%ls in System32 cannot be read", name);
        return verb_system_error(verb, what, GetLastError());
    }
    if (file->exists && !installation_record_owns(&plan->before, which, file->target_digest)) {
        return verb_error(verb,
                          "System32 has a %ls that this program did not put there; nothing was "
                          "changed",
                          name);
    }
    file->copy = !file->exists || file->source_digest != file->target_digest;
    return CLI_DONE;
}

/* Refuses while an agent is loaded, or may be: the file could not be replaced under it. */
static int require_no_agent(const struct cli_verb *verb)
{
    struct process_list list;
    int code = CLI_DONE;
    if (!process_list_take(&list)) {
        return verb_system_error(verb, "the processes cannot be listed", GetLastError());
    }
    for (size_t i = 0; i < list.count; i++) {
        struct protection_result result;
        protection_inspect(list.entries[i].pid, &result);
        if (result.outcome != PROTECTION_ABSENT) {
            code =
                verb_error(verb, "process %lu (%ls): %s", list.entries[i].pid, list.entries[i].name,
                           result.outcome == PROTECTION_REFUSED ? result.reason
                                                                : "protected by another release");
        }
    }
    process_list_free(&list);
    if (code != CLI_DONE) {
        verb_error(verb, "nothing was changed; run \"" MANAGER_NAME " unprotect\" first");
    }
    return code;
}

/* Everything that can be refused is refused here, before anything changes. */
static int make_plan(const struct cli_verb *verb, struct installation_plan *plan)
{
    *plan = (struct installation_plan){0};
    LSTATUS error = installation_record_read(&plan->before);
    if (error && error != ERROR_FILE_NOT_FOUND) {
        return verb_system_error(verb, "the record of the installation cannot be read",
                                 (DWORD)error);
    }
    plan->had_record = error == ERROR_SUCCESS;
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        int code = plan_file(verb, plan, i, &plan->file[i]);
        if (code != CLI_DONE) {
            return code;
        }
    }
    if (event_log_key_exists() && !plan->before.event_log) {
        return verb_error(verb, "the event log RPCFW is registered by another program; nothing was "
                                "changed");
    }
    const struct planned_file *agent = &plan->file[INSTALLED_AGENT];
    return agent->copy && agent->exists ? require_no_agent(verb) : CLI_DONE;
}

/* `done`: only the new contents are ours; otherwise the old ones too. */
static LSTATUS write_record(const struct installation_plan *plan, bool done)
{
    struct installation_record record = {.event_log = true};
    wide_from_utf8(RPCFW_VERSION, record.release, ARRAYSIZE(record.release));
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        const struct planned_file *file = &plan->file[i];
        struct recorded_file *recorded = &record.file[i];
        recorded->digest[recorded->count++] = file->source_digest;
        if (!done && file->exists && file->copy) {
            recorded->digest[recorded->count++] = file->target_digest;
        }
    }
    return installation_record_write(&record);
}

static void undo(const struct installation_plan *plan, struct installation_progress *progress)
{
    if (progress->created_policy) {
        policy_file_remove_default();
    }
    if (progress->created_event_log) {
        event_log_key_remove();
    }
    for (unsigned i = INSTALLED_FILE_COUNT; i-- > 0;) {
        if (progress->placement[i].placed) {
            file_placement_undo(&progress->placement[i]);
        }
    }
    if (progress->recorded && plan->had_record) {
        installation_record_write(&plan->before);
    } else if (progress->recorded) {
        installation_record_remove();
    }
}

/* Each step says in *what what it was about to do; returns the error of the one that failed. */
static DWORD carry_out(const struct installation_plan *plan, struct installation_progress *progress,
                       const char **what)
{
    *what = "the registry cannot be written";
    progress->recorded = true;
    LSTATUS error = write_record(plan, false);
    if (error) {
        return (DWORD)error;
    }
    *what = "the DLLs cannot be copied to System32";
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        const struct planned_file *file = &plan->file[i];
        if (file->copy &&
            !file_place(&progress->placement[i], file->source, file->target, file->source_digest)) {
            return GetLastError();
        }
    }
    *what = "the event log cannot be registered";
    progress->created_event_log = !event_log_key_exists();
    error = event_log_key_create();
    if (error) {
        return (DWORD)error;
    }
    *what = "RpcFw.conf cannot be written";
    if (!policy_file_create_default(&progress->created_policy)) {
        return GetLastError();
    }
    *what = "the registry cannot be written";
    return (DWORD)write_record(plan, true);
}

static int install(const struct cli_verb *verb)
{
    struct installation_plan plan;
    int code = make_plan(verb, &plan);
    if (code != CLI_DONE) {
        return code;
    }
    struct installation_progress progress = {0};
    const char *what;
    DWORD error = carry_out(&plan, &progress, &what);
    if (error) {
        undo(&plan, &progress);
        verb_system_error(verb, what, error);
        return verb_error(verb, "everything is as it was before");
    }
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        if (progress.placement[i].placed) {
            file_placement_keep(&progress.placement[i]);
        }
    }
    printf("installed: release %s%s\n", RPCFW_VERSION,
           progress.created_policy ? ", with a new RpcFw.conf that allows everything" : "");
    char path[UTF8_PATH_SIZE];
    if (policy_file_path(NULL, path)) {
        policy_note_file_writers(verb, path);
    }
    return CLI_DONE;
}

int verb_install(const struct cli_verb *verb, int argc, char **argv)
{
    struct verb_arguments arguments;
    int code = verb_read_arguments(verb, 0, argc, argv, &arguments);
    if (code != CLI_DONE) {
        return code;
    }
    HANDLE mutex = verb_begin_change(verb);
    if (!mutex) {
        return CLI_ERROR;
    }
    code = install(verb);
    policy_manager_unlock(mutex);
    return code;
}
