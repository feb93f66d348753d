/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/host_verbs.h"

#include <stddef.h>

const struct cli_verb samba_host_verbs[] = {
    {.name = NULL},
};
