/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/service/service_summary.h"

#include <inttypes.h>
#include <stdio.h>

#include "windows/manager/json_fields.h"

void service_summary_take(struct service_summary *summary)
{
    *summary = (struct service_summary){0};
    summary->known = service_query(&summary->report);
    if (summary->known && summary->report.pid && !summary->report.dead) {
        summary->told = service_status_read(summary->report.pid, &summary->status, &summary->why);
    }
}

uint64_t service_status_mean_delay(const struct service_status *status)
{
    return status->delays ? status->delay_sum_ms / status->delays : 0;
}

static const char *state_word(const struct service_summary *summary)
{
    if (!summary->known) {
        return "unknown";
    }
    if (summary->report.dead) {
        return "dead";
    }
    return summary->report.exists ? service_state_name(summary->report.state) : "absent";
}

static void text_of_status(const struct service_status *status)
{
    printf("  processes: %" PRIu32 ", protected %" PRIu32 ", no RPC servers %" PRIu32
           ", cannot be protected %" PRIu32 "\n",
           status->processes, status->is_protected, status->waiting, status->refused);
    printf("  since its start: %" PRIu64 " protected, %" PRIu64 " found protected, %" PRIu64
           " agents gone and brought back, %" PRIu64 " gaps told\n",
           status->added, status->adopted, status->vanished, status->gaps);
    if (status->delays) {
        printf("  from the start of a process, or of its listening, to its protection: %" PRIu64
               " ms on average, %" PRIu32 " ms at most (%" PRIu64 " processes)\n",
               service_status_mean_delay(status), status->delay_max_ms, status->delays);
    }
    printf("  looks at the processes every %" PRIu32 " ms for %" PRIu32 " us", status->pause_ms,
           status->round_us);
    if (status->starts_told) {
        printf(", and when Windows tells that one starts (%" PRIu64 " told)\n", status->starts);
    } else {
        printf("; Windows does not tell when one starts (%s: error %" PRIu32 ")\n",
               status->starts_failure, status->starts_error);
    }
    if (status->policy_error[0]) {
        printf("  the policy file is refused: %s\n", status->policy_error);
    }
    if (status->events_lost) {
        printf("  events lost: %" PRIu64 "\n", status->events_lost);
    }
}

void service_summary_text(const struct service_summary *summary)
{
    printf("service: %s", state_word(summary));
    if (summary->report.pid) {
        printf(" (process %lu)", summary->report.pid);
    }
    printf("\n");
    if (summary->told) {
        text_of_status(&summary->status);
    } else if (summary->why) {
        printf("  it does not tell more: %s\n", summary->why);
    }
}

static void json_of_status(struct json_fields *fields, const struct service_status *status)
{
    json_field_number(fields, "started_us", status->started_us);
    json_field_number(fields, "generation", status->generation);
    json_field_number(fields, "policies_published", status->policies_published);
    json_field_number(fields, "policies_refused", status->policies_refused);
    json_field_text(fields, "policy_error", status->policy_error);
    json_field_number(fields, "processes", status->processes);
    json_field_number(fields, "protected", status->is_protected);
    json_field_number(fields, "waiting", status->waiting);
    json_field_number(fields, "refused", status->refused);
    json_field_number(fields, "added", status->added);
    json_field_number(fields, "adopted", status->adopted);
    json_field_number(fields, "vanished", status->vanished);
    json_field_number(fields, "gaps", status->gaps);
    json_field_number(fields, "delays", status->delays);
    json_field_number(fields, "delay_last_ms", status->delay_last_ms);
    json_field_number(fields, "delay_mean_ms", service_status_mean_delay(status));
    json_field_number(fields, "delay_max_ms", status->delay_max_ms);
    json_field_number(fields, "rounds", status->rounds);
    json_field_number(fields, "round_us", status->round_us);
    json_field_number(fields, "pause_ms", status->pause_ms);
    json_field_number(fields, "starts_told", status->starts_told);
    json_field_number(fields, "starts", status->starts);
    if (!status->starts_told) {
        json_field_text(fields, "starts_failure", status->starts_failure);
        json_field_number(fields, "starts_error", status->starts_error);
    }
    json_field_number(fields, "events_lost", status->events_lost);
    json_field_text(fields, "release", status->release);
}

void service_summary_json(const struct service_summary *summary)
{
    struct json_fields fields = {0};
    putchar('{');
    json_field_text(&fields, "state", state_word(summary));
    if (summary->report.pid) {
        json_field_number(&fields, "pid", summary->report.pid);
    }
    if (summary->told) {
        json_of_status(&fields, &summary->status);
    } else if (summary->why) {
        json_field_text(&fields, "reason", summary->why);
    }
    putchar('}');
}
