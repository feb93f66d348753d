/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/load_policy.h"
#include "cli/report.h"
#include "core/authn.h"
#include "core/catalog.h"
#include "core/decide.h"
#include "core/policy.h"
#include "core/sid_alias.h"

#define SIDS_MAX       1024
#define INTERFACES_MAX 8 /* of one name, in messages */

struct explained {
    struct call call;
    struct sid *sids;
    const struct sid **sid_list;
    uint32_t seen;      /* a bit for each row of `words` */
    const char *method; /* opnum= as a name, which uuid= gives a meaning; NULL: none */
    char why[512];      /* what is wrong with a value, where there is more to say */
};

struct explain_arguments {
    const char *file;
    bool compat;
    bool json;
    bool trace;
};

/* ---- KEY=VALUE words ---- */

static bool read_decimal(const char *text, unsigned max, unsigned *out)
{
    unsigned value = 0;
    size_t length = strlen(text);
    if (!length || length > 5) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = value;
    return value <= max;
}

static bool set_uuid(struct explained *what, const char *value)
{
    const struct catalog_interface *found[INTERFACES_MAX];
    size_t length = strlen(value);
    call_set_known(&what->call, FACT_INTERFACE);
    if (guid_parse(value, length, &what->call.interface)) {
        return true;
    }
    size_t count = catalog_interfaces_by_name(value, length, found, INTERFACES_MAX);
    if (count == 1) {
        what->call.interface = *catalog_interface_uuid(found[0]);
        return true;
    }
    if (!count) {
        const char *meant = catalog_nearest_interface(value, length);
        snprintf(what->why, sizeof(what->why),
                 meant ? "'%s' is no UUID and no interface's name; did you mean '%s'?"
                       : "'%s' is no UUID and no interface's name%s",
                 value, meant ? meant : "");
        return false;
    }
    int used = snprintf(what->why, sizeof(what->why), "'%s' has several UUIDs; say which:", value);
    for (size_t i = 0; i < count && i < INTERFACES_MAX && used > 0; i++) {
        char text[GUID_TEXT_SIZE];
        size_t at = (size_t)used < sizeof(what->why) ? (size_t)used : sizeof(what->why) - 1;
        used += snprintf(what->why + at, sizeof(what->why) - at, " %s",
                         guid_format(catalog_interface_uuid(found[i]), text));
    }
    return false;
}

static bool set_version(struct explained *what, const char *value)
{
    unsigned major;
    unsigned minor;
    char head[8] = {0};
    const char *dot = strchr(value, '.');
    if (!dot || (size_t)(dot - value) >= sizeof(head)) {
        return false;
    }
    memcpy(head, value, (size_t)(dot - value));
    if (!read_decimal(head, UINT16_MAX, &major) || !read_decimal(dot + 1, UINT16_MAX, &minor)) {
        return false;
    }
    what->call.version_major = (uint16_t)major;
    what->call.version_minor = (uint16_t)minor;
    return true;
}

static bool set_opnum(struct explained *what, const char *value)
{
    unsigned number = 0;
    bool good = read_decimal(value, UINT16_MAX, &number);
    what->call.opnum = (uint16_t)number;
    call_set_known(&what->call, FACT_OPNUM);
    if (!good && *value && strchr("0123456789+-", *value) == NULL) {
        what->method = value;
        return true;
    }
    return good;
}

/* After all words: uuid= may stand behind opnum=. */
static int find_method(const struct cli_verb *verb, struct explained *what)
{
    const char *name = what->method;
    unsigned number = 0;
    if (!name) {
        return CLI_DONE;
    }
    if (!(what->call.known & FACT_BIT(FACT_INTERFACE))) {
        return cli_usage_error(verb, "opnum=%s: the name of a method needs uuid=", name);
    }
    const struct catalog_interface *interface = catalog_interface_by_uuid(&what->call.interface);
    if (!interface) {
        return cli_usage_error(verb, "opnum=%s: the catalogue lacks the interface; give the number",
                               name);
    }
    if (!catalog_method_by_name(interface, name, strlen(name), &number)) {
        const char *meant = catalog_nearest_method(interface, name, strlen(name));
        return cli_usage_error(
            verb, meant ? "%s has no method '%s'; did you mean '%s'?" : "%s has no method '%s'%s",
            catalog_interface_name(interface), name, meant ? meant : "");
    }
    what->call.opnum = (uint16_t)number;
    return CLI_DONE;
}

