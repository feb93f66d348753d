/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "samba/manager/apparmor.h"
#include "samba/manager/process_maps.h"
#include "samba/manager/samba_modules.h"
#include "samba/manager/service_control.h"
#include "samba/manager/service_text.h"

#define MEND_INSTALL "rpcfw install"
#define MEND_UPDATE  "rpcfw update"

/* Below both the audit will soon have no room. */
#define DISK_LOW_PERCENT 5
#define DISK_LOW_BYTES   ((uint64_t)256 << 20)

/* ---- Samba and the agent's file ---- */

/* Packages make the links relative. */
static bool is_same_file(const char *one, const char *other)
{
    struct stat first;
    struct stat second;
    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* How a module folder's link stands. */
static void check_link(struct examination *examination, const char *folder, bool *linked)
{
    char link[PATH_MAX + 64];
    char target[PATH_MAX];
    snprintf(link, sizeof(link), "%s/rpcfirewall.so", folder);
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    target[length > 0 ? length : 0] = '\0';
    if (length <= 0) {
        return;
    }
    *linked = true;
    if (access(link, R_OK) != 0) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL, "%s leads to %s, which is not there",
                   link, target);
    } else if (!is_same_file(link, examination->agent_path)) {
        doctor_add(examination, FINDING_WARNING, MEND_INSTALL,
                   "%s leads to %s, not to the agent of this release", link, target);
    }
}

static bool has_drop_in(void)
{
    static const char *const units[] = {"samba-ad-dc",   "smbd",  "winbind",
                                        "samba-dcerpcd", "samba", "smb"};
    char path[128];
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        snprintf(path, sizeof(path), "/etc/systemd/system/%s.service.d/rpcfw.conf", units[i]);
        if (access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static void check_modules(struct examination *examination)
{
    char modules[PATH_MAX];
    unsigned linked = 0;
    bool told;
    if (!samba_modules_find(modules, &told)) {
        doctor_add(examination, FINDING_WARNING, NULL, "there is no Samba on this host");
        return;
    }
    for (size_t i = 0; i < SAMBA_MODULE_KINDS; i++) {
        char folder[PATH_MAX + 32];
        bool link = false;
        snprintf(folder, sizeof(folder), "%s/%s", modules, samba_module_kinds[i]);
        check_link(examination, folder, &link);
        linked += link;
    }
    if (linked < SAMBA_MODULE_KINDS && !has_drop_in()) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL,
                   "Samba does not load the agent from %s, so servers that start are not "
                   "protected (a newer Samba may look there and an older one have looked "
                   "elsewhere)",
                   modules);
    }
}

static void check_agent_file(struct examination *examination)
{
    struct stat status;
    if (!examination->agent_path[0]) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL, "the agent is not installed");
    } else if (stat(examination->agent_path, &status) != 0) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL, "%s cannot be read: %s",
                   examination->agent_path, strerror(errno));
    } else if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH))) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL,
                   "others than root may change %s, which runs in root's processes",
                   examination->agent_path);
    }
}

/* ---- Processes ---- */

static void check_mode(struct examination *examination)
{
    if (!examination->status->present) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL,
                   "the firewall is not set up on this host");
    } else if (!examination->status->on) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL,
                   "protection is switched off: servers that start are not protected");
    }
}

/* What helps against the reason that status gives. */
static void mend_uncovered(const struct process_status *process, char *mend, size_t size)
{
    if (process->has_view && process->view.reason == AGENT_REASON_UNKNOWN_SAMBA) {
        snprintf(mend, size,
                 "install a release of rpcfw that knows this Samba, or write "
                 "`option unsupported closed` in " POLICY_FILE " to let no call pass");
    } else if (process->facts.label[0] && !strstr(process->facts.label, "unconfined")) {
        snprintf(mend, size,
                 "let its profile map " RPCFW_AGENT_DIRECTORY "/*.so and write " STATE_DIRECTORY
                 " (for AppArmor: the rules of " APPARMOR_RULES "), then rpcfw pid %d",
                 (int)process->facts.pid);
    } else {
        snprintf(mend, size, "rpcfw pid %d", (int)process->facts.pid);
    }
}

