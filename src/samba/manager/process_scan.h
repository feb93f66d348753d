/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes of this host that serve RPC for Samba, and those that hold an agent.
 *
 * Called by the manager and the service on one thread; changes nothing. A list is a picture: its
 * processes may end, and children of theirs begin, before it is looked at.
 */
#ifndef RPCFW_SAMBA_MANAGER_PROCESS_SCAN_H
#define RPCFW_SAMBA_MANAGER_PROCESS_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "samba/manager/process_facts.h"
#include "samba/manager/process_maps.h"

#define MAPPED_AGENTS_MAX 8

struct mapped_agent {
    char *path;
    bool replaced; /* its file is gone, or another by now */
};

struct scanned_process {
    struct process_facts facts;
    bool serves; /* Samba's RPC server library is mapped */
    bool starts; /* a daemon of Samba's that starts such processes, if it is not one itself */
    struct mapped_agent agents[MAPPED_AGENTS_MAX];
    size_t agent_count; /* after upgrades several are mapped; all but one are idle */
};

struct process_list {
    struct scanned_process *items;
    size_t count;
};

/* One process. False: it has ended, or its maps cannot be read. Free with
 * scanned_process_free(). */
bool process_scan_one(pid_t pid, struct scanned_process *process);
void scanned_process_free(struct scanned_process *process);

/* All that serve, start servers, or hold an agent, in the order of their PIDs. 0 or -errno. Free
 * with process_list_free(). */
int process_scan(struct process_list *list);
void process_list_free(struct process_list *list);

/* Whether an agent of that file's name is mapped there. */
bool scanned_process_has_agent(const struct scanned_process *process, const char *path);

/* Whether a file of that name is an agent: rpcfirewall….so. */
bool is_agent_file(const char *file_name);

#endif
