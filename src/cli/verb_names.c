/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cli/report.h"
#include "core/catalog.h"
#include "core/wildcard.h"

#define PATTERN_MAX 256

/* One interface under several UUIDs at the most; the catalogue's own tables are far smaller. */
#define SAME_NAME_MAX 16

/* Techniques of one call. */
#define TECHNIQUES_MAX 32

struct names_query {
    const char *text; /* as it was typed; NULL: list all interfaces */
    size_t text_length;
    char pattern[PATTERN_MAX + 2]; /* folded, between stars when it has no wildcard itself */
    size_t pattern_length;
    bool json;
    bool first; /* nothing was written to the JSON list that is open */
    size_t found;
};

/* ---- Matching ---- */

static bool matches(const struct names_query *query, const char *text, size_t length)
{
    return wildcard_match(query->pattern, query->pattern_length, text, length);
}

static bool matches_text(const struct names_query *query, const char *text)
{
    return matches(query, text, strlen(text));
}

/* Whether one of the comma-separated items matches. */
static bool matches_item(const struct names_query *query, const char *items)
{
    while (*items) {
        size_t length = strcspn(items, ",");
        if (matches(query, items, length)) {
            return true;
        }
        items += length + (items[length] == ',');
    }
    return false;
}

static void interface_uuid_text(const struct catalog_interface *interface,
                                char text[GUID_TEXT_SIZE])
{
    guid_format(catalog_interface_uuid(interface), text);
}

static bool interface_matches(const struct names_query *query,
                              const struct catalog_interface *interface)
{
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    return matches_item(query, catalog_interface_names(interface)) || matches_text(query, uuid) ||
           matches_text(query, catalog_interface_document(interface)) ||
           matches_item(query, catalog_interface_endpoints(interface)) ||
           matches_text(query, catalog_interface_description(interface));
}

static bool method_matches(const struct names_query *query, const struct catalog_method *method)
{
    return matches_text(query, catalog_method_canonical_name(method)) ||
           matches_item(query, catalog_method_aliases(method));
}

static bool technique_matches(const struct names_query *query,
                              const struct catalog_technique *technique)
{
    return matches_text(query, catalog_technique_id(technique)) ||
           matches_text(query, catalog_technique_name(technique)) ||
           matches_text(query, catalog_technique_attack(technique)) ||
           matches_text(query, catalog_technique_source(technique));
}

/* ---- JSON ---- */

static void json_member(const char *separator, const char *name, const char *value)
{
    printf("%s\"%s\":", separator, name);
    report_json_string(stdout, value, strlen(value));
}

static void json_items(const char *name, const char *items)
{
    const char *separator = "";
    printf(",\"%s\":[", name);
    while (*items) {
        size_t length = strcspn(items, ",");
        printf("%s", separator);
        report_json_string(stdout, items, length);
        items += length + (items[length] == ',');
        separator = ",";
    }
    printf("]");
}

static void json_separate(struct names_query *query)
{
    printf("%s", query->first ? "" : ",\n  ");
    query->first = false;
}

static void json_open(struct names_query *query, const char *name)
{
    if (query->json) {
        printf("%s\"%s\":[", query->first ? "{" : ",\n ", name);
        query->first = true;
    }
}

static void json_close(struct names_query *query)
{
    if (query->json) {
        printf("]");
        query->first = false;
    }
}

static void json_method(const struct catalog_method *method)
{
    printf("{\"opnum\":%u", catalog_method_opnum(method));
    json_member(",", "name", catalog_method_canonical_name(method));
    json_items("aliases", catalog_method_aliases(method));
    printf("}");
}

static void json_technique(const struct catalog_technique *technique)
{
    const struct catalog_interface *interface = catalog_technique_interface(technique);
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    json_member("{", "id", catalog_technique_id(technique));
    json_member(",", "name", catalog_technique_name(technique));
    json_member(",", "interface", catalog_interface_name(interface));
    json_member(",", "uuid", uuid);
    json_member(",", "opnums", catalog_technique_opnums(technique));
    json_member(",", "attack", catalog_technique_attack(technique));
    json_member(",", "source", catalog_technique_source(technique));
    printf("}");
}

