/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/filters/plan_host.h"

#include <stdio.h>

#include "windows/filters/filters.h"

bool plan_host_describe(struct filter_host *host, char *why, size_t size)
{
    struct filters_report report;
    enum filters_outcome outcome = filters_describe_host(filters_windows_engine(), host, &report);
    if (outcome == FILTERS_NO_ENGINE) {
        snprintf(why, size, "this Windows has no RPC filter engine");
    } else if (outcome != FILTERS_DONE) {
        snprintf(why, size, "%s (error %lu)", report.step, (unsigned long)report.error);
    }
    return outcome == FILTERS_DONE;
}
