/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the policy of a Linux host is. */
#ifndef RPCFW_SAMBA_POLICY_LOCATION_H
#define RPCFW_SAMBA_POLICY_LOCATION_H

#define POLICY_DIRECTORY "/etc/rpcfw"
#define POLICY_FILE      POLICY_DIRECTORY "/RpcFw.conf"

#endif
