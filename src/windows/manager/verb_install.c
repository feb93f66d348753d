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
#include "windows/manager/protection_present.h"
#include "windows/manager/service/service_control.h"
#include "windows/manager/service/service_failure.h"
#include "windows/policy_section.h"

/* One of the files, as it is and as it will be. */
struct planned_file {
    wchar_t source[MAX_PATH];
    wchar_t target[MAX_PATH];
    uint64_t source_digest;
    uint64_t target_digest;
    bool exists;
    bool in_place; /* the running program, unpacked where install would have put it */
    bool copy;     /* what is there is not what will be */
};

struct installation_plan {
    struct installation_record before; /* as it was, for going back */
    bool had_record;
    bool had_service;
    bool service_ran;
    struct planned_file file[INSTALLED_FILE_COUNT];
};

/* What has been done, for going back. */
struct installation_progress {
    bool recorded;
    struct file_placement placement[INSTALLED_FILE_COUNT];
    bool created_folder;
    bool created_event_log;
    bool created_policy;
    bool created_service;
    unsigned missing_settings; /* of the service: a bit for each enum service_setting */
};

/* How long the service may take to stop before its program is replaced, and to start again. */
#define SERVICE_TIMEOUT 30000

static bool find_source(enum installed_file which, wchar_t path[MAX_PATH])
{
    return which == INSTALLED_MANAGER ? running_program_path(path)
                                      : beside_manager(installed_file_names[which], path);
}

static int plan_file(const struct cli_verb *verb, const struct installation_plan *plan,
                     enum installed_file which, struct planned_file *file)
{
    const wchar_t *name = installed_file_names[which];
    if (!find_source(which, file->source) || !installed_file_path(which, file->target)) {
        return verb_system_error(verb, "a file cannot be named", GetLastError());
    }
    if (!file_digest(file->source, &file->source_digest)) {
        char what[64];
        snprintf(what, sizeof(what), "%ls beside the manager cannot be read", name);
        return verb_system_error(verb, what, GetLastError());
    }
    file->exists = file_digest(file->target, &file->target_digest);
    if (!file->exists && GetLastError() != ERROR_FILE_NOT_FOUND &&
        GetLastError() != ERROR_PATH_NOT_FOUND) {
        char what[64];
        snprintf(what, sizeof(what), "the installed %ls cannot be read", name);
        return verb_system_error(verb, what, GetLastError());
    }
    file->in_place = wide_same_name(file->source, file->target) && !plan->before.file[which].count;
    if (file->in_place) {
        return CLI_DONE;
    }
    if (file->exists && !installation_record_owns(&plan->before, which, file->target_digest)) {
        return verb_error(verb,
                          "%s has a %ls that this program did not put there; nothing was "
                          "changed",
                          which == INSTALLED_MANAGER ? "Program Files" : "System32", name);
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
    wchar_t agent_path[MAX_PATH] = L"";
    installed_file_path(INSTALLED_AGENT, agent_path);
    for (size_t i = 0; i < list.count; i++) {
        struct protection_result result;
        protection_inspect(agent_path, list.entries[i].pid, &result);
        /* One from elsewhere does not hold our file. */
        if (result.outcome != PROTECTION_ABSENT && !result.foreign) {
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
    struct service_report service;
    if (!service_query(&service)) {
        return verb_system_error(verb, "the service cannot be queried", GetLastError());
    }
    if (service.exists && !plan->before.service) {
        return verb_error(verb, "there is a service of this name that this program did not make; "
                                "nothing was changed");
    }
    plan->had_service = service.exists;
    plan->service_ran = service.exists && service.state != SERVICE_STOPPED;
    const struct planned_file *agent = &plan->file[INSTALLED_AGENT];
    return agent->copy && agent->exists ? require_no_agent(verb) : CLI_DONE;
}

/* `done`: only the new contents are ours; otherwise the old ones too. */
static LSTATUS write_record(const struct installation_plan *plan, bool done)
{
    struct installation_record record = {.event_log = true, .service = true};
    wide_from_utf8(RPCFW_VERSION, record.release, ARRAYSIZE(record.release));
    if (running_program_is_installed() && plan->before.policy[0]) {
        wcscpy(record.policy, plan->before.policy);
    } else if (!beside_manager(POLICY_FILE_NAME, record.policy)) {
        return (LSTATUS)GetLastError();
    }
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        const struct planned_file *file = &plan->file[i];
        struct recorded_file *recorded = &record.file[i];
        if (file->in_place) {
            continue;
        }
        recorded->digest[recorded->count++] = file->source_digest;
        if (!done && file->exists && file->copy) {
            recorded->digest[recorded->count++] = file->target_digest;
        }
    }
    return installation_record_write(&record);
}

static void undo(const struct installation_plan *plan, struct installation_progress *progress)
{
    if (progress->created_service) {
        service_remove();
    }
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
    wchar_t folder[MAX_PATH];
    if (progress->created_folder && installed_folder_path(folder)) {
        RemoveDirectoryW(folder);
    }
    if (progress->recorded && plan->had_record) {
        installation_record_write(&plan->before);
    } else if (progress->recorded) {
        installation_record_remove();
    }
}

static bool make_folder(bool *created)
{
    wchar_t folder[MAX_PATH];
    if (!installed_folder_path(folder)) {
        return false;
    }
    *created = CreateDirectoryW(folder, NULL);
    return *created || GetLastError() == ERROR_ALREADY_EXISTS;
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
    *what = "the folder in Program Files cannot be made";
    if (!make_folder(&progress->created_folder)) {
        return GetLastError();
    }
    *what = "the files cannot be copied to System32 and Program Files";
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
    *what = "the service cannot be made";
    progress->created_service = !plan->had_service;
    DWORD refused =
        service_install(plan->file[INSTALLED_MANAGER].target, &progress->missing_settings);
    if (refused) {
        return refused;
    }
    *what = "who installs cannot be noted";
    error = installation_record_note_installer();
    if (error) {
        return (DWORD)error;
    }
    *what = "the registry cannot be written";
    return (DWORD)write_record(plan, true);
}

static void note_settings(const struct cli_verb *verb, unsigned missing)
{
    char list[256] = "";
    size_t used = 0;
    for (unsigned i = 0; i < SERVICE_SETTING_COUNT && used < sizeof(list); i++) {
        if (missing & 1u << i) {
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                                     service_setting_name(i));
        }
    }
    if (missing) {
        verb_note(verb, "note: settings of the service that this Windows does not take: %s", list);
    }
}

/* It ran before, so it is to run again, whatever became of the installation. */
static void restart_service(const struct cli_verb *verb, const struct installation_plan *plan)
{
    DWORD error = plan->service_ran ? service_start(SERVICE_TIMEOUT) : ERROR_SUCCESS;
    const char *why = service_start_failure(error);
    if (why) {
        verb_error(verb, "the service does not start again: %s", why);
    } else if (error) {
        verb_system_error(verb, "the service does not start again", error);
    }
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
    if (plan.service_ran) {
        service_stop(SERVICE_TIMEOUT);
    }
    DWORD error = carry_out(&plan, &progress, &what);
    if (error) {
        undo(&plan, &progress);
        restart_service(verb, &plan);
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
    note_settings(verb, progress.missing_settings);
    restart_service(verb, &plan);
    if (!plan.service_ran) {
        printf("the service \"RPC Firewall\" starts with the machine, or now with \"" MANAGER_NAME
               " start\"\n");
    }
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
