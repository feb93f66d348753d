/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "samba/service/audit_filter.h"

#include <stdio.h>
#include <string.h>

#include "cli/events/timestamp.h"
#include "core/catalog.h"
#include "core/diagnostics.h"
#include "core/wildcard.h"
#include "samba/service/audit_time.h"

static const char *const actions[] = {
    "rpc-call-allowed", "rpc-call-blocked",    "rpc-call-would-block",
    "rpc-bind",         "protection-added",    "protection-removed",
    "policy-changed",   "policy-refused",      "events-dropped",
    "policy-published", "policy-file-refused", "gap-found",
    "service-started",  "service-stopped",     NULL};

void audit_filter_init(struct audit_filter *filter)
{
    memset(filter, 0, sizeof(*filter));
    filter->until_us = UINT64_MAX;
}

/* ---- Reading ---- */

static bool wrong(char why[FILTER_WHY_SIZE], const char *what, const char *value, const char *meant)
{
    if (meant)
        snprintf(why, FILTER_WHY_SIZE, "'%.80s' is %s; did you mean '%s'?", value, what, meant);
    else
        snprintf(why, FILTER_WHY_SIZE, "'%.80s' is %s", value, what);
    return false;
}

static bool read_action(struct audit_filter *filter, const char *value, uint64_t now_us,
                        char why[FILTER_WHY_SIZE])
{
    (void)now_us;
    filter->action = value;
    for (size_t i = 0; actions[i]; i++) {
        if (strcmp(actions[i], value) == 0)
            return true;
    }
    return wrong(why, "no action of an event", value, closest_word(value, strlen(value), actions));
}

static bool read_pattern(struct filter_pattern *pattern, const char *value,
                         char why[FILTER_WHY_SIZE])
{
    size_t length = strlen(value);
    if (length == 0 || length > sizeof(pattern->bytes))
        return wrong(why, "empty or too long", value, NULL);
    for (size_t i = 0; i < length; i++)
        pattern->bytes[i] = wildcard_fold(value[i]);
    pattern->length = length;
    return true;
}

static bool read_user(struct audit_filter *filter, const char *value, uint64_t now_us,
                      char why[FILTER_WHY_SIZE])
{
    (void)now_us;
    return read_pattern(&filter->user, value, why);
}

static bool read_process(struct audit_filter *filter, const char *value, uint64_t now_us,
                         char why[FILTER_WHY_SIZE])
{
    (void)now_us;
    return read_pattern(&filter->process, value, why);
}

static bool read_addr(struct audit_filter *filter, const char *value, uint64_t now_us,
                      char why[FILTER_WHY_SIZE])
{
    static const char *const errors[] = {
        [IPADDR_RANGE_BAD_ADDRESS] = "no address, block (10.0.0.0/8) or range (10.0.0.1-10.0.0.9)",
        [IPADDR_RANGE_BAD_PREFIX] = "no block: its prefix is not right",
        [IPADDR_RANGE_HOST_BITS] = "no block: bits are set behind the prefix",
        [IPADDR_RANGE_MIXED] = "no range: one end is IPv4, the other IPv6",
        [IPADDR_RANGE_REVERSED] = "no range: its end is before its start",
    };
    (void)now_us;
    enum ipaddr_range_error error = ipaddr_range_parse(value, strlen(value), &filter->addr);
    filter->has_addr = error == IPADDR_RANGE_OK;
    return filter->has_addr || wrong(why, errors[error], value, NULL);
}

static bool read_interface(struct audit_filter *filter, const char *value, uint64_t now_us,
                           char why[FILTER_WHY_SIZE])
{
    const struct catalog_interface *found[FILTER_INTERFACES_MAX];
    size_t length = strlen(value);
    (void)now_us;
    if (guid_parse(value, length, &filter->interfaces[0])) {
        filter->interface_count = 1;
        return true;
    }
    size_t count = catalog_interfaces_by_name(value, length, found, FILTER_INTERFACES_MAX);
    filter->interface_count = count < FILTER_INTERFACES_MAX ? count : FILTER_INTERFACES_MAX;
    for (size_t i = 0; i < filter->interface_count; i++)
        filter->interfaces[i] = *catalog_interface_uuid(found[i]);
    return count > 0 || wrong(why, "neither a UUID nor an interface of the catalogue", value,
                              catalog_nearest_interface(value, length));
}