static void json_interface(const struct catalog_interface *interface, bool methods)
{
    const struct catalog_interface *base = catalog_interface_base(interface);
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    json_member("{", "uuid", uuid);
    json_member(",", "name", catalog_interface_name(interface));
    json_items("names", catalog_interface_names(interface));
    json_member(",", "version", catalog_interface_version(interface));
    json_member(",", "document", catalog_interface_document(interface));
    json_items("endpoints", catalog_interface_endpoints(interface));
    json_member(",", "description", catalog_interface_description(interface));
    json_member(",", "inherits", base ? catalog_interface_name(base) : "");
    if (methods) {
        printf(",\"methods\":[");
        for (size_t i = 0; i < catalog_method_count(interface); i++) {
            printf("%s", i ? "," : "");
            json_method(catalog_method_at(interface, i));
        }
        printf("]");
    }
    printf("}");
}

static void json_call(const struct catalog_interface *interface, unsigned opnum, const char *name)
{
    const struct catalog_technique *techniques[TECHNIQUES_MAX];
    size_t count =
        catalog_techniques_of(catalog_interface_uuid(interface), opnum, techniques, TECHNIQUES_MAX);
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    json_member("{", "uuid", uuid);
    json_member(",", "interface", catalog_interface_name(interface));
    printf(",\"opnum\":%u", opnum);
    json_member(",", "name", name);
    printf(",\"techniques\":[");
    for (size_t i = 0; i < count && i < TECHNIQUES_MAX; i++) {
        printf("%s", i ? "," : "");
        json_technique(techniques[i]);
    }
    printf("]}");
}

/* ---- Text ---- */

static void print_interface_line(const struct catalog_interface *interface)
{
    const char *document = catalog_interface_document(interface);
    const char *description = catalog_interface_description(interface);
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    printf("%s  %-36s", uuid, catalog_interface_names(interface));
    printf(*description ? " %-18s %s\n" : " %s%s\n", *document ? document : "-", description);
}

static void print_call_line(const struct catalog_interface *interface, unsigned opnum,
                            const char *name, const char *aliases)
{
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    printf("%s  %-20s %5u  %s%s%s%s\n", uuid, catalog_interface_name(interface), opnum, name,
           *aliases ? " (" : "", aliases, *aliases ? ")" : "");
}

static void print_technique_line(const struct catalog_technique *technique)
{
    printf("%-10s %-22s %-22s %s [%s]\n", catalog_technique_id(technique),
           catalog_interface_name(catalog_technique_interface(technique)),
           catalog_technique_opnums(technique), catalog_technique_attack(technique),
           catalog_technique_source(technique));
}

static void print_fact(const char *name, const char *value)
{
    if (*value) {
        printf("  %-12s%s\n", name, value);
    }
}

static void print_methods(const struct catalog_interface *interface)
{
    const struct catalog_interface *base = catalog_interface_base(interface);
    if (base) {
        printf("  inherits from %s\n", catalog_interface_name(base));
    }
    for (size_t i = 0; i < catalog_method_count(interface); i++) {
        const struct catalog_method *method = catalog_method_at(interface, i);
        const char *aliases = catalog_method_aliases(method);
        printf("%7u  %s%s%s%s\n", catalog_method_opnum(method),
               catalog_method_canonical_name(method), *aliases ? " (" : "", aliases,
               *aliases ? ")" : "");
    }
}

static void print_techniques_of(const struct catalog_interface *interface)
{
    for (size_t i = 0; i < catalog_technique_count(); i++) {
        const struct catalog_technique *technique = catalog_technique_at(i);
        if (catalog_technique_interface(technique) == interface) {
            printf("  %-10s %-22s %s\n", catalog_technique_id(technique),
                   catalog_technique_opnums(technique), catalog_technique_attack(technique));
        }
    }
}

