/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/install_plan.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/file.h"
#include "samba/manager/agent_file.h"
#include "samba/manager/apparmor.h"
#include "samba/manager/host_policy.h"
#include "samba/manager/placed_texts.h"
#include "samba/manager/samba_modules.h"
#include "samba/manager/service_control.h"

#define PROGRAM_IN_UNIT "/usr/bin/rpcfw"
#define UNIT_FOLDER     "/etc/systemd/system"
#define LOGROTATE_FILE  "/etc/logrotate.d/rpcfw"

static int cannot_plan(const struct cli_verb *verb)
{
    return verb_error(verb, "what to install cannot be told: out of memory, or a path is too long");
}

/* ---- What is there ---- */

/* Whether a package of this firewall brought the file. */
static bool package_owns(const char *path)
{
    glob_t lists = {0};
    bool owns = false;
    char line[PATH_MAX];
    if (glob("/var/lib/dpkg/info/rpcfw*.list", 0, NULL, &lists) == 0) {
        for (size_t i = 0; !owns && i < lists.gl_pathc; i++) {
            FILE *list = fopen(lists.gl_pathv[i], "re");
            while (list && !owns && fgets(line, sizeof(line), list)) {
                line[strcspn(line, "\n")] = '\0';
                owns = strcmp(line, path) == 0;
            }
            if (list) {
                fclose(list);
            }
        }
        globfree(&lists);
    }
    return owns;
}

bool install_plan_is_packaged(void)
{
    char agent[PATH_MAX];
    return agent_file_installed(agent) && package_owns(agent);
}

static bool is_in_system_folder(const char *path)
{
    static const char *const folders[] = {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/",
                                          "/usr/local/sbin/"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0 && !strchr(path + length, '/')) {
            return true;
        }
    }
    return false;
}

/* ---- Objects ---- */

static bool add_folder(struct install_plan *plan, mode_t mode, const char *path)
{
    for (size_t i = 0; i < plan->list.count; i++) {
        if (strcmp(plan->list.items[i].path, path) == 0) {
            return true;
        }
    }
    return placement_add(&plan->list, PLACED_FOLDER, mode, path) != NULL;
}

static bool add_text(struct install_plan *plan, mode_t mode, const char *path, const char *text)
{
    struct placed_object *object = placement_add(&plan->list, PLACED_FILE, mode, path);
    return object && placement_fill(object, text, strlen(text));
}

/* A copy of a file. `bytes` are freed. */
static bool add_copy(struct install_plan *plan, mode_t mode, const char *path, void *bytes,
                     size_t size)
{
    struct placed_object *object = placement_add(&plan->list, PLACED_FILE, mode, path);
    bool good = object && placement_fill(object, bytes, size);
    free(bytes);
    return good;
}

static bool add_link(struct install_plan *plan, const char *path, const char *target)
{
    struct placed_object *object = placement_add(&plan->list, PLACED_LINK, 0, path);
    if (!object || strlen(target) >= sizeof(object->target)) {
        return false;
    }
    snprintf(object->target, sizeof(object->target), "%s", target);
    return true;
}

/* ---- The agent and the program ---- */

static int plan_agent(const struct cli_verb *verb, struct install_plan *plan)
{
    char source[PATH_MAX];
    const char *why = "";
    size_t size;
    if (agent_file_installed(plan->agent_path) && package_owns(plan->agent_path)) {
        return CLI_DONE;
    }
    /* Without one to copy, what an earlier installation put there is good. */
    void *bytes = agent_file_beside_program(source)
                      ? file_load(source, PLACEMENT_FILE_MAX, &size, &why)
                      : NULL;
    if (!bytes && agent_file_installed(source)) {
        bytes = file_load(source, PLACEMENT_FILE_MAX, &size, &why);
    }
    if (!bytes) {
        return verb_error(verb,
                          "there is no agent to install: rpcfirewall.so is not beside this program "
                          "(%s)",
                          why);
    }
    snprintf(plan->agent_path, sizeof(plan->agent_path),
             RPCFW_AGENT_DIRECTORY "/rpcfirewall-" RPCFW_VERSION "-%012" PRIx64 ".so",
             placement_digest(bytes, size) >> 16);
    return add_folder(plan, 0755, RPCFW_AGENT_DIRECTORY) &&
                   add_copy(plan, 0644, plan->agent_path, bytes, size)
               ? CLI_DONE
               : cannot_plan(verb);
}

/* The service must not run a program out of somebody's build folder. */
static int plan_program(const struct cli_verb *verb, struct install_plan *plan)
{
    char self[PATH_MAX];
    const char *why;
    size_t size;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0) {
        return verb_system_error(verb, "this program cannot be found", errno);
    }
    self[length] = '\0';
    if (is_in_system_folder(self)) {
        snprintf(plan->program_path, sizeof(plan->program_path), "%s", self);
        return CLI_DONE;
    }
    snprintf(plan->program_path, sizeof(plan->program_path), "%s", RPCFW_AGENT_DIRECTORY "/rpcfw");
    void *bytes = file_load("/proc/self/exe", PLACEMENT_FILE_MAX, &size, &why);
    if (!bytes) {
        return verb_error(verb, "this program cannot be read: %s", why);
    }
    return add_folder(plan, 0755, RPCFW_AGENT_DIRECTORY) &&
                   add_copy(plan, 0755, plan->program_path, bytes, size)
               ? CLI_DONE
               : cannot_plan(verb);
}

