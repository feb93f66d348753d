/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "samba/manager/apparmor.h"
#include "samba/manager/host_policy.h"
#include "samba/manager/install_plan.h"
#include "samba/manager/protect_all.h"
#include "samba/manager/service_control.h"
#include "samba/state/last_policy.h"

struct installation {
    const struct cli_verb *verb;
    struct manager_host host;
    struct install_plan plan;
    struct placement_list before; /* the record as it was */
    struct placement_list after;  /* and as it will be */
    bool put[PLACEMENT_MAX];      /* what of the plan has to be placed */
    bool new_policy;
    bool no_service;
};

/* ---- Before anything changes ---- */

static bool was_recorded(const struct installation *installation, const char *path)
{
    for (size_t i = 0; i < installation->before.count; i++) {
        if (strcmp(installation->before.items[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* The record keeps what it knew of a path. */
static void keep_recorded(struct installation *installation, const char *path)
{
    for (size_t i = 0; i < installation->before.count; i++) {
        struct placed_object *object = &installation->before.items[i];
        if (strcmp(object->path, path) == 0 && installation->after.count < PLACEMENT_MAX) {
            installation->after.items[installation->after.count++] = *object;
        }
    }
}

/* Copies what the record tells of an object; the bytes stay the plan's. */
static void record(struct installation *installation, const struct placed_object *object)
{
    struct placed_object *recorded =
        placement_add(&installation->after, object->kind, object->mode, object->path);
    if (recorded) {
        recorded->digest = object->digest;
        recorded->users = object->users;
        memcpy(recorded->target, object->target, sizeof(recorded->target));
    }
}

static int judge_object(struct installation *installation, size_t index)
{
    const struct placed_object *object = &installation->plan.list.items[index];
    enum placement_verdict verdict = placement_judge(object, &installation->before);
    bool recorded = was_recorded(installation, object->path);
    installation->put[index] = verdict == PLACEMENT_FREE;
    switch (verdict) {
    case PLACEMENT_FREE:
        installation->new_policy = installation->new_policy || object->users;
        record(installation, object);
        return CLI_DONE;
    case PLACEMENT_SAME:
        /* A folder that was there before us stays when we go. */
        if (object->kind != PLACED_FOLDER || recorded) {
            record(installation, object);
        }
        return CLI_DONE;
    case PLACEMENT_KEEP:
        keep_recorded(installation, object->path);
        return CLI_DONE;
    case PLACEMENT_FOREIGN:
        return verb_error(installation->verb,
                          "%s is there, and this program did not put it there; nothing was changed",
                          object->path);
    default:
        return verb_system_error(installation->verb, object->path, errno);
    }
}

/* Everything that can be refused is refused here. */
static int judge(struct installation *installation)
{
    const struct cli_verb *verb = installation->verb;
    int error = placement_record_read(&installation->before);
    if (error) {
        return error == -EPROTO
                   ? verb_error(verb, PLACEMENT_RECORD " is damaged; remove it to install anew")
                   : verb_system_error(verb, PLACEMENT_RECORD, error);
    }
    for (size_t i = 0; i < installation->plan.list.count; i++) {
        int code = judge_object(installation, i);
        if (code != CLI_DONE) {
            return code;
        }
    }
    if (!installation->new_policy) {
        void *image;
        size_t size;
        int code = cli_load_policy(POLICY_FILE, false, &image, &size);
        if (code != CLI_DONE) {
            verb_error(verb, "nothing was changed");
            return code;
        }
        free(image);
    }
    return CLI_DONE;
}

/* ---- Changing ---- */

static void undo(struct installation *installation)
{
    for (size_t i = installation->plan.list.count; i-- > 0;) {
        placement_undo(&installation->plan.list.items[i]);
    }
    if (installation->before.count) {
        placement_record_write(&installation->before, NULL);
    } else {
        last_policy_remove();
        placement_record_remove();
    }
    systemd_reload();
}

static int place(struct installation *installation)
{
    struct placement_list *list = &installation->plan.list;
    int error = placement_record_write(&installation->after, &installation->before);
    if (error) {
        return verb_system_error(installation->verb, PLACEMENT_RECORD, error);
    }
    for (size_t i = 0; i < list->count; i++) {
        error = installation->put[i] ? placement_put(&list->items[i]) : 0;
        if (error) {
            return verb_system_error(installation->verb, list->items[i].path, error);
        }
    }
    return CLI_DONE;
}

static int put_in_force(struct installation *installation)
{
    uint64_t generation = manager_host_generation(&installation->host);
    if (!generation || host_policy_compare(&installation->host) != HOST_POLICY_SAME) {
        int code = host_policy_publish(installation->verb, &installation->host, false, &generation);
        if (code != CLI_DONE) {
            return code;
        }
    }
    printf("policy: %s, generation %" PRIu64 "%s\n", POLICY_FILE, generation,
           installation->new_policy ? ", a new one that allows and records every remote call" : "");
    int error = control_set_mode(installation->host.directory, CONTROL_ON);
    return error ? verb_system_error(installation->verb, "protection cannot be switched on", error)
                 : CLI_DONE;
}

/* What an earlier release placed and this one does not. Agents last: processes may load them until
 * now. */
static void remove_obsolete(struct installation *installation)
{
    for (size_t i = installation->before.count; i-- > 0;) {
        const struct placed_object *object = &installation->before.items[i];
        bool wanted = false;
        for (size_t j = 0; !wanted && j < installation->after.count; j++) {
            wanted = strcmp(installation->after.items[j].path, object->path) == 0;
        }
        if (!wanted && !object->users) {
            placement_remove(object);
        }
    }
}

static void print_placed(const struct installation *installation)
{
    const struct install_plan *plan = &installation->plan;
    printf("agent: %s\n", plan->agent_path);
    if (plan->modules[0]) {
        printf("loaded by Samba as a module, from %s/{%s,%s}\n", plan->modules, "gensec",
               "dcerpc_server");
    } else {
        printf("loaded by LD_PRELOAD, in %u units of systemd: from their next start on\n%s",
               plan->drop_ins,
               install_plan_is_packaged()
                   ? "the package's links in Samba's module folders stay and load the same file\n"
                   : "");
    }
    fflush(stdout);
}

static int protect_running(struct installation *installation)
{
    struct process_tally tally = {0};
    snprintf(installation->host.agent_path, sizeof(installation->host.agent_path), "%s",
             installation->plan.agent_path);
    int code = protect_all(installation->verb, &installation->host, &tally);
    process_tally_print(&tally, "no Samba runs; it is protected from its start on");
    if (code != CLI_DONE) {
        verb_note(installation->verb, "installed, but not every process is protected: restart "
                                      "those, or see `rpcfw doctor`");
    }
    return code;
}

static int carry_out(struct installation *installation)
{
    int code = place(installation);
    if (code == CLI_DONE) {
        code = put_in_force(installation);
    }
    if (code == CLI_DONE) {
        print_placed(installation);
        apparmor_reload(installation->verb);
        if (!installation->no_service) {
            code = service_start(installation->verb, installation->host.directory,
                                 installation->plan.program_path);
        }
    }
    return code;
}

static int install(struct installation *installation)
{
    int code = judge(installation);
    if (code != CLI_DONE) {
        return code;
    }
    code = carry_out(installation);
    if (code != CLI_DONE) {
        undo(installation);
        verb_error(installation->verb, "the files are as they were before");
        return code;
    }
    code = protect_running(installation);
    remove_obsolete(installation);
    int error = placement_record_write(&installation->after, NULL);
    return error ? verb_system_error(installation->verb, PLACEMENT_RECORD, error) : code;
}

int verb_install(const struct cli_verb *verb, int argc, char **argv)
{
    /* Some hundred kilobytes of paths: not for the stack. */
    static struct installation installation;
    struct verb_arguments arguments;
    installation.verb = verb;
    umask(022);
    int code = verb_read_arguments(
        verb, VERB_TAKES_PRELOAD | VERB_TAKES_NO_SERVICE | VERB_TAKES_FOR, argc, argv, &arguments);
    installation.no_service = arguments.no_service;
    if (code == CLI_DONE) {
        code = verb_require_root(verb);
    }
    if (code == CLI_DONE) {
        code = install_plan_make(verb, arguments.preload, &installation.plan);
    }
    if (code == CLI_DONE) {
        code = manager_host_begin_change(verb, &installation.host);
        if (code == CLI_DONE) {
            code = install(&installation);
            manager_host_close(&installation.host);
        }
        placement_free(&installation.plan.list);
    }
    return code;
}