static bool read_method(struct audit_filter *filter, const char *value, uint64_t now_us,
                        char why[FILTER_WHY_SIZE])
{
    (void)now_us;
    (void)why;
    filter->method = value;
    return true;
}

static bool read_rule(struct audit_filter *filter, const char *value, uint64_t now_us,
                      char why[FILTER_WHY_SIZE])
{
    (void)now_us;
    (void)why;
    filter->rule = value;
    return true;
}

static const char no_time[] =
    "no time: 10m, 2h, 3d (ago), 2026-11-22, '2026-11-22 08:00' (UTC) or 2026-11-22T08:00:00Z";

static bool read_since(struct audit_filter *filter, const char *value, uint64_t now_us,
                       char why[FILTER_WHY_SIZE])
{
    return audit_time_parse(value, now_us, &filter->since_us) || wrong(why, no_time, value, NULL);
}

static bool read_until(struct audit_filter *filter, const char *value, uint64_t now_us,
                       char why[FILTER_WHY_SIZE])
{
    return audit_time_parse(value, now_us, &filter->until_us) || wrong(why, no_time, value, NULL);
}

static const struct option {
    const char *name;
    bool (*read)(struct audit_filter *filter, const char *value, uint64_t now_us,
                 char why[FILTER_WHY_SIZE]);
} options[] = {
    {"--action", read_action},       {"--user", read_user},     {"--addr", read_addr},
    {"--interface", read_interface}, {"--method", read_method}, {"--rule", read_rule},
    {"--since", read_since},         {"--until", read_until},   {"--process", read_process},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

enum filter_word audit_filter_read(struct audit_filter *filter, int argc, char **argv, int *at,
                                   uint64_t now_us, char why[FILTER_WHY_SIZE])
{
    const char *word = argv[*at];
    if (strcmp(word, "--blocked") == 0 || strcmp(word, "--would-block") == 0) {
        *(word[2] == 'b' ? &filter->blocked : &filter->would_block) = true;
        return FILTER_TAKEN;
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t length = strlen(options[i].name);
        if (strncmp(word, options[i].name, length) != 0 || (word[length] && word[length] != '='))
            continue;
        const char *value = word[length] ? word + length + 1 : NULL;
        if (!value && *at + 1 < argc)
            value = argv[++*at];
        if (!value) {
            snprintf(why, FILTER_WHY_SIZE, "%s needs a value", options[i].name);
            return FILTER_WRONG;
        }
        return options[i].read(filter, value, now_us, why) ? FILTER_TAKEN : FILTER_WRONG;
    }
    return FILTER_NOT;
}

const char *audit_filter_nearest(const char *word)
{
    const char *names[OPTION_COUNT + 6] = {"--blocked", "--would-block", "--json", "--follow",
                                           "-f"};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[5 + i] = options[i].name;
    return closest_word(word, strlen(word), names);
}

/* The name must be a method of the interface, or of any when none was given. */
bool audit_filter_check(const struct audit_filter *filter, char why[FILTER_WHY_SIZE])
{
    const char *method = filter->method;
    unsigned opnum;
    if (filter->since_us > filter->until_us)
        return snprintf(why, FILTER_WHY_SIZE, "--since is after --until") < 0;
    if (!method || strspn(method, "0123456789") == strlen(method))
        return true;
    size_t count = filter->interface_count ? filter->interface_count : catalog_interface_count();
    const char *meant = NULL;
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        const struct catalog_interface *interface =
            filter->interface_count ? catalog_interface_by_uuid(&filter->interfaces[i])
                                    : catalog_interface_at(i);
        if (!interface)
            continue;
        known = true;
        if (catalog_method_by_name(interface, method, strlen(method), &opnum))
            return true;
        if (!meant)
            meant = catalog_nearest_method(interface, method, strlen(method));
    }
    /* Of an interface that the catalogue lacks, nobody knows the methods. */
    return !known || wrong(why, "no method of the catalogue", method, meant);
}

/* ---- Asking ---- */

static bool equals(const struct text *text, const char *value)
{
    return text->bytes && text->length == strlen(value) &&
           memcmp(text->bytes, value, text->length) == 0;
}

