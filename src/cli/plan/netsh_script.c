/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan/netsh_script.h"

#include <string.h>

#include "cli/plain_text.h"
#include "cli/plan/filter_key.h"
#include "cli/plan/filter_text.h"

/* Beyond that many filters their order counts as doubtful without a look. */
#define COMPARED_MAX 500

static void print_entry(FILE *out, const struct planned_filter *filter, enum filter_family family,
                        size_t index)
{
    bool audit = family == FILTER_FAMILY_SCRIPT_AUDIT;
    struct guid key = filter_key(family, index);
    char text[GUID_TEXT_SIZE];
    fprintf(out, "add rule layer=um actiontype=%s filterkey=%s%s\n",
            filter->block && !audit ? "block" : "permit", guid_format(&key, text),
            audit ? " audit=enable" : "");
    for (size_t i = 0; i < filter->condition_count; i++) {
        fprintf(out, "add condition field=%s matchtype=equal data=",
                filter_field_name(filter->conditions[i].field));
        filter_value_print(out, &filter->conditions[i]);
        fputc('\n', out);
    }
    fputs("add filter\n", out);
}

void netsh_script_print(FILE *out, const struct filter_plan *plan, const struct policy *policy)
{
    char place[1024];
    fprintf(out,
            "# RPC filters for %s.\n"
            "# netsh -f THIS-FILE sets them; netsh rpc filter delete filter filterkey=KEY removes "
            "one.\n"
            "rpc\n"
            "filter\n",
            plan->host.name);
    for (size_t i = 0; i < plan->filter_count; i++) {
        const struct planned_filter *filter = &plan->filters[i];
        plan_rule_place(&policy->rules[filter->rule], place, sizeof(place));
        fputs("# rule=", out);
        print_plain(out, place, strlen(place));
        fputc('\n', out);
        print_entry(out, filter, FILTER_FAMILY_SCRIPT, i);
        /* Windows records the calls of filters in a sublayer of their own, where netsh puts what
         * says audit=enable: the decision stays with the filter above. */
        if (filter->audit) {
            print_entry(out, filter, FILTER_FAMILY_SCRIPT_AUDIT, i);
        }
    }
    fputs("quit\n", out);
}

static bool condition_equal(const struct filter_condition *a, const struct filter_condition *b)
{
    switch (a->field) {
    case FILTER_INTERFACE:
        return guid_equal(&a->uuid, &b->uuid);
    case FILTER_CLIENT_V4:
    case FILTER_CLIENT_V6:
        return ipaddr_compare(&a->address, &b->address) == 0;
    case FILTER_CLIENT_SID:
        return true; /* one caller may have both */
    default:
        return a->number == b->number;
    }
}

/* Whether both compare the field, and no value is in both. */
static bool field_apart(const struct planned_filter *a, const struct planned_filter *b,
                        enum filter_field field)
{
    bool in_a = false;
    bool in_b = false;
    for (size_t i = 0; i < a->condition_count; i++) {
        if (a->conditions[i].field != field) {
            continue;
        }
        in_a = true;
        for (size_t k = 0; k < b->condition_count; k++) {
            if (b->conditions[k].field == field) {
                in_b = true;
                if (condition_equal(&a->conditions[i], &b->conditions[k])) {
                    return false;
                }
            }
        }
    }
    return in_a && in_b;
}

static unsigned fields_of(const struct planned_filter *filter)
{
    unsigned fields = 0;
    for (size_t i = 0; i < filter->condition_count; i++) {
        fields |= 1u << filter->conditions[i].field;
    }
    return fields;
}

static bool may_share_calls(const struct planned_filter *a, const struct planned_filter *b)
{
    unsigned families = 1u << FILTER_CLIENT_V4 | 1u << FILTER_CLIENT_V6;
    unsigned of_a = fields_of(a) & families;
    unsigned of_b = fields_of(b) & families;
    if (of_a && of_b && of_a != of_b) {
        return false;
    }
    for (int field = 0; field < FILTER_FIELD_COUNT; field++) {
        if (field_apart(a, b, (enum filter_field)field)) {
            return false;
        }
    }
    return true;
}

/* Windows gives the filter that compares more fields the higher weight, as far as it was seen; of
 * filters with other fields nothing is known. */
static bool order_is_known(const struct planned_filter *first, const struct planned_filter *second)
{
    unsigned more = fields_of(first);
    unsigned less = fields_of(second);
    return (more & less) == less && more != less;
}

static bool order_matters(const struct filter_plan *plan)
{
    for (size_t i = 0; i < plan->filter_count; i++) {
        for (size_t k = i + 1; k < plan->filter_count; k++) {
            const struct planned_filter *first = &plan->filters[i];
            const struct planned_filter *second = &plan->filters[k];
            if (first->block != second->block && !order_is_known(first, second) &&
                may_share_calls(first, second)) {
                return true;
            }
        }
    }
    return false;
}

unsigned netsh_script_doubts(const struct filter_plan *plan)
{
    unsigned doubts = 0;
    if (plan->filter_count > COMPARED_MAX || order_matters(plan)) {
        doubts |= NETSH_DOUBT_ORDER;
    }
    for (size_t i = 0; i < plan->filter_count; i++) {
        const struct planned_filter *filter = &plan->filters[i];
        if (fields_of(filter) & (1u << FILTER_CLIENT_V4 | 1u << FILTER_CLIENT_V6)) {
            doubts |= NETSH_DOUBT_ADDRESS;
        }
        if (filter->block && filter->audit) {
            doubts |= NETSH_DOUBT_AUDIT;
        }
    }
    return doubts;
}
