/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the source tree that `rpcfw install` writes, as the build put them into the program. */
#ifndef RPCFW_SAMBA_MANAGER_PLACED_TEXTS_H
#define RPCFW_SAMBA_MANAGER_PLACED_TEXTS_H

extern const char placed_policy_text[];    /* policies/audit-everything.conf */
extern const char placed_unit_text[];      /* packaging/systemd/rpcfw.service */
extern const char placed_logrotate_text[]; /* packaging/logrotate/rpcfw */
extern const char placed_apparmor_text[];  /* packaging/apparmor/rpcfw */

#endif