/* Without regard to the case of letters. */
static bool equals_name(const struct text *text, const char *name)
{
    if (!text->bytes || text->length != strlen(name))
        return false;
    for (size_t i = 0; i < text->length; i++) {
        if (wildcard_fold(text->bytes[i]) != wildcard_fold(name[i]))
            return false;
    }
    return true;
}

static bool action_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    bool any = !filter->blocked && !filter->would_block;
    if (filter->action && !event_field_is(fields, FIELD_ACTION, filter->action))
        return false;
    return any || (filter->blocked && event_field_is(fields, FIELD_ACTION, "rpc-call-blocked")) ||
           (filter->would_block && event_field_is(fields, FIELD_ACTION, "rpc-call-would-block"));
}

static bool pattern_matches(const struct filter_pattern *pattern, const char *bytes, size_t length)
{
    return wildcard_match(pattern->bytes, pattern->length, bytes, length);
}

/* A pattern with a backslash is for DOMAIN\name, one without for the name. */
static bool user_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    const struct text *name = &fields->value[FIELD_USER_NAME];
    const struct text *domain = &fields->value[FIELD_USER_DOMAIN];
    char full[2048];
    if (filter->user.length == 0)
        return true;
    if (!name->bytes)
        return false;
    if (!memchr(filter->user.bytes, '\\', filter->user.length))
        return pattern_matches(&filter->user, name->bytes, name->length);
    if (!domain->bytes || domain->length + name->length + 1 > sizeof(full))
        return false;
    memcpy(full, domain->bytes, domain->length);
    full[domain->length] = '\\';
    memcpy(full + domain->length + 1, name->bytes, name->length);
    return pattern_matches(&filter->user, full, domain->length + 1 + name->length);
}

static bool addr_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    const struct text *text = &fields->value[FIELD_SOURCE_IP];
    struct ipaddr addr;
    return !filter->has_addr || (text->bytes && ipaddr_parse(text->bytes, text->length, &addr) &&
                                 ipaddr_range_contains(&filter->addr, &addr));
}

static bool interface_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    const struct text *text = &fields->value[FIELD_INTERFACE_UUID];
    struct guid uuid;
    if (filter->interface_count == 0)
        return true;
    if (!text->bytes || !guid_parse(text->bytes, text->length, &uuid))
        return false;
    for (size_t i = 0; i < filter->interface_count; i++) {
        if (guid_equal(&filter->interfaces[i], &uuid))
            return true;
    }
    return false;
}

/* By name, by one of its other names, or by opnum. */
static bool method_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    const struct text *uuid_text = &fields->value[FIELD_INTERFACE_UUID];
    const struct text *opnum_text = &fields->value[FIELD_OPNUM];
    struct guid uuid;
    unsigned opnum;
    char digits[16];
    if (!filter->method || equals_name(&fields->value[FIELD_METHOD], filter->method) ||
        equals(opnum_text, filter->method))
        return true;
    if (!uuid_text->bytes || !guid_parse(uuid_text->bytes, uuid_text->length, &uuid))
        return false;
    const struct catalog_interface *interface = catalog_interface_by_uuid(&uuid);
    if (!interface ||
        !catalog_method_by_name(interface, filter->method, strlen(filter->method), &opnum))
        return false;
    snprintf(digits, sizeof(digits), "%u", opnum);
    return equals(opnum_text, digits);
}

static bool rule_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    return !filter->rule || equals(&fields->value[FIELD_RULE_ID], filter->rule) ||
           equals(&fields->value[FIELD_RULE_NAME], filter->rule);
}

static bool process_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    const struct text *name = &fields->value[FIELD_PROCESS_NAME];
    return filter->process.length == 0 ||
           (name->bytes && pattern_matches(&filter->process, name->bytes, name->length));
}

static bool time_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    const struct text *text = &fields->value[FIELD_TIME];
    uint64_t time_us;
    if (filter->since_us == 0 && filter->until_us == UINT64_MAX)
        return true;
    return timestamp_parse(text->bytes, text->length, &time_us) && time_us >= filter->since_us &&
           time_us <= filter->until_us;
}

bool audit_filter_matches(const struct audit_filter *filter, const struct event_fields *fields)
{
    return action_matches(filter, fields) && time_matches(filter, fields) &&
           user_matches(filter, fields) && addr_matches(filter, fields) &&
           interface_matches(filter, fields) && method_matches(filter, fields) &&
           rule_matches(filter, fields) && process_matches(filter, fields);
}
