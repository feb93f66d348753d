/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/verbs.h"

#include <stdio.h>

#include "windows/manager/event_log_key.h"
#include "windows/manager/file_digest.h"
#include "windows/manager/file_placement.h"
#include "windows/manager/filter_control.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/service/last_policy.h"
#include "windows/manager/service/process_starts.h"
#include "windows/manager/service/service_control.h"
#include "windows/manager/verb_unprotect.h"
#include "windows/policy_section.h"

/* Milliseconds that the service may take to stop: a process may be slow to load the agent. */
#define SERVICE_TIMEOUT 30000

/* True when no agent is left in any process. */
static bool unprotect_all(const struct cli_verb *verb)
{
    struct process_list list;
    struct process_tally tally = {0};
    if (!process_list_take(&list)) {
        verb_system_error(verb, "the processes cannot be listed", GetLastError());
        return false;
    }
    bool complete = unprotect_processes(&list, false, &tally);
    process_list_free(&list);
    if (complete && !tally.by_outcome[PROTECTION_REFUSED] &&
        !tally.by_outcome[PROTECTION_DRAINING]) {
        return true;
    }
    verb_error(verb, "an agent is left, or may be, in the processes named above; nothing was "
                     "uninstalled");
    return false;
}

/* Removes what install put there, and only that. */
static bool remove_files(const struct cli_verb *verb, const struct installation_record *record)
{
    bool complete = true;
    for (unsigned i = 0; i < INSTALLED_FILE_COUNT; i++) {
        wchar_t path[MAX_PATH];
        uint64_t digest;
        if (i == INSTALLED_MANAGER && !record->file[i].count) {
            continue; /* unpacked in its place, not copied there */
        }
        if (!installed_file_path(i, path)) {
            complete = false;
        } else if (!file_digest(path, &digest) && GetLastError() != ERROR_FILE_NOT_FOUND &&
                   GetLastError() != ERROR_PATH_NOT_FOUND) {
            verb_system_error(verb, "an installed file cannot be read", GetLastError());
            complete = false;
        } else if (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES &&
                   !installation_record_owns(record, i, digest)) {
            verb_note(verb, "the installed %ls was replaced since; it is left alone",
                      installed_file_names[i]);
        } else if (!file_remove(path)) {
            verb_system_error(verb, "an installed file cannot be removed", GetLastError());
            complete = false;
        }
    }
    return complete;
}

static int remove_installation(const struct cli_verb *verb,
                               const struct installation_record *record)
{
    struct filter_change filters;
    if (filter_control_stop(verb, &filters) != CLI_DONE) {
        return CLI_ERROR;
    }
    filter_control_print(&filters);
    DWORD failure = record->service ? service_remove() : ERROR_SUCCESS;
    if (failure) {
        return verb_system_error(verb, "the service cannot be removed", failure);
    }
    failure = process_starts_discard(&process_starts_windows);
    if (failure) {
        verb_note(verb,
                  "the service's tracing session may be left until the machine starts again: "
                  "error %lu",
                  failure);
    }
    if (!remove_files(verb, record)) {
        return CLI_ERROR;
    }
    LSTATUS error = record->event_log ? event_log_key_remove() : ERROR_SUCCESS;
    if (error) {
        return verb_system_error(verb, "the event log cannot be unregistered", (DWORD)error);
    }
    if (!last_policy_remove()) {
        return verb_system_error(verb, "the last policy cannot be removed", GetLastError());
    }
    wchar_t folder[MAX_PATH];
    if (installed_folder_path(folder)) {
        RemoveDirectoryW(folder); /* unless somebody has put something else there */
    }
    /* Last, so that an uninstall that failed before can be run again. */
    error = installation_record_remove();
    if (error) {
        return verb_system_error(verb, "the registry cannot be written", (DWORD)error);
    }
    printf("uninstalled; RpcFw.conf and the log's records stay\n");
    return CLI_DONE;
}

static int uninstall(const struct cli_verb *verb)
{
    struct installation_record record;
    LSTATUS error = installation_record_read(&record);
    if (error == ERROR_FILE_NOT_FOUND) {
        verb_note(verb, "it is not installed; there is nothing to undo");
        return CLI_DONE;
    }
    if (error) {
        return verb_system_error(verb, "the record of the installation cannot be read",
                                 (DWORD)error);
    }
    /* First, or it would bring the agents back. */
    DWORD failure = record.service ? service_stop(SERVICE_TIMEOUT) : ERROR_SUCCESS;
    if (failure && failure != ERROR_SERVICE_NOT_ACTIVE && failure != ERROR_SERVICE_DOES_NOT_EXIST) {
        return verb_system_error(verb, "the service does not stop", failure);
    }
    return unprotect_all(verb) ? remove_installation(verb, &record) : CLI_ERROR;
}

int verb_uninstall(const struct cli_verb *verb, int argc, char **argv)
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
    code = uninstall(verb);
    policy_manager_unlock(mutex);
    return code;
}
