/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/process_facts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "samba/manager/process_maps.h"
#include "samba/state/process_table.h"

#define PROC_PATH_SIZE (PATH_MAX + 64)

static FILE *open_of(pid_t pid, const char *file)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    return fopen(path, "re");
}

static void read_title(struct process_facts *facts)
{
    FILE *title = open_of(facts->pid, "comm");
    if (!title) {
        return;
    }
    if (!fgets(facts->title, sizeof(facts->title), title)) {
        facts->title[0] = '\0';
    }
    facts->title[strcspn(facts->title, "\n")] = '\0';
    fclose(title);
}

/* The text behind "NAME:" and blanks; NULL: another line. */
static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != ':') {
        return NULL;
    }
    line += length + 1;
    return line + strspn(line, " \t");
}

/* "Uid: real effective saved file system": what runs as a user for a moment is root's still. */
static bool is_roots(const char *users)
{
    char *rest;
    unsigned long real = strtoul(users, &rest, 10);
    strtoul(rest, &rest, 10);
    unsigned long saved = strtoul(rest, &rest, 10);
    return real == 0 && saved == 0;
}

static void read_status_line(const char *line, struct process_facts *facts)
{
    const char *value;
    if ((value = value_of(line, "Uid"))) {
        facts->root = is_roots(value);
    } else if ((value = value_of(line, "TracerPid"))) {
        facts->tracer = (pid_t)strtol(value, NULL, 10);
    } else if ((value = value_of(line, "Seccomp"))) {
        facts->seccomp = (int)strtol(value, NULL, 10);
    } else if ((value = value_of(line, "x86_Thread_features"))) {
        facts->shadow_stack = strstr(value, "shstk") != NULL;
    } else if ((value = value_of(line, "State"))) {
        facts->state = value[0];
    }
}

static bool read_status(struct process_facts *facts)
{
    FILE *status = open_of(facts->pid, "status");
    char line[512];
    if (!status) {
        return false;
    }
    while (fgets(line, sizeof(line), status)) {
        read_status_line(line, facts);
    }
    fclose(status);
    return facts->state != 0;
}

static void read_name(struct process_facts *facts)
{
    char link[64];
    char target[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)facts->pid);
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    target[length > 0 ? length : 0] = '\0';
    char *deleted = strstr(target, " (deleted)");
    if (deleted) {
        *deleted = '\0';
    }
    snprintf(facts->name, sizeof(facts->name), "%.63s", path_name(target));
}

/* The AppArmor interface of its own first: with several modules at work `current` is any of them.
 */
static void read_label(struct process_facts *facts)
{
    FILE *label = open_of(facts->pid, "attr/apparmor/current");
    if (!label) {
        label = open_of(facts->pid, "attr/current");
    }
    if (!label) {
        return;
    }
    if (!fgets(facts->label, sizeof(facts->label), label)) {
        facts->label[0] = '\0';
    }
    facts->label[strcspn(facts->label, "\n")] = '\0';
    fclose(label);
}

static void read_namespace(struct process_facts *facts)
{
    char path[64];
    struct stat ours;
    struct stat its;
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)facts->pid);
    facts->elsewhere = stat("/proc/self/ns/pid", &ours) == 0 && stat(path, &its) == 0 &&
                       (ours.st_dev != its.st_dev || ours.st_ino != its.st_ino);
}

bool process_facts_read(pid_t pid, struct process_facts *facts)
{
    *facts = (struct process_facts){.pid = pid};
    if (!read_status(facts)) {
        return false;
    }
    facts->start_time = process_start_time((uint32_t)pid);
    read_name(facts);
    read_title(facts);
    read_label(facts);
    read_namespace(facts);
    return true;
}

bool process_still_runs(const struct process_facts *facts)
{
    char path[64];
    char target[PATH_MAX];
    struct process_facts now;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)facts->pid);
    /* One that has given up its memory has no program any more, and is no zombie yet. */
    return readlink(path, target, sizeof(target)) > 0 && process_facts_read(facts->pid, &now) &&
           now.start_time == facts->start_time && now.state != 'Z' && now.state != 'X';
}

bool process_sees_same_file(pid_t pid, const char *path)
{
    char there[PROC_PATH_SIZE];
    struct stat ours;
    struct stat its;
    snprintf(there, sizeof(there), "/proc/%d/root%s", (int)pid, path);
    return stat(path, &ours) == 0 && stat(there, &its) == 0 && ours.st_dev == its.st_dev &&
           ours.st_ino == its.st_ino;
}

bool process_started_with(pid_t pid, const char *variable, const char *part)
{
    FILE *environment = open_of(pid, "environ");
    size_t length = strlen(variable);
    char *entry = NULL;
    size_t room = 0;
    bool found = false;
    if (!environment) {
        return false;
    }
    while (!found && getdelim(&entry, &room, '\0', environment) > 0) {
        found = strncmp(entry, variable, length) == 0 && entry[length] == '=' &&
                strstr(entry + length + 1, part);
    }
    free(entry);
    fclose(environment);
    return found;
}
