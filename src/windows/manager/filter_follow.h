/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this host is to have native RPC filters, and having the filters follow the policy then.
 *
 * The wish is the value NativeFilters in HKLM\SOFTWARE\RPC Firewall: start sets it, stop takes it
 * back. It stands while a policy has no rules for filters and so none is in force: the next policy
 * that has such rules gets its filters. Called by the verbs and by the service, holding the manager
 * mutex.
 */
#ifndef RPCFW_WINDOWS_MANAGER_FILTER_FOLLOW_H
#define RPCFW_WINDOWS_MANAGER_FILTER_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

#include "core/policy.h"
#include "windows/filters/filters.h"

/* False also where the registry cannot be read. */
bool filters_wanted(void);

/* A Win32 error. Nothing installed: nothing to do, for nobody follows then. */
DWORD filters_wanted_set(bool wanted);

/* How many rules of the policy are for filters: flt: and all:. */
size_t filter_rule_count(const struct policy *policy);

/*
 * Puts the policy's filters in place of those that are in force, if filters are wanted or some are
 * in force (which then are wanted from now on). FILTERS_DONE also when there was nothing to do;
 * otherwise as filters_apply(), and the old filters stay. The report is filled in any case.
 */
enum filters_outcome filters_follow(const struct filter_engine *engine, const struct policy *policy,
                                    struct filters_report *report);

#endif
