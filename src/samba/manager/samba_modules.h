/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the Samba of this host looks for modules. Asks Samba itself; changes nothing. */
#ifndef RPCFW_SAMBA_MANAGER_SAMBA_MODULES_H
#define RPCFW_SAMBA_MANAGER_SAMBA_MODULES_H

#include <limits.h>
#include <stdbool.h>

/* The kinds of modules that Samba's RPC servers load by themselves: folders below. */
#define SAMBA_MODULE_KINDS 2
extern const char *const samba_module_kinds[SAMBA_MODULE_KINDS];

/* The folder of Samba's modules; *told by Samba, or found at a known place. False: there is no
 * Samba. */
bool samba_modules_find(char path[PATH_MAX], bool *told);

#endif
