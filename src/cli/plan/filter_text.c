/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan/filter_text.h"

#include <string.h>

#include "cli/plain_text.h"
#include "cli/report.h"

#define PLACE_SIZE 1024

static const char *const field_names[FILTER_FIELD_COUNT] = {
    [FILTER_PROTOCOL] = "protocol",
    [FILTER_INTERFACE] = "if_uuid",
    [FILTER_OPNUM] = "opnum",
    [FILTER_AUTHN_LEVEL] = "auth_level",
    [FILTER_LOCAL_PORT] = "local_port",
    [FILTER_CLIENT_V4] = "remote_addr_v4",
    [FILTER_CLIENT_V6] = "remote_addr_v6",
    [FILTER_CLIENT_SID] = "remote_user_token",
};

const char *filter_field_name(enum filter_field field)
{
    return field_names[field];
}

/* Access to a security descriptor is what the engine takes for a match; CC is the right that it
 * asks for (FWP_ACTRL_MATCH_FILTER). */
static void print_sids(FILE *out, const struct filter_condition *condition)
{
    char text[SID_TEXT_SIZE];
    fputs("D:", out);
    for (size_t i = 0; i < condition->sid_count; i++) {
        fprintf(out, "(A;;CC;;;%s)", sid_format(&condition->sids[i], text));
    }
}

void filter_value_print(FILE *out, const struct filter_condition *condition)
{
    char guid[GUID_TEXT_SIZE];
    char address[IPADDR_TEXT_SIZE];
    switch (condition->field) {
    case FILTER_PROTOCOL:
        fputs(protseq_name((enum protseq)condition->number), out);
        break;
    case FILTER_INTERFACE:
        fputs(guid_format(&condition->uuid, guid), out);
        break;
    case FILTER_CLIENT_V4:
    case FILTER_CLIENT_V6:
        fputs(ipaddr_format(&condition->address, address), out);
        break;
    case FILTER_CLIENT_SID:
        print_sids(out, condition);
        break;
    default:
        fprintf(out, "%lu", (unsigned long)condition->number);
        break;
    }
}

void filter_plan_print(FILE *out, const struct filter_plan *plan, const struct policy *policy,
                       bool refused_only)
{
    char place[PLACE_SIZE];
    for (size_t i = 0; i < plan->finding_count; i++) {
        const struct plan_finding *finding = &plan->findings[i];
        if (refused_only && !finding->refused) {
            continue;
        }
        plan_rule_place(&policy->rules[i], place, sizeof(place));
        fputs("rule=", out);
        print_plain(out, place, strlen(place));
        fprintf(out, " %s: ", plan_where_name(finding->where));
        print_plain(out, finding->reason, strlen(finding->reason));
        fprintf(out, "%s%s\n", finding->note ? "; " : "", finding->note ? finding->note : "");
    }
}

static void print_member(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\":", name);
    report_json_string(out, text, strlen(text));
}

/* Values need no escapes: they are made of letters, digits and punctuation. */
static void print_filter(FILE *out, const struct planned_filter *filter)
{
    fprintf(out, "{\"weight\":%lu,\"action\":\"%s\",\"audit\":%s,\"conditions\":[",
            (unsigned long)filter->weight, filter->block ? "block" : "permit",
            filter->audit ? "true" : "false");
    for (size_t i = 0; i < filter->condition_count; i++) {
        fprintf(out, "%s{\"field\":\"%s\",\"value\":\"", i ? "," : "",
                filter_field_name(filter->conditions[i].field));
        filter_value_print(out, &filter->conditions[i]);
        fputs("\"}", out);
    }
    fputs("]}", out);
}

static void print_rule(FILE *out, const struct filter_plan *plan, const struct policy *policy,
                       size_t rule, size_t *next)
{
    static const char *const targets[] = {
        [TARGET_FIREWALL] = "fw", [TARGET_FILTER] = "flt", [TARGET_ALL] = "all"};
    const struct plan_finding *finding = &plan->findings[rule];
    const struct policy_rule *from = &policy->rules[rule];
    char place[PLACE_SIZE];
    fputs("{", out);
    print_member(out, "rule", plan_rule_place(from, place, sizeof(place)));
    fputs(",", out);
    if (from->name) {
        print_member(out, "name", from->name);
        fputs(",", out);
    }
    fprintf(out, "\"for\":\"%s\",\"where\":\"%s\",\"refused\":%s,", targets[from->target],
            plan_where_name(finding->where), finding->refused ? "true" : "false");
    print_member(out, "reason", finding->reason);
    if (finding->note) {
        fputs(",", out);
        print_member(out, "note", finding->note);
    }
    fputs(",\"filters\":[", out);
    for (size_t i = 0; i < finding->filters; i++) {
        fputs(i ? "," : "", out);
        print_filter(out, &plan->filters[(*next)++]);
    }
    fputs("]}", out);
}

void filter_plan_print_json(FILE *out, const struct filter_plan *plan, const struct policy *policy)
{
    size_t next = 0;
    fputs("{\"host\":{", out);
    print_member(out, "name", plan->host.name);
    fprintf(out, ",\"build\":%lu,\"opnum\":%s},\"refused\":%lu,\"rules\":[",
            (unsigned long)plan->host.build, plan->host.opnum ? "true" : "false",
            (unsigned long)plan->refused);
    for (size_t i = 0; i < plan->finding_count; i++) {
        fputs(i ? "," : "", out);
        print_rule(out, plan, policy, i, &next);
    }
    fputs("]}\n", out);
}