/* ---- How Samba loads it ---- */

static int plan_modules(const struct cli_verb *verb, struct install_plan *plan)
{
    bool told;
    if (!samba_modules_find(plan->modules, &told)) {
        return verb_error(verb, "there is no Samba on this host: no smbd tells where its modules "
                                "are, and none are at the usual places");
    }
    for (size_t i = 0; i < SAMBA_MODULE_KINDS; i++) {
        char folder[PATH_MAX + 64];
        char link[PATH_MAX + 128];
        snprintf(folder, sizeof(folder), "%s/%s", plan->modules, samba_module_kinds[i]);
        snprintf(link, sizeof(link), "%s/rpcfirewall.so", folder);
        if (package_owns(link)) {
            continue;
        }
        if (!add_folder(plan, 0755, folder) || !add_link(plan, link, plan->agent_path)) {
            return cannot_plan(verb);
        }
    }
    return CLI_DONE;
}

static bool unit_exists(const char *unit)
{
    static const char *const folders[] = {UNIT_FOLDER, "/usr/lib/systemd/system",
                                          "/lib/systemd/system"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], unit);
        if (access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static int plan_drop_ins(const struct cli_verb *verb, struct install_plan *plan)
{
    /* As Debian and as Red Hat call them. */
    static const char *const units[] = {"samba-ad-dc.service",   "smbd.service",  "winbind.service",
                                        "samba-dcerpcd.service", "samba.service", "smb.service"};
    char text[PATH_MAX + 128];
    snprintf(text, sizeof(text),
             "# Made by rpcfw install --preload.\n[Service]\n"
             "Environment=LD_PRELOAD=%s\n",
             plan->agent_path);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char folder[PATH_MAX];
        char file[PATH_MAX + 32];
        if (!unit_exists(units[i])) {
            continue;
        }
        snprintf(folder, sizeof(folder), UNIT_FOLDER "/%s.d", units[i]);
        snprintf(file, sizeof(file), "%s/rpcfw.conf", folder);
        if (!add_folder(plan, 0755, folder) || !add_text(plan, 0644, file, text)) {
            return cannot_plan(verb);
        }
        plan->drop_ins++;
    }
    return plan->drop_ins ? CLI_DONE
                          : verb_error(verb, "systemd has no unit of Samba's on this host, so "
                                             "--preload has nothing to add to");
}

/* ---- Policy, service, logrotate ---- */

static int plan_policy(const struct cli_verb *verb, struct install_plan *plan)
{
    if (!add_folder(plan, 0700, POLICY_DIRECTORY) ||
        !add_text(plan, 0600, POLICY_FILE, placed_policy_text)) {
        return cannot_plan(verb);
    }
    plan->list.items[plan->list.count - 1].users = true;
    return CLI_DONE;
}

/* The unit with the program's path in it; NULL: out of memory. */
static char *unit_text(const char *program)
{
    const char *text = placed_unit_text;
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    if (!out) {
        return NULL;
    }
    for (const char *at; (at = strstr(text, PROGRAM_IN_UNIT " "));
         text = at + strlen(PROGRAM_IN_UNIT)) {
        fprintf(out, "%.*s%s", (int)(at - text), text, program);
    }
    fputs(text, out);
    return fclose(out) == 0 ? made : NULL;
}

static int plan_service(const struct cli_verb *verb, struct install_plan *plan)
{
    bool good = true;
    if (access("/usr/lib/systemd/system/" SERVICE_UNIT, F_OK) != 0 &&
        access("/lib/systemd/system/" SERVICE_UNIT, F_OK) != 0 && access(UNIT_FOLDER, F_OK) == 0) {
        char *text = unit_text(plan->program_path);
        good = text && add_text(plan, 0644, UNIT_FOLDER "/" SERVICE_UNIT, text);
        free(text);
    }
    if (good && access("/etc/logrotate.d", F_OK) == 0 && !package_owns(LOGROTATE_FILE)) {
        good = add_text(plan, 0644, LOGROTATE_FILE, placed_logrotate_text);
    }
    return good ? CLI_DONE : cannot_plan(verb);
}

/* ---- What confines Samba ---- */

static int plan_apparmor(const struct cli_verb *verb, struct install_plan *plan)
{
    if (access(APPARMOR_ABSTRACTIONS, F_OK) != 0 || package_owns(APPARMOR_RULES)) {
        return CLI_DONE;
    }
    return add_folder(plan, 0755, APPARMOR_RULES_FOLDER) &&
                   add_text(plan, 0644, APPARMOR_RULES, placed_apparmor_text)
               ? CLI_DONE
               : cannot_plan(verb);
}

int install_plan_make(const struct cli_verb *verb, bool preload, struct install_plan *plan)
{
    *plan = (struct install_plan){.drop_ins = 0};
    int code = plan_agent(verb, plan);
    if (code == CLI_DONE) {
        code = plan_program(verb, plan);
    }
    if (code == CLI_DONE) {
        code = preload ? plan_drop_ins(verb, plan) : plan_modules(verb, plan);
    }
    if (code == CLI_DONE) {
        code = plan_apparmor(verb, plan);
    }
    if (code == CLI_DONE) {
        code = plan_policy(verb, plan);
    }
    if (code == CLI_DONE) {
        code = plan_service(verb, plan);
    }
    if (code != CLI_DONE) {
        placement_free(&plan->list);
    }
    return code;
}