static void print_interface(const struct catalog_interface *interface)
{
    char uuid[GUID_TEXT_SIZE];
    interface_uuid_text(interface, uuid);
    printf("%s  %s\n", uuid, catalog_interface_names(interface));
    print_fact("is", catalog_interface_description(interface));
    print_fact("version", catalog_interface_version(interface));
    print_fact("document", catalog_interface_document(interface));
    print_fact("endpoints", catalog_interface_endpoints(interface));
    print_methods(interface);
    print_techniques_of(interface);
}

/* ---- Answers ---- */

static void answer_interface(struct names_query *query, const struct catalog_interface *interface)
{
    if (query->json) {
        json_separate(query);
        json_interface(interface, true);
    } else {
        printf("%s", query->found ? "\n" : "");
        print_interface(interface);
    }
    query->found++;
}

static void answer_call(struct names_query *query, const struct catalog_interface *interface,
                        unsigned opnum)
{
    const struct catalog_technique *techniques[TECHNIQUES_MAX];
    const char *name = catalog_method_name(interface, opnum);
    if (!name) {
        return;
    }
    if (query->json) {
        json_separate(query);
        json_call(interface, opnum, name);
    } else {
        print_call_line(interface, opnum, name, "");
        size_t count = catalog_techniques_of(catalog_interface_uuid(interface), opnum, techniques,
                                             TECHNIQUES_MAX);
        for (size_t i = 0; i < count && i < TECHNIQUES_MAX; i++) {
            printf("  %-10s %s (%s)\n", catalog_technique_id(techniques[i]),
                   catalog_technique_attack(techniques[i]), catalog_technique_name(techniques[i]));
        }
    }
    query->found++;
}

/* Up to `max` interfaces that `text` names exactly, by UUID or by name. */
static size_t exact_interfaces(const char *text, size_t length,
                               const struct catalog_interface **out, size_t max)
{
    struct guid uuid;
    if (!guid_parse(text, length, &uuid)) {
        size_t count = catalog_interfaces_by_name(text, length, out, max);
        return count < max ? count : max;
    }
    out[0] = catalog_interface_by_uuid(&uuid);
    return out[0] ? 1 : 0;
}

/* A decimal opnum, or a method's name. */
static bool read_method(const struct catalog_interface *interface, const char *text,
                        unsigned *opnum)
{
    unsigned value = 0;
    size_t digits = strspn(text, "0123456789");
    if (text[digits] != '\0' || !digits) {
        return catalog_method_by_name(interface, text, strlen(text), opnum);
    }
    for (; *text && value <= UINT16_MAX; text++) {
        value = value * 10 + (unsigned)(*text - '0');
    }
    *opnum = value;
    return value <= UINT16_MAX;
}

/* INTERFACE, or INTERFACE:METHOD: all that is known of it. */
static void answer_exact(struct names_query *query)
{
    const struct catalog_interface *interfaces[SAME_NAME_MAX];
    const char *colon = strchr(query->text, ':');
    size_t length = colon ? (size_t)(colon - query->text) : query->text_length;
    size_t count = exact_interfaces(query->text, length, interfaces, SAME_NAME_MAX);

    json_open(query, colon ? "calls" : "interfaces");
    for (size_t i = 0; i < count; i++) {
        unsigned opnum;
        if (!colon) {
            answer_interface(query, interfaces[i]);
        } else if (read_method(interfaces[i], colon + 1, &opnum)) {
            answer_call(query, interfaces[i], opnum);
        }
    }
    json_close(query);
}

static void list_interfaces(struct names_query *query)
{
    json_open(query, "interfaces");
    for (size_t i = 0; i < catalog_interface_count(); i++) {
        const struct catalog_interface *interface = catalog_interface_at(i);
        if (query->text && !interface_matches(query, interface)) {
            continue;
        }
        if (query->json) {
            json_separate(query);
            json_interface(interface, false);
        } else {
            print_interface_line(interface);
        }
        query->found++;
    }
    json_close(query);
}

