/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last policy that was put in force, kept over a restart of the machine.
 *
 * /run is empty after a boot. When RpcFw.conf was broken meanwhile, the service puts this policy in
 * force again rather than none. Written by whoever published, read by the service alone; compiled,
 * so that it means what it meant. Called on one thread, holding the managers' lock.
 */
#ifndef RPCFW_SAMBA_LAST_POLICY_H
#define RPCFW_SAMBA_LAST_POLICY_H

#include <stddef.h>

#include "samba/state/state_directory.h"

#define LAST_POLICY_DIRECTORY "/var/lib/rpcfw"
#define LAST_POLICY_NAME      "last-policy"
#define LAST_POLICY_FILE      LAST_POLICY_DIRECTORY "/" LAST_POLICY_NAME

/* Replaces the file as a whole, also on the disk. 0 or -errno, and then the old one is still there.
 */
int last_policy_save(const void *image, size_t size);

/* Maps it: a valid image at the start of the mapping, to be freed with state_file_unmap(). 0,
 * -ENOENT, -EPERM when it is not root's alone, -EPROTO when it is no image of this release, or
 * another -errno. */
int last_policy_map(struct state_mapping *mapping);

void last_policy_remove(void);

#endif
