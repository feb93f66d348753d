/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LD_PRELOAD of this process, which its children inherit when they execute another program.
 *
 * Samba's RPC daemons are such children, and load nothing by themselves before their first call: so
 * the agent, where it is, adds its own path. What others put there stays. Allocates (setenv); the
 * thread that attaches or detaches alone.
 */
#ifndef RPCFW_SAMBA_PRELOAD_LIST_H
#define RPCFW_SAMBA_PRELOAD_LIST_H

#include <stdbool.h>

bool preload_list_has(const char *path);

/* False: the path cannot be written into the list (a colon or a blank in it), or no memory. */
bool preload_list_add(const char *path);
void preload_list_remove(const char *path);

#endif