static bool set_protseq(struct explained *what, const char *value)
{
    what->call.protseq = protseq_from_name(value, strlen(value));
    call_set_known(&what->call, FACT_PROTSEQ);
    return what->call.protseq != PROTSEQ_UNKNOWN;
}

static bool set_text(struct explained *what, enum call_fact fact, struct text *member,
                     const char *value)
{
    *member = (struct text){value, strlen(value)};
    call_set_known(&what->call, fact);
    return true;
}

static bool set_endpoint(struct explained *what, const char *value)
{
    return set_text(what, FACT_ENDPOINT, &what->call.endpoint, value);
}

static bool set_user(struct explained *what, const char *value)
{
    return set_text(what, FACT_PRINCIPAL, &what->call.principal, value);
}

static bool set_process(struct explained *what, const char *value)
{
    return set_text(what, FACT_PROCESS, &what->call.process, value);
}

static bool set_object(struct explained *what, const char *value)
{
    if (strcmp(value, "unknown") == 0) {
        call_set_unknown(&what->call, FACT_OBJECT);
        return true;
    }
    return guid_parse(value, strlen(value), &what->call.object);
}

static bool set_addr(struct explained *what, const char *value)
{
    call_set_known(&what->call, FACT_CLIENT_ADDR);
    return ipaddr_parse(value, strlen(value), &what->call.client_addr);
}

static bool set_port(struct explained *what, const char *value)
{
    unsigned number = 0;
    bool good = read_decimal(value, UINT16_MAX, &number);
    what->call.client_port = (uint16_t)number;
    call_set_known(&what->call, FACT_CLIENT_PORT);
    return good;
}

static bool set_sid(struct explained *what, const char *value)
{
    struct sid *sid = &what->sids[what->call.sid_count];
    size_t length = strlen(value);
    if (what->call.sid_count == SIDS_MAX) {
        return false;
    }
    if (!sid_parse(value, length, sid)) {
        enum sid_alias_result result = sid_from_alias(value, length, NULL, sid);
        if (result == SID_ALIAS_NO_DOMAIN) {
            snprintf(what->why, sizeof(what->why),
                     "'%s' is relative to a domain; give the SID as a whole", value);
        }
        if (result != SID_ALIAS_FOUND) {
            return false;
        }
    }
    what->sid_list[what->call.sid_count++] = sid;
    call_set_known(&what->call, FACT_SIDS);
    return true;
}

static bool set_auth(struct explained *what, const char *value)
{
    enum authn_level level = AUTHN_LEVEL_NONE;
    bool good = authn_level_from_policy(value, strlen(value), &level);
    what->call.authn_level = (uint8_t)level;
    call_set_known(&what->call, FACT_AUTHN);
    return good;
}

static bool set_authn(struct explained *what, const char *value)
{
    unsigned service = 0;
    bool good = authn_service_from_name(value, strlen(value), &service);
    what->call.authn_service = (uint8_t)service;
    return good;
}

