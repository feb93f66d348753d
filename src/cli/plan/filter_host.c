/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan/filter_host.h"

#include <stdio.h>
#include <string.h>

#define REFUSES "which refuses opnum conditions"
/* Documentation says that the updates of October 2025 brought the condition; who tried reports that
 * it is taken and never compared, so that a rule for one method would stand for its interface. */
#define IGNORES "which takes opnum conditions and is reported to ignore them"

const struct filter_host filter_hosts[] = {
    {"ws2016", "Windows Server 2016", 14393, false, REFUSES},
    {"ws2019", "Windows Server 2019", 17763, false, IGNORES},
    {"ws2022", "Windows Server 2022", 20348, false, IGNORES},
    {"ws2025", "Windows Server 2025", 26100, true, NULL},
    {"win11", "Windows 11 24H2", 26100, true, NULL},
    {"", "", 0, false, NULL},
};

const struct filter_host *filter_host_from_id(const char *id)
{
    for (const struct filter_host *host = filter_hosts; host->id[0]; host++) {
        if (strcmp(host->id, id) == 0) {
            return host;
        }
    }
    return NULL;
}

void filter_host_from_build(struct filter_host *out, uint32_t build, bool has_opnum_field)
{
    *out = (struct filter_host){.build = build};
    snprintf(out->name, sizeof(out->name), "this Windows (build %lu)", (unsigned long)build);
    out->opnum = has_opnum_field && build >= FILTER_HOST_OPNUM_BUILD;
    out->no_opnum = out->opnum ? NULL : has_opnum_field ? IGNORES : REFUSES;
}
