/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/manager/process_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/plain_text.h"

#define NAME_WIDTH 22

static const char *const outcome_words[] = {
    [PROTECTION_ADDED] = "protected",      [PROTECTION_PRESENT] = "protected already",
    [PROTECTION_WAITING] = "waiting",      [PROTECTION_REMOVED] = "unprotected",
    [PROTECTION_ABSENT] = "not protected", [PROTECTION_NOT_SERVER] = "no RPC server",
    [PROTECTION_ENDED] = "ended",          [PROTECTION_REFUSED] = "refused",
};

void process_report_head(const struct process_facts *facts)
{
    printf("%7d  ", (int)facts->pid);
    size_t width = print_plain(stdout, facts->name, strlen(facts->name));
    /* The kernel cuts what it calls itself to 15 bytes. */
    if (facts->title[0] && strncmp(facts->title, facts->name, 15) != 0) {
        putchar(' ');
        width += 1 + print_plain(stdout, facts->title, strlen(facts->title));
    }
    printf("%*s  ", width < NAME_WIDTH ? (int)(NAME_WIDTH - width) : 0, "");
}

static void print_view(const struct agent_view *view)
{
    printf(" (Samba %s, policy generation %" PRIu64 ")", view->samba[0] ? view->samba : "unknown",
           view->generation);
}

void process_report(const struct process_facts *facts, const struct protection_result *result,
                    struct process_tally *tally)
{
    process_report_head(facts);
    tally->by_outcome[result->outcome]++;
    printf("%s", outcome_words[result->outcome]);
    switch (result->outcome) {
    case PROTECTION_ADDED:
    case PROTECTION_PRESENT:
        print_view(&result->view);
        break;
    case PROTECTION_WAITING:
        printf(": it serves no RPC itself; what it starts is protected");
        break;
    case PROTECTION_NOT_SERVER:
        printf(": Samba's RPC server library is not loaded there");
        break;
    case PROTECTION_REFUSED:
        printf(": ");
        print_plain(stdout, result->reason, strlen(result->reason));
        break;
    default:
        break;
    }
    putchar('\n');
    fflush(stdout);
}

void process_tally_print(const struct process_tally *tally, const char *nothing)
{
    const char *separator = "";
    for (unsigned i = 0; i <= PROTECTION_REFUSED; i++) {
        if (tally->by_outcome[i]) {
            printf("%s%u %s", separator, tally->by_outcome[i], outcome_words[i]);
            separator = ", ";
        }
    }
    printf("%s\n", *separator ? "" : nothing);
}