static const struct {
    const char *name;
    bool (*set)(struct explained *what, const char *value);
} words[] = {
    {"uuid", set_uuid},         {"ver", set_version}, {"opnum", set_opnum}, {"prot", set_protseq},
    {"endpoint", set_endpoint}, {"addr", set_addr},   {"port", set_port},   {"sid", set_sid},
    {"user", set_user},         {"auth", set_auth},   {"authn", set_authn}, {"object", set_object},
    {"process", set_process},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static int read_word(const struct cli_verb *verb, struct explained *what, const char *argument)
{
    const char *names[WORD_COUNT + 1] = {NULL};
    const char *equals = strchr(argument, '=');
    if (!equals) {
        return cli_usage_error(verb, "'%s' is not KEY=VALUE", argument);
    }
    size_t length = (size_t)(equals - argument);
    for (size_t i = 0; i < WORD_COUNT; i++) {
        names[i] = words[i].name;
        if (strlen(words[i].name) != length || memcmp(words[i].name, argument, length) != 0) {
            continue;
        }
        if (what->seen & 1u << i && words[i].set != set_sid) {
            return cli_usage_error(verb, "%s stands twice; only sid may be repeated",
                                   words[i].name);
        }
        what->seen |= 1u << i;
        if (!words[i].set(what, equals + 1)) {
            if (*what->why) {
                return cli_usage_error(verb, "%s: %s", words[i].name, what->why);
            }
            return cli_usage_error(verb, "'%s' is no value for %s", equals + 1, words[i].name);
        }
        return CLI_DONE;
    }
    const char *meant = closest_word(argument, length, names);
    return cli_usage_error(
        verb, meant ? "unknown key '%.*s'; did you mean '%s'?" : "unknown key '%.*s'%s",
        (int)length, argument, meant ? meant : "");
}

static int read_arguments(const struct cli_verb *verb, int argc, char **argv,
                          struct explain_arguments *out, struct explained *what)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-p") == 0 || strcmp(argv[i], "--policy") == 0) {
            if (++i == argc) {
                return cli_usage_error(verb, "-p needs a file");
            }
            out->file = argv[i];
        } else if (strcmp(argv[i], "--compat") == 0) {
            out->compat = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            out->json = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            out->trace = true;
        } else if (argv[i][0] == '-') {
            return cli_usage_error(verb, "unknown option '%s'", argv[i]);
        } else {
            int code = read_word(verb, what, argv[i]);
            if (code != CLI_DONE) {
                return code;
            }
        }
    }
    int code = find_method(verb, what);
    if (code != CLI_DONE) {
        return code;
    }
    return out->file ? CLI_DONE : cli_usage_error(verb, "which policy? -p FILE");
}

/* ---- The answer ---- */

/* rule=LINE, or rule=FILE:LINE for a rule of an included file. */
static void print_rule_name(FILE *out, const struct policy_image *image, uint32_t number)
{
    const struct image_rule *rule = image_rule(image, number);
    const char *file = image_text(image, rule->file);
    fprintf(out, *file ? "%s:%lu" : "%s%lu", file, (unsigned long)rule->line);
}

static void print_verdict(const struct policy_image *image, const struct verdict *verdict)
{
    printf("%s %s ", verdict->block ? "block" : "allow", verdict->audit ? "audit" : "noaudit");
    if (verdict->rule == VERDICT_NO_RULE) {
        printf("default\n");
        return;
    }
    printf("rule=");
    print_rule_name(stdout, image, verdict->rule);
    printf("%s\n", verdict->dry ? " dry" : "");
}

static void print_unknown(const struct verdict *verdict)
{
    const char *separator = "unknown: ";
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (verdict->unknown & FACT_BIT(fact)) {
            printf("%s%s", separator, fact_name((enum call_fact)fact));
            separator = ", ";
        }
    }
    if (verdict->unknown) {
        printf("\n");
    }
}

static const char *failed_key(const struct policy_image *image, uint32_t condition)
{
    const struct image_condition *table =
        (const struct image_condition *)((const char *)image + image->conditions.offset);
    return condition < image->conditions.count ? condition_keys[table[condition].key].name : "prot";
}

static void print_trace(const struct policy_image *image, struct call *call,
                        const struct verdict *verdict)
{
    uint32_t end = verdict->rule == VERDICT_NO_RULE ? image->rules.count : verdict->rule;
    for (uint32_t i = 0; i < end; i++) {
        uint32_t failed;
        enum match_result result = decide_rule(image, i, call, &failed);
        printf("rule ");
        print_rule_name(stdout, image, i);
        if (failed == UINT32_MAX) {
            printf(": does not see ncalrpc calls (prot: does not name it)\n");
        } else {
            printf(": %s: %s\n", failed_key(image, failed),
                   result == MATCH_NO ? "does not hold" : "is unknown");
        }
    }
}

