/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit subcategory "RPC Events", without which filters record nothing, and our note of what it
 * was: the value FilterAudit in HKLM\SOFTWARE\RPC Firewall. Called by fwpm_engine.c, as
 * administrator. Each returns 0 or a Windows error code.
 */
#ifndef RPCFW_WINDOWS_FILTERS_AUDIT_POLICY_H
#define RPCFW_WINDOWS_FILTERS_AUDIT_POLICY_H

#include "windows/filters/filter_engine.h"
#include "windows/filters/fwpm_functions.h"

DWORD audit_policy_read(const struct fwpm_functions *functions, uint32_t *bits);
DWORD audit_policy_write(const struct fwpm_functions *functions, uint32_t bits);

/* *present is false, and that no error, when there is no note. */
DWORD audit_record_read(bool *present, struct audit_record *record);
DWORD audit_record_write(const struct audit_record *record);
/* Also done when there is none. Leaves the key: it is the installation's. */
DWORD audit_record_remove(void);

#endif
