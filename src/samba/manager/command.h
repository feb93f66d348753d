/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other programs that the manager asks: smbd, systemctl. Waits for each; no shell. */
#ifndef RPCFW_SAMBA_MANAGER_COMMAND_H
#define RPCFW_SAMBA_MANAGER_COMMAND_H

#include <stddef.h>

/*
 * Runs argv[0] (an absolute path) to its end, its standard input empty. What it writes to standard
 * output goes, cut and zero-terminated, into `output`, or nowhere when that is NULL; its errors go
 * to ours. Returns its exit code, 128 + the number of the signal that ended it, or -errno.
 */
int command_run(const char *const *argv, char *output, size_t size);

/* The first of these paths that can be executed; NULL: none. `paths` ends with NULL. */
const char *command_find(const char *const *paths);

#endif
