/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/manager/process_scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVER_LIBRARY "libdcerpc-server-core.so"

bool is_agent_file(const char *file_name)
{
    static const char prefix[] = "rpcfirewall";
    static const char suffix[] = ".so";
    size_t length = strlen(file_name);
    return length >= sizeof(prefix) + sizeof(suffix) - 2 &&
           strncmp(file_name, prefix, sizeof(prefix) - 1) == 0 &&
           strcmp(file_name + length - (sizeof(suffix) - 1), suffix) == 0;
}

/* An agent in them hands itself on to what they start. */
static bool starts_servers(const struct process_facts *facts)
{
    static const char *const daemons[] = {"samba", "smbd", "winbindd", "samba-dcerpcd"};
    for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
        if (strcmp(facts->name, daemons[i]) == 0) {
            return true;
        }
    }
    return false;
}

struct look {
    struct scanned_process *process;
    bool out_of_memory;
};

static bool look_at(const struct mapped_range *range, void *context)
{
    struct look *look = context;
    struct scanned_process *process = look->process;
    const char *name = path_name(range->path);
    if (strncmp(name, SERVER_LIBRARY, strlen(SERVER_LIBRARY)) == 0) {
        process->serves = true;
    }
    if (!is_agent_file(name) || !range->executable) {
        return true;
    }
    if (process->agent_count == MAPPED_AGENTS_MAX ||
        scanned_process_has_agent(process, range->path)) {
        return true;
    }
    struct mapped_agent *agent = &process->agents[process->agent_count];
    agent->path = strdup(range->path);
    agent->replaced = range->deleted;
    look->out_of_memory = !agent->path;
    process->agent_count += agent->path != NULL;
    return !look->out_of_memory;
}

bool scanned_process_has_agent(const struct scanned_process *process, const char *path)
{
    for (size_t i = 0; i < process->agent_count; i++) {
        if (strcmp(path_name(process->agents[i].path), path_name(path)) == 0) {
            return true;
        }
    }
    return false;
}

bool process_scan_one(pid_t pid, struct scanned_process *process)
{
    *process = (struct scanned_process){0};
    struct look look = {.process = process};
    if (process_maps_walk(pid, look_at, &look) != 0 || look.out_of_memory ||
        !process_facts_read(pid, &process->facts)) {
        scanned_process_free(process);
        return false;
    }
    process->starts = starts_servers(&process->facts);
    return true;
}

void scanned_process_free(struct scanned_process *process)
{
    for (size_t i = 0; i < process->agent_count; i++) {
        free(process->agents[i].path);
    }
    process->agent_count = 0;
}

/* Takes over what the process owns. False: out of memory. */
static bool append(struct process_list *list, struct scanned_process *process)
{
    struct scanned_process *items =
        reallocarray(list->items, list->count + 1, sizeof(*list->items));
    if (!items) {
        scanned_process_free(process);
        return false;
    }
    list->items = items;
    list->items[list->count++] = *process;
    return true;
}

static int by_pid(const void *left, const void *right)
{
    pid_t a = ((const struct scanned_process *)left)->facts.pid;
    pid_t b = ((const struct scanned_process *)right)->facts.pid;
    return (a > b) - (a < b);
}

int process_scan(struct process_list *list)
{
    *list = (struct process_list){0};
    DIR *proc = opendir("/proc");
    if (!proc) {
        return -errno;
    }
    int error = 0;
    struct dirent *entry;
    while (!error && (entry = readdir(proc))) {
        struct scanned_process process;
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !process_scan_one((pid_t)strtol(entry->d_name, NULL, 10), &process)) {
            continue;
        }
        if (!process.serves && !process.starts && !process.agent_count) {
            scanned_process_free(&process);
        } else if (!append(list, &process)) {
            error = -ENOMEM;
        }
    }
    closedir(proc);
    if (error) {
        process_list_free(list);
    } else if (list->count) {
        qsort(list->items, list->count, sizeof(*list->items), by_pid);
    }
    return error;
}

void process_list_free(struct process_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        scanned_process_free(&list->items[i]);
    }
    free(list->items);
    *list = (struct process_list){0};
}
