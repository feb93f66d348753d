/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "samba/manager/apparmor.h"
#include "samba/manager/install_plan.h"
#include "samba/manager/placement.h"
#include "samba/manager/protect_all.h"
#include "samba/manager/service_control.h"
#include "samba/state/last_policy.h"

/* A path may be recorded with two digests: it is told once, by what became of it in the end. */
static bool is_last_of_path(const struct placement_list *record, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(record->items[i].path, record->items[index].path) == 0) {
            return false;
        }
    }
    return true;
}

static int remove_object(const struct cli_verb *verb, const struct placement_list *record,
                         size_t index)
{
    const struct placed_object *object = &record->items[index];
    enum removal removal = placement_remove(object);
    if (removal == REMOVAL_FAILED) {
        return verb_system_error(verb, object->path, errno);
    }
    if (removal == REMOVAL_CHANGED && object->kind != PLACED_FOLDER &&
        is_last_of_path(record, index)) {
        printf("left: %s, changed since it was installed\n", object->path);
    }
    return CLI_DONE;
}

/* Those by which Samba loads the agent, or the others; the last placed first. */
static int remove_objects(const struct cli_verb *verb, const struct placement_list *record,
                          bool loading)
{
    int code = CLI_DONE;
    for (size_t i = record->count; i-- > 0;) {
        const struct placed_object *object = &record->items[i];
        bool loads = object->kind == PLACED_LINK ||
                     (object->kind == PLACED_FILE && strstr(object->path, ".service.d/"));
        if (loads == loading && remove_object(verb, record, i) != CLI_DONE) {
            code = CLI_ERROR;
        }
    }
    return code;
}

/* Idle agents keep the process table mapped, and would be unseen in another one. */
static bool table_is_in_use(const struct process_table *table)
{
    for (size_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        if (atomic_load(&table->entries[i].pid) && process_entry_is_alive(&table->entries[i])) {
            return true;
        }
    }
    return false;
}

/* Only files are in it. What idle agents hold stays until the machine is started again. */
static void remove_state(const struct manager_host *host)
{
    bool keep_table = table_is_in_use(host->table);
    int copy = dup(host->directory);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    /* First, for the policy that it names must be there as long as it is. */
    unlinkat(host->directory, "control", 0);
    while (folder && (entry = readdir(folder))) {
        if (!keep_table || strcmp(entry->d_name, "processes") != 0) {
            unlinkat(host->directory, entry->d_name, 0);
        }
    }
    if (folder) {
        closedir(folder);
    } else if (copy >= 0) {
        close(copy);
    }
    rmdir(STATE_DIRECTORY);
}

static int uninstall(const struct cli_verb *verb, struct manager_host *host,
                     struct placement_list *record)
{
    struct process_tally tally = {0};
    /* First nothing new comes in, then what is in goes out, then what served it. */
    int error = control_set_mode(host->directory, CONTROL_OFF);
    if (error) {
        return verb_system_error(verb, "protection cannot be switched off", error);
    }
    int code = remove_objects(verb, record, true);
    if (!systemd_reload()) {
        code = verb_error(verb, "systemd does not read its units again");
    }
    int unprotected = unprotect_all(verb, host, &tally);
    process_tally_print(&tally, "no process was protected");
    int stopped = service_stop(verb, host->directory);
    if (remove_objects(verb, record, false) != CLI_DONE || code != CLI_DONE) {
        return verb_error(verb, "not everything could be removed; run it again");
    }
    systemd_reload();
    apparmor_reload(verb);
    if (unprotected != CLI_DONE || stopped != CLI_DONE) {
        return verb_error(verb, "removed, but for what is told above; restart Samba, then run it "
                                "again");
    }
    last_policy_remove();
    placement_record_remove();
    remove_state(host);
    printf("removed; the audit in /var/log/rpcfw stays\n");
    return CLI_DONE;
}

int verb_uninstall(const struct cli_verb *verb, int argc, char **argv)
{
    static struct placement_list record; /* some hundred kilobytes */
    struct verb_arguments arguments;
    struct manager_host host;
    int code = verb_read_arguments(verb, 0, argc, argv, &arguments);
    if (code == CLI_DONE) {
        code = verb_require_root(verb);
    }
    /* Samba would load it again at its next start, and find no policy. */
    if (code == CLI_DONE && install_plan_is_packaged()) {
        code = verb_error(verb, "a package brought the agent; nothing was changed: remove the "
                                "package rpcfw-samba, or switch it off with `rpcfw unprotect`");
    }
    if (code == CLI_DONE) {
        code = manager_host_begin_change(verb, &host);
    }
    if (code != CLI_DONE) {
        return code;
    }
    int error = placement_record_read(&record);
    if (error == -EPROTO) {
        code = verb_error(verb, PLACEMENT_RECORD " is damaged; nothing was changed");
    } else if (error) {
        code = verb_system_error(verb, PLACEMENT_RECORD, error);
    } else {
        code = uninstall(verb, &host, &record);
    }
    manager_host_close(&host);
    return code;
}