static void check_processes(struct examination *examination)
{
    const struct host_status *status = examination->status;
    if (!status->present && status->process_count) {
        doctor_add(examination, FINDING_FAULT, MEND_INSTALL,
                   "%zu processes of Samba's are not protected", status->process_count);
    }
    for (size_t i = 0; status->present && i < status->process_count; i++) {
        const struct process_status *process = &status->processes[i];
        char mend[512];
        if (process->covered) {
            continue;
        }
        mend_uncovered(process, mend, sizeof(mend));
        doctor_add(examination, FINDING_FAULT, mend, "process %d (%s %s) is not protected: %s",
                   (int)process->facts.pid, process->facts.name, process->facts.title,
                   process->reason);
    }
    if (status->elsewhere) {
        doctor_add(examination, FINDING_WARNING, "run rpcfw in the container",
                   "%zu processes of a Samba in a container are not protected from here",
                   status->elsewhere);
    }
}

static void check_older(struct examination *examination)
{
    const struct host_status *status = examination->status;
    for (size_t i = 0; i < status->process_count; i++) {
        const struct process_status *process = &status->processes[i];
        if (process->covered && process->older) {
            doctor_add(examination, FINDING_WARNING, MEND_INSTALL,
                       "process %d (%s) runs an agent of release %s that is not the installed one",
                       (int)process->facts.pid, process->facts.name, process->view.release);
        }
    }
}

/* An rpcd_* that got the agent as a module served its first calls without it. */
static void check_environment(struct examination *examination)
{
    const struct host_status *status = examination->status;
    for (size_t i = 0; i < status->process_count; i++) {
        const struct process_status *process = &status->processes[i];
        if (process->covered && process->view.loading == AGENT_LOADED_MODULE &&
            strncmp(process->facts.name, "rpcd_", 5) == 0 &&
            !process_started_with(process->facts.pid, "LD_PRELOAD", "rpcfirewall")) {
            doctor_add(examination, FINDING_WARNING,
                       "restart Samba; if samba-dcerpcd has a unit of its own: rpcfw install "
                       "--preload; if AppArmor starts it (Px), let it keep its environment (px)",
                       "process %d (%s) was started without LD_PRELOAD, by a samba-dcerpcd without "
                       "the agent or through AppArmor: its first calls passed unseen",
                       (int)process->facts.pid, process->facts.name);
        }
    }
}

/* ---- What confines ---- */

static bool read_word(const char *path, char *word, size_t size)
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(word, (int)size, file);
    if (file) {
        fclose(file);
    }
    if (good) {
        word[strcspn(word, "\n")] = '\0';
    }
    return good;
}

static void check_tracing(struct examination *examination)
{
    char scope[16];
    if (read_word("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) &&
        strcmp(scope, "3") == 0) {
        doctor_add(examination, FINDING_WARNING,
                   "restart the machine with kernel.yama.ptrace_scope below 3",
                   "kernel.yama.ptrace_scope is 3: processes that run cannot be protected or "
                   "unprotected, only those that start");
    }
}

/* How many processes run under that profile, and whether one of them is protected. */
static size_t count_confined(const struct host_status *status, const char *profile, bool *covered)
{
    size_t length = strlen(profile);
    size_t count = 0;
    *covered = false;
    for (size_t i = 0; i < status->process_count; i++) {
        const struct process_facts *facts = &status->processes[i].facts;
        if (strncmp(facts->label, profile, length) == 0 &&
            (facts->label[length] == '\0' || facts->label[length] == ' ')) {
            count++;
            *covered = *covered || status->processes[i].covered;
        }
    }
    return count;
}

static bool is_samba_profile(const char *profile)
{
    static const char *const parts[] = {"smbd", "winbindd", "samba", "rpcd"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(profile, parts[i])) {
            return true;
        }
    }
    return false;
}

