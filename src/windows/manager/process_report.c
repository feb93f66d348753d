/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/process_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "windows/manager/wide_text.h"

static void print_outcome(const struct protection_result *result)
{
    const struct agent_status *status = &result->status;
    switch (result->outcome) {
    case PROTECTION_ADDED:
        printf("protected (%" PRIu32 " functions hooked, policy generation %" PRIu64 ")\n",
               status->hooks, status->generation);
        break;
    case PROTECTION_PRESENT:
        printf("already protected (%" PRIu32 " functions hooked, policy generation %" PRIu64 ")\n",
               status->hooks, status->generation);
        break;
    case PROTECTION_NOT_SERVER:
        printf("not an RPC server: %s\n", result->reason);
        break;
    case PROTECTION_REMOVED:
        printf("unprotected\n");
        break;
    case PROTECTION_DRAINING:
        printf("unhooked, %" PRIu32 " calls still in flight, leaves when they end\n",
               status->in_flight);
        break;
    case PROTECTION_REFRESHED:
        printf("uses policy generation %" PRIu64 "\n", status->generation);
        break;
    case PROTECTION_ABSENT:
        printf("not protected\n");
        break;
    default:
        printf("refused: %s", result->reason);
        if (result->admission) {
            printf("; instead: %s", admission_remedy(result->admission));
        }
        printf("\n");
        break;
    }
}

void process_report(const struct process_entry *process, const struct protection_result *result,
                    struct process_tally *tally)
{
    char name[UTF8_PATH_SIZE];
    utf8_from_wide(process->name, name, sizeof(name));
    printf("%lu  %s  ", process->pid, name);
    print_outcome(result);
    fflush(stdout);
    tally->by_outcome[result->outcome]++;
}

void process_tally_print(const struct process_tally *tally, const char *nothing)
{
    static const char *const words[PROTECTION_REFUSED + 1] = {
        [PROTECTION_ADDED] = "protected",
        [PROTECTION_PRESENT] = "already protected",
        [PROTECTION_NOT_SERVER] = "not RPC servers",
        [PROTECTION_REMOVED] = "unprotected",
        [PROTECTION_DRAINING] = "still leaving",
        [PROTECTION_REFRESHED] = "updated",
        [PROTECTION_ABSENT] = "not protected",
        [PROTECTION_REFUSED] = "refused",
    };
    const char *separator = "";
    for (unsigned i = 0; i <= PROTECTION_REFUSED; i++) {
        if (tally->by_outcome[i]) {
            printf("%s%u %s", separator, tally->by_outcome[i], words[i]);
            separator = ", ";
        }
    }
    printf("%s\n", *separator ? "" : nothing);
}
