/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native RPC filters of this host: the whole set for a policy at once, or none.
 *
 * Filters live in the filter engine under our provider: they are in force without any process of
 * ours and survive a restart of the engine as long as the service FILTERS_SERVICE is there and
 * starts by itself. Every change is one transaction: calls meet the old filters or the new ones,
 * and what fails leaves the old ones. Filters of others are never touched. Called by managers and
 * the service, one at a time (under the manager mutex), as administrator; blocks on the engine's
 * RPC server, so never from the RPC path of a protected process.
 */
#ifndef RPCFW_WINDOWS_FILTERS_FILTERS_H
#define RPCFW_WINDOWS_FILTERS_FILTERS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/plan/filter_plan.h"
#include "windows/filters/filter_engine.h"

/* The engine disables persistent filters at its start when their provider's service does not start
 * by itself: the name of ours, which the provider carries. */
#define FILTERS_SERVICE L"RPC Firewall"

enum filters_outcome {
    FILTERS_DONE,
    FILTERS_NO_ENGINE, /* this Windows has no RPC filter engine; nothing changed */
    FILTERS_REFUSED,   /* the host cannot enforce a flt: rule (see the plan); nothing changed */
    FILTERS_FAILED,    /* report->step failed with report->error; the old filters are in force */
};

struct filters_report {
    size_t added;        /* filters that the engine got */
    size_t removed;      /* filters of ours that it had before */
    const char *step;    /* what failed: "the transaction cannot be committed"; NULL: nothing */
    uint32_t error;      /* Windows error code of it */
    const char *warning; /* what failed besides, without undoing the change; NULL: nothing */
    uint32_t warning_error;
};

/*
 * Plans the policy's flt: and all: rules for this host and puts the filters in place of those that
 * are there; a policy without such rules leaves none. Switches the audit subcategory "RPC Events"
 * on when a filter records calls, after noting what it was. *plan is the plan, for its findings,
 * also when it was refused (to be freed with filter_plan_free()); NULL when it came to none.
 * `policy` has no errors.
 */
enum filters_outcome filters_apply(const struct filter_engine *engine, const struct policy *policy,
                                   struct filter_plan **plan, struct filters_report *report);

/* Removes all filters, our sublayer and our provider, and gives the audit subcategory back what it
 * was, unless somebody has changed it since. Done also when there was nothing. */
enum filters_outcome filters_remove(const struct filter_engine *engine,
                                    struct filters_report *report);

/* The filters of ours that the engine has; *list is to be freed with free(). */
enum filters_outcome filters_list(const struct filter_engine *engine,
                                  struct installed_filter **list, size_t *count,
                                  struct filters_report *report);

/* Which Windows this is, for planning; FILTERS_NO_ENGINE leaves *host alone. */
enum filters_outcome filters_describe_host(const struct filter_engine *engine,
                                           struct filter_host *host, struct filters_report *report);

/* The engine of this host (fwpm_engine.c). One for the process; not for two threads at once. */
const struct filter_engine *filters_windows_engine(void);

#endif