static void list_methods_of(struct names_query *query, const struct catalog_interface *interface)
{
    for (size_t i = 0; i < catalog_method_count(interface); i++) {
        const struct catalog_method *method = catalog_method_at(interface, i);
        if (!method_matches(query, method)) {
            continue;
        }
        if (query->json) {
            json_separate(query);
            json_call(interface, catalog_method_opnum(method),
                      catalog_method_canonical_name(method));
        } else {
            print_call_line(interface, catalog_method_opnum(method),
                            catalog_method_canonical_name(method), catalog_method_aliases(method));
        }
        query->found++;
    }
}

static void list_methods(struct names_query *query)
{
    json_open(query, "calls");
    for (size_t i = 0; i < catalog_interface_count(); i++) {
        list_methods_of(query, catalog_interface_at(i));
    }
    json_close(query);
}

static void list_techniques(struct names_query *query)
{
    json_open(query, "techniques");
    for (size_t i = 0; i < catalog_technique_count(); i++) {
        const struct catalog_technique *technique = catalog_technique_at(i);
        if (!technique_matches(query, technique)) {
            continue;
        }
        if (query->json) {
            json_separate(query);
            json_technique(technique);
        } else {
            print_technique_line(technique);
        }
        query->found++;
    }
    json_close(query);
}

static void answer(struct names_query *query)
{
    const struct catalog_interface *interface;
    const char *colon = query->text ? strchr(query->text, ':') : NULL;
    size_t length = colon ? (size_t)(colon - query->text) : query->text_length;

    if (query->text && exact_interfaces(query->text, length, &interface, 1)) {
        answer_exact(query);
    } else {
        list_interfaces(query);
        if (query->text) {
            list_methods(query);
            list_techniques(query);
        }
    }
    if (query->json) {
        printf("}\n");
    }
}

/* ---- Command line ---- */

static int set_pattern(const struct cli_verb *verb, struct names_query *query, const char *text)
{
    size_t length = strlen(text);
    bool plain = !strpbrk(text, "*?");
    if (query->text) {
        return cli_usage_error(verb, "one pattern, not '%s' too", text);
    }
    if (length == 0 || length > PATTERN_MAX) {
        return cli_usage_error(verb, "a pattern has 1 to %d characters", PATTERN_MAX);
    }
    query->text = text;
    query->text_length = length;
    if (plain) {
        query->pattern[query->pattern_length++] = '*';
    }
    for (size_t i = 0; i < length; i++) {
        query->pattern[query->pattern_length++] = wildcard_fold(text[i]);
    }
    if (plain) {
        query->pattern[query->pattern_length++] = '*';
    }
    return CLI_DONE;
}

static int report_none(const struct names_query *query)
{
    const struct catalog_interface *interface;
    const char *colon = strchr(query->text, ':');
    const char *meant = NULL;
    if (!colon) {
        meant = catalog_nearest_interface(query->text, query->text_length);
    } else if (exact_interfaces(query->text, (size_t)(colon - query->text), &interface, 1)) {
        meant = catalog_nearest_method(interface, colon + 1, strlen(colon + 1));
    }
    fprintf(stderr, "nothing known of '%s'", query->text);
    fprintf(stderr, meant ? "; did you mean '%s'?\n" : "%s\n", meant ? meant : "");
    return CLI_NO;
}

int verb_names(const struct cli_verb *verb, int argc, char **argv)
{
    struct names_query query = {.first = true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            query.json = true;
        } else if (argv[i][0] == '-') {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else {
            int code = set_pattern(verb, &query, argv[i]);
            if (code != CLI_DONE) {
                return code;
            }
        }
    }
    answer(&query);
    return query.found || !query.text ? CLI_DONE : report_none(&query);
}
