/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `rpcfw install` places on this host, in order. Changes nothing. */
#ifndef RPCFW_SAMBA_MANAGER_INSTALL_PLAN_H
#define RPCFW_SAMBA_MANAGER_INSTALL_PLAN_H

#include "samba/manager/manager_host.h"
#include "samba/manager/placement.h"

struct install_plan {
    struct placement_list list;
    char agent_path[PATH_MAX];   /* where the agent will be */
    char program_path[PATH_MAX]; /* where rpcfw will be */
    char modules[PATH_MAX];      /* Samba's folder of modules; "" with `preload` */
    unsigned drop_ins;           /* units that get one, with `preload` */
};

/* CLI_DONE, or CLI_ERROR after a sentence. Free with placement_free(&plan->list). */
int install_plan_make(const struct cli_verb *verb, bool preload, struct install_plan *plan);

/* Whether the installed agent came with a Debian package, which then is what takes it away. */
bool install_plan_is_packaged(void);

#endif