static void check_profile(struct examination *examination, const char *profile)
{
    bool covered;
    size_t confined = count_confined(examination->status, profile, &covered);
    bool reach = apparmor_rules_reach(profile);
    /* Rules that nobody has tried yet are taken for good. */
    if (covered || (reach && !confined)) {
        return;
    }
    doctor_add(
        examination, FINDING_WARNING,
        reach ? "rpcfw install, which loads the profile again"
              : "let the profile include <abstractions/samba>, or the rules of " APPARMOR_RULES
                ", then: rpcfw install",
        "AppArmor confines %s; nothing under that profile is protected now, %s", profile,
        reach ? "though its text has the rules for the agent" : "and it must allow the agent");
}

/* Lines of "smbd (enforce)". */
static void check_apparmor(struct examination *examination)
{
    FILE *profiles = fopen(APPARMOR_LOADED, "re");
    char line[256];
    while (profiles && fgets(line, sizeof(line), profiles)) {
        char *mode = strstr(line, " (enforce)");
        if (!mode) {
            continue;
        }
        *mode = '\0';
        if (is_samba_profile(line)) {
            check_profile(examination, line);
        }
    }
    if (profiles) {
        fclose(profiles);
    }
}

static void check_selinux(struct examination *examination)
{
    char enforcing[8];
    if (!read_word("/sys/fs/selinux/enforce", enforcing, sizeof(enforcing)) ||
        enforcing[0] != '1') {
        return;
    }
    for (size_t i = 0; i < examination->status->process_count; i++) {
        if (!examination->status->processes[i].covered) {
            doctor_add(examination, FINDING_WARNING,
                       "look for denials with `ausearch -m avc`, and allow Samba's domains "
                       "to use " STATE_DIRECTORY,
                       "SELinux is enforcing and some processes are not protected");
            return;
        }
    }
}

/* ---- Policy ---- */

static void check_policy(struct examination *examination)
{
    const struct host_status *status = examination->status;
    char culprit[PATH_MAX];
    if (status->present && !status->generation) {
        doctor_add(examination, FINDING_FAULT, MEND_UPDATE,
                   "no policy is in force: every call passes, and nothing is recorded");
    }
    switch (status->policy_file) {
    case HOST_POLICY_MISSING:
        doctor_add(examination, FINDING_WARNING, MEND_INSTALL, "there is no " POLICY_FILE);
        break;
    case HOST_POLICY_REFUSED:
        doctor_add(examination, FINDING_WARNING, "rpcfw check " POLICY_FILE,
                   POLICY_FILE " has errors, so cannot be put in force");
        break;
    case HOST_POLICY_UNREAD:
        doctor_add(examination, FINDING_WARNING, NULL, POLICY_FILE " cannot be read");
        break;
    case HOST_POLICY_DIFFERS:
        if (status->generation) {
            doctor_add(examination, FINDING_WARNING, MEND_UPDATE,
                       POLICY_FILE " is not what is in force");
        }
        break;
    default:
        break;
    }
    if (host_policy_foreign_writer(culprit)) {
        doctor_add(examination, FINDING_FAULT, "chown root, and chmod go-w",
                   "others than root may change %s, and so decide what the firewall does", culprit);
    }
}

static void check_uptake(struct examination *examination)
{
    const struct host_status *status = examination->status;
    for (size_t i = 0; i < status->process_count; i++) {
        const struct process_status *process = &status->processes[i];
        if (process->covered && process->view.policy_error &&
            process->view.generation < status->generation) {
            doctor_add(examination, FINDING_FAULT, MEND_UPDATE,
                       "process %d (%s) cannot take the policy in force: %s",
                       (int)process->facts.pid, process->facts.name,
                       policy_view_error_text(process->view.policy_error));
        }
    }
}