static void print_json_trace(const struct policy_image *image, struct call *call,
                             const struct verdict *verdict)
{
    uint32_t end = verdict->rule == VERDICT_NO_RULE ? image->rules.count : verdict->rule;
    printf(",\"trace\":[");
    for (uint32_t i = 0; i < end; i++) {
        uint32_t failed;
        enum match_result result = decide_rule(image, i, call, &failed);
        printf("%s{\"line\":%lu,\"key\":\"%s\",\"result\":\"%s\"}", i ? "," : "",
               (unsigned long)image_rule(image, i)->line, failed_key(image, failed),
               result == MATCH_UNKNOWN ? "unknown" : "no");
    }
    printf("]");
}

static void print_json(const struct policy_image *image, struct call *call,
                       const struct verdict *verdict, bool trace)
{
    const char *separator = "";
    printf("{\"action\":\"%s\",\"audit\":%s,\"dry\":%s", verdict->block ? "block" : "allow",
           verdict->audit ? "true" : "false", verdict->dry ? "true" : "false");
    if (verdict->rule != VERDICT_NO_RULE) {
        const struct image_rule *rule = image_rule(image, verdict->rule);
        const char *file = image_text(image, rule->file);
        const char *name = image_text(image, rule->name);
        printf(",\"rule\":{\"line\":%lu", (unsigned long)rule->line);
        if (*file) {
            printf(",\"file\":");
            report_json_string(stdout, file, strlen(file));
        }
        if (*name) {
            printf(",\"name\":");
            report_json_string(stdout, name, strlen(name));
        }
        printf("}");
    }
    printf(",\"unknown\":[");
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (verdict->unknown & FACT_BIT(fact)) {
            printf("%s\"%s\"", separator, fact_name((enum call_fact)fact));
            separator = ",";
        }
    }
    printf("]");
    if (trace) {
        print_json_trace(image, call, verdict);
    }
    printf("}\n");
}

static int explain(const struct explain_arguments *arguments, struct call *call)
{
    size_t size;
    struct policy *policy = load_policy(arguments->file, arguments->compat);
    if (!policy) {
        return CLI_ERROR;
    }
    if (policy->diagnostics.errors) {
        report_text(stderr, &policy->diagnostics);
        policy_free(policy);
        return CLI_NO;
    }
    struct policy_image *image = policy_compile(policy, &size);
    policy_free(policy);
    if (!image) {
        fprintf(stderr, "%s: the compiled policy does not fit into memory\n", arguments->file);
        return CLI_ERROR;
    }
    struct verdict verdict = decide(image, call);
    if (arguments->json) {
        print_json(image, call, &verdict, arguments->trace);
    } else {
        print_verdict(image, &verdict);
        print_unknown(&verdict);
        if (arguments->trace) {
            print_trace(image, call, &verdict);
        }
    }
    free(image);
    return CLI_DONE;
}

int verb_explain(const struct cli_verb *verb, int argc, char **argv)
{
    struct explain_arguments arguments = {0};
    struct explained what = {
        .sids = calloc(SIDS_MAX + 1, sizeof(struct sid)),
        .sid_list = calloc(SIDS_MAX + 1, sizeof(struct sid *)),
    };
    int code = CLI_ERROR;
    if (!what.sids || !what.sid_list) {
        fprintf(stderr, "out of memory\n");
        goto out;
    }
    what.call.sids = what.sid_list;
    call_set_known(&what.call, FACT_OBJECT);
    code = read_arguments(verb, argc, argv, &arguments, &what);
    if (code == CLI_DONE) {
        code = explain(&arguments, &what.call);
    }
out:
    free(what.sids);
    free(what.sid_list);
    return code;
}