static void check_modes(struct examination *examination)
{
    static const struct {
        const char *path;
        mode_t wanted;
    } objects[] = {{STATE_DIRECTORY, 0700}, {POLICY_DIRECTORY, 0700}, {POLICY_FILE, 0600}};
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        struct stat status;
        if (stat(objects[i].path, &status) == 0 &&
            (status.st_uid != 0 || (status.st_mode & 0777 & ~objects[i].wanted))) {
            char mend[128];
            snprintf(mend, sizeof(mend), "chown root %s && chmod %03o %s", objects[i].path,
                     (unsigned)objects[i].wanted, objects[i].path);
            doctor_add(examination, FINDING_WARNING, mend,
                       "%s has the mode %03o and user %u; an intruder reads there what is watched",
                       objects[i].path, (unsigned)(status.st_mode & 0777), (unsigned)status.st_uid);
        }
    }
}

/* ---- Events ---- */

static void check_service(struct examination *examination)
{
    if (examination->status->present && !examination->status->service_runs) {
        doctor_add(examination, FINDING_FAULT,
                   systemd_runs() ? "systemctl start " SERVICE_UNIT : "rpcfw install",
                   "the service does not run: events are not written, and lost when the ring is "
                   "full");
    }
}

static void check_ring(struct examination *examination)
{
    const struct host_status *status = examination->status;
    if (status->ring_fill > EVENT_RING_CAPACITY / 2) {
        doctor_add(examination, FINDING_WARNING, "audit fewer calls, or give the log a faster disk",
                   "%" PRIu32 " of %u places for events are taken: soon some will be lost",
                   status->ring_fill, EVENT_RING_CAPACITY);
    }
}

static void check_sink(struct examination *examination, const char *name,
                       const struct sink_report *sink)
{
    char text[SERVICE_TEXT_SIZE];
    if (sink->state == SINK_FAILS) {
        service_sink_text(sink, text);
        doctor_add(examination, FINDING_FAULT, "mend that; the service tries again by itself",
                   "the %s %s", name, text);
    } else if (sink->state == SINK_ABSENT) {
        doctor_add(examination, FINDING_WARNING, "start systemd-journald, or `option journal off`",
                   "there is no journal on this host");
    }
}

static void check_disk(struct examination *examination, const char *file)
{
    char folder[sizeof(((struct service_page *)0)->file_path)];
    struct statvfs disk;
    snprintf(folder, sizeof(folder), "%s", file);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) {
        return;
    }
    *slash = '\0';
    if (statvfs(folder, &disk) != 0) {
        doctor_add(examination, FINDING_FAULT, "make the folder; the service tries again by itself",
                   "%s, where the audit goes, cannot be used: %s", folder, strerror(errno));
        return;
    }
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t whole = (uint64_t)disk.f_blocks * disk.f_frsize;
    if (whole && left < DISK_LOW_BYTES && left < whole / 100 * DISK_LOW_PERCENT) {
        doctor_add(examination, FINDING_WARNING, "make room there, or rotate the audit more often",
                   "the disk of %s has only %" PRIu64 " MiB left", folder, left >> 20);
    }
}

static void check_audit(struct examination *examination)
{
    const struct service_page *service = &examination->status->service;
    if (!examination->status->has_service) {
        return;
    }
    check_sink(examination, "audit", &service->file);
    check_sink(examination, "journal", &service->journal);
    if (service->file.state != SINK_OFF) {
        check_disk(examination, service_file(service));
    }
}

const struct doctor_check doctor_checks[] = {
    {"protection", check_mode},   {"agent", check_agent_file},
    {"modules", check_modules},   {"processes", check_processes},
    {"release", check_older},     {"environment", check_environment},
    {"apparmor", check_apparmor}, {"selinux", check_selinux},
    {"ptrace", check_tracing},    {"policy", check_policy},
    {"uptake", check_uptake},     {"rights", check_modes},
    {"service", check_service},   {"events", check_ring},
    {"audit", check_audit},       {NULL, NULL},
};
