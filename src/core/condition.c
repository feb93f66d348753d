/* SPDX-License-Identifier: Apache-2.0 */
#include "core/condition.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/authn.h"
#include "core/catalog.h"
#include "core/condition_type.h"
#include "core/sid_alias.h"
#include "core/wildcard.h"

/* Interfaces that one name may stand for. */
#define INTERFACES_PER_NAME 8

/* ---- Values while a policy is read ---- */

bool value_list_append(struct value_list *list, const void *value, size_t size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 4;
        void *items = realloc(list->items, capacity * size);
        if (!items) {
            return false;
        }
        list->items = items;
        list->capacity = capacity;
    }
    memcpy((char *)list->items + list->count * size, value, size);
    list->count++;
    return true;
}

static bool refuse(struct value_reader *reader, const char *suggestion, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes why a value is refused; returns false. */
static bool refuse(struct value_reader *reader, const char *suggestion, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->error->message, sizeof(reader->error->message), format, arguments);
    va_end(arguments);
    snprintf(reader->error->suggestion, sizeof(reader->error->suggestion), "%s",
             suggestion ? suggestion : "");
    return false;
}

/* How much of a wrong value a message repeats. */
static int quoted(size_t length)
{
    return length > 80 ? 80 : (int)length;
}

static bool append(struct value_reader *reader, const void *value, size_t size)
{
    return value_list_append(reader->list, value, size) || refuse(reader, NULL, "out of memory");
}

static bool append_text(struct value_reader *reader, const char *text, size_t length)
{
    struct text_pool *pool = reader->pool;
    if (length > pool->capacity - pool->length) {
        size_t capacity = (pool->capacity + length) * 2 + 64;
        char *bytes = realloc(pool->bytes, capacity);
        if (!bytes) {
            return refuse(reader, NULL, "out of memory");
        }
        pool->bytes = bytes;
        pool->capacity = capacity;
    }
    struct image_pattern pattern = {(uint32_t)pool->length, (uint32_t)length};
    for (size_t i = 0; i < length; i++) {
        pool->bytes[pool->length++] = wildcard_fold(text[i]);
    }
    return append(reader, &pattern, sizeof(pattern));
}

/* ---- Rows: reading and matching, key by key ---- */

static const void *values_of(const struct policy_image *image,
                             const struct image_condition *condition)
{
    return (const char *)image + condition->offset;
}

static bool has_guid(const struct policy_image *image, const struct image_condition *condition,
                     const struct guid *guid)
{
    const struct guid *table = values_of(image, condition);
    uint32_t low = 0;
    uint32_t high = condition->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = guid_compare(guid, &table[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

static bool read_guid(struct value_reader *reader, const char *text, size_t length)
{
    struct guid guid;
    if (!guid_parse(text, length, &guid)) {
        return refuse(reader, NULL, "'%.*s' is not a UUID (8-4-4-4-12 hexadecimal digits)",
                      quoted(length), text);
    }
    return append(reader, &guid, sizeof(guid));
}

/* A UUID, or the name of an interface, which may be registered under several. */
static bool read_interface(struct value_reader *reader, const char *text, size_t length)
{
    const struct catalog_interface *found[INTERFACES_PER_NAME];
    struct guid guid;
    if (guid_parse(text, length, &guid)) {
        return append(reader, &guid, sizeof(guid));
    }
    size_t count = catalog_interfaces_by_name(text, length, found, INTERFACES_PER_NAME);
    if (!count || count > INTERFACES_PER_NAME) {
        return refuse(reader, catalog_nearest_interface(text, length),
                      "'%.*s' is neither a UUID (8-4-4-4-12 hexadecimal digits) nor the name of an "
                      "interface",
                      quoted(length), text);
    }
    for (size_t i = 0; i < count; i++) {
        const struct guid *uuid = catalog_interface_uuid(found[i]);
        if (!append(reader, uuid, sizeof(*uuid))) {
            return false;
        }
    }
    return true;
}

static bool match_uuid(const struct policy_image *image, const struct image_condition *condition,
                       const struct call *call)
{
    return has_guid(image, condition, &call->interface);
}

static bool match_object(const struct policy_image *image, const struct image_condition *condition,
                         const struct call *call)
{
    return has_guid(image, condition, &call->object);
}

/* A decimal number of 0 to `max` without sign or leading zeros. */
static bool read_number(const char *text, size_t length, uint32_t max, uint32_t *value)
{
    uint32_t sum = 0;
    if (!length || length > 5 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        sum = sum * 10 + (uint32_t)(text[i] - '0');
    }
    *value = sum;
    return sum <= max;
}

/* What the writer of 0x10 or 007 meant, for the suggestion. */
static void suggest_number(const char *text, size_t length, char suggestion[32])
{
    char copy[16];
    char *end;
    suggestion[0] = '\0';
    if (!length || length >= sizeof(copy) || !isdigit((unsigned char)text[0])) {
        return;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    bool hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
    unsigned long value = strtoul(copy, &end, hex ? 16 : 10);
    if (*end == '\0' && value <= UINT16_MAX) {
        snprintf(suggestion, 32, "%lu", value);
    }
}

static bool append_opnums(struct value_reader *reader, uint32_t first, uint32_t last)
{
    struct image_range range = {(uint16_t)first, (uint16_t)last};
    return append(reader, &range, sizeof(range));
}

/* A method's name means its opnum in the interfaces that the rule names: the same in all of them.
 */
static bool read_method(struct value_reader *reader, const char *text, size_t length)
{
    const struct value_context *context = reader->context;
    unsigned opnum = 0;
    if (!context->interface_count) {
        return refuse(reader, NULL,
                      "'%.*s' is not an opnum, and a method's name needs the interface in uuid:",
                      quoted(length), text);
    }
    for (size_t i = 0; i < context->interface_count; i++) {
        char uuid[GUID_TEXT_SIZE];
        unsigned here = 0;
        const struct catalog_interface *interface =
            catalog_interface_by_uuid(&context->interfaces[i]);
        guid_format(&context->interfaces[i], uuid);
        if (!interface) {
            return refuse(reader, NULL, "'%.*s': no method of interface %s is known by name",
                          quoted(length), text, uuid);
        }
        const char *name = catalog_interface_name(interface);
        if (!catalog_method_by_name(interface, text, length, &here)) {
            return refuse(reader, catalog_nearest_method(interface, text, length),
                          "'%.*s' is not a method of %s (%s)", quoted(length), text, name, uuid);
        }
        if (i > 0 && here != opnum) {
            return refuse(reader, NULL, "'%.*s' is opnum %u in %s and %u in another interface",
                          quoted(length), text, here, name, opnum);
        }
        opnum = here;
    }
    return append_opnums(reader, opnum, opnum);
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool read_opnums(struct value_reader *reader, const char *text, size_t length)
{
    const char *dash = memchr(text, '-', length);
    size_t head = dash ? (size_t)(dash - text) : length;
    char suggestion[32];
    uint32_t first;
    uint32_t last;

    if (is_letter(text[0])) {
        return read_method(reader, text, length);
    }
    if (!read_number(text, head, UINT16_MAX, &first)) {
        suggest_number(text, head, suggestion);
        return refuse(reader, dash ? "" : suggestion,
                      "'%.*s' is not an opnum (a decimal number of 0 to 65535, a range, or the "
                      "name of a method)",
                      quoted(length), text);
    }
    last = first;
    if (dash && !read_number(dash + 1, length - head - 1, UINT16_MAX, &last)) {
        return refuse(reader, NULL, "'%.*s' is not a range of opnums", quoted(length), text);
    }
    if (last < first) {
        snprintf(suggestion, sizeof(suggestion), "%lu-%lu", (unsigned long)last,
                 (unsigned long)first);
        return refuse(reader, suggestion, "the range '%.*s' ends before it begins", quoted(length),
                      text);
    }
    return append_opnums(reader, first, last);
}

static bool match_opnum(const struct policy_image *image, const struct image_condition *condition,
                        const struct call *call)
{
    const struct image_range *table = values_of(image, condition);
    uint32_t low = 0;
    uint32_t high = condition->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (call->opnum < table[middle].first) {
            high = middle;
        } else if (call->opnum > table[middle].last) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

static bool read_version(struct value_reader *reader, const char *text, size_t length)
{
    const char *dot = memchr(text, '.', length);
    uint32_t major;
    uint32_t minor;
    if (!dot || !read_number(text, (size_t)(dot - text), UINT16_MAX, &major) ||
        !read_number(dot + 1, length - (size_t)(dot - text) - 1, UINT16_MAX, &minor)) {
        return refuse(reader, NULL, "'%.*s' is not an interface version (major.minor)",
                      quoted(length), text);
    }
    uint32_t version = major << 16 | minor;
    return append(reader, &version, sizeof(version));
}

static bool has_number(const struct policy_image *image, const struct image_condition *condition,
                       uint32_t number)
{
    const uint32_t *table = values_of(image, condition);
    for (uint32_t i = 0; i < condition->count && table[i] <= number; i++) {
        if (table[i] == number) {
            return true;
        }
    }
    return false;
}

static bool match_version(const struct policy_image *image, const struct image_condition *condition,
                          const struct call *call)
{
    return has_number(image, condition, (uint32_t)call->version_major << 16 | call->version_minor);
}

static bool read_protseq(struct value_reader *reader, const char *text, size_t length)
{
    char lower[32];
    uint32_t protseq = protseq_from_name(text, length);
    if (protseq != PROTSEQ_UNKNOWN) {
        return append(reader, &protseq, sizeof(protseq));
    }
    const char *suggestion = NULL;
    if (length < sizeof(lower)) {
        for (size_t i = 0; i < length; i++) {
            lower[i] = wildcard_fold(text[i]);
        }
        enum protseq meant = protseq_from_name(lower, length);
        if (meant != PROTSEQ_UNKNOWN) {
            suggestion = protseq_name(meant);
        } else if (length == 3 && memcmp(lower, "tcp", 3) == 0) {
            suggestion = "ncacn_ip_tcp";
        }
    }
    return refuse(reader, suggestion, "'%.*s' is not a protocol sequence", quoted(length), text);
}

static bool match_protseq(const struct policy_image *image, const struct image_condition *condition,
                          const struct call *call)
{
    return has_number(image, condition, (uint32_t)call->protseq);
}

static bool read_pattern(struct value_reader *reader, const char *text, size_t length)
{
    return append_text(reader, text, length);
}

static bool match_pattern(const struct policy_image *image, const struct image_condition *condition,
                          struct text text)
{
    const struct image_pattern *table = values_of(image, condition);
    for (uint32_t i = 0; i < condition->count; i++) {
        if (wildcard_match((const char *)image + table[i].offset, table[i].length, text.bytes,
                           text.length)) {
            return true;
        }
    }
    return false;
}

static bool match_process(const struct policy_image *image, const struct image_condition *condition,
                          const struct call *call)
{
    return match_pattern(image, condition, call->process);
}

static bool read_user(struct value_reader *reader, const char *text, size_t length)
{
    if (!memchr(text, '\\', length) && !memchr(text, '*', length) && !memchr(text, '@', length)) {
        return refuse(reader, NULL, "'%.*s' names no domain (DOMAIN\\name, or *\\name for any)",
                      quoted(length), text);
    }
    if (text[length - 1] == '\\') {
        return refuse(reader, NULL, "'%.*s' names no account (DOMAIN\\name, or DOMAIN\\* for all)",
                      quoted(length), text);
    }
    return append_text(reader, text, length);
}

static bool match_user(const struct policy_image *image, const struct image_condition *condition,
                       const struct call *call)
{
    return match_pattern(image, condition, call->principal);
}

/* The endpoint without the \pipe\ that some runtimes put in front of a pipe's name. */
static struct text bare_endpoint(struct text endpoint)
{
    static const char prefix[] = "\\pipe\\";
    const size_t length = sizeof(prefix) - 1;
    if (endpoint.length < length) {
        return endpoint;
    }
    for (size_t i = 0; i < length; i++) {
        if (wildcard_fold(endpoint.bytes[i]) != prefix[i]) {
            return endpoint;
        }
    }
    return (struct text){endpoint.bytes + length, endpoint.length - length};
}

/* Whether the text is a number that no port has. */
static bool is_beyond_ports(const char *text, size_t length)
{
    uint32_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number > UINT16_MAX ? number : number * 10 + (uint32_t)(text[i] - '0');
    }
    return number > UINT16_MAX;
}

static bool read_endpoint(struct value_reader *reader, const char *text, size_t length)
{
    struct text bare = bare_endpoint((struct text){text, length});
    if (!bare.length) {
        return refuse(reader, NULL, "'%.*s' names no pipe and no port", quoted(length), text);
    }
    if (bare.bytes == text && is_beyond_ports(text, length)) {
        return refuse(reader, NULL, "'%.*s' is no port (0 to 65535), and a pipe is \\pipe\\NAME",
                      quoted(length), text);
    }
    return append_text(reader, bare.bytes, bare.length);
}

static bool match_endpoint(const struct policy_image *image,
                           const struct image_condition *condition, const struct call *call)
{
    const struct image_pattern *table = values_of(image, condition);
    struct text bare = bare_endpoint(call->endpoint);
    for (uint32_t i = 0; i < condition->count; i++) {
        if (wildcard_equal((const char *)image + table[i].offset, table[i].length, bare.bytes,
                           bare.length)) {
            return true;
        }
    }
    return false;
}

static bool read_addrs(struct value_reader *reader, const char *text, size_t length)
{
    static const char *const reasons[] = {
        [IPADDR_RANGE_BAD_ADDRESS] = "is not an IP address, a CIDR block or a range of addresses",
        [IPADDR_RANGE_BAD_PREFIX] = "has no valid prefix length",
        [IPADDR_RANGE_HOST_BITS] = "has bits set behind its prefix",
        [IPADDR_RANGE_MIXED] = "mixes IPv4 and IPv6",
        [IPADDR_RANGE_REVERSED] = "ends before it begins",
    };
    struct ipaddr_range range;
    enum ipaddr_range_error error = ipaddr_range_parse(text, length, &range);
    if (error != IPADDR_RANGE_OK) {
        return refuse(reader, NULL, "'%.*s' %s", quoted(length), text, reasons[error]);
    }
    return append(reader, &range, sizeof(range));
}

static bool match_addr(const struct policy_image *image, const struct image_condition *condition,
                       const struct call *call)
{
    const struct ipaddr_range *table = values_of(image, condition);
    uint32_t low = 0;
    uint32_t high = condition->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ipaddr_compare(&call->client_addr, &table[middle].first) < 0) {
            high = middle;
        } else if (ipaddr_compare(&call->client_addr, &table[middle].last) > 0) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

static bool read_auth(struct value_reader *reader, const char *text, size_t length)
{
    bool weaker = length && text[0] == '<';
    enum authn_level level;
    if (!authn_level_from_policy(text + weaker, length - weaker, &level)) {
        return refuse(
            reader, NULL,
            "'%.*s' is not an authentication level (none connect call pkt integrity privacy)",
            quoted(length), text);
    }
    uint32_t value = (uint32_t)level | (weaker ? AUTH_WEAKER : 0);
    return append(reader, &value, sizeof(value));
}

static bool match_auth(const struct policy_image *image, const struct image_condition *condition,
                       const struct call *call)
{
    const uint32_t *value = values_of(image, condition);
    uint32_t level = *value & ~AUTH_WEAKER;
    return *value & AUTH_WEAKER ? call->authn_level < level : call->authn_level >= level;
}

static bool read_sid(struct value_reader *reader, const char *text, size_t length)
{
    struct sid sid;
    enum sid_alias_result result = SID_ALIAS_NONE;
    if (!sid_parse(text, length, &sid)) {
        result = sid_from_alias(text, length, reader->context->domain, &sid);
        if (result == SID_ALIAS_NONE) {
            return refuse(reader, NULL, "'%.*s' is not a SID (S-1-… or an alias such as BA)",
                          quoted(length), text);
        }
        if (result == SID_ALIAS_NO_DOMAIN) {
            return refuse(reader, NULL,
                          "'%.*s' is relative to a domain that is not known: option domain "
                          "S-1-5-21-… before it",
                          (int)length, text);
        }
    }
    return append(reader, &sid, sizeof(sid));
}

static bool match_sid(const struct policy_image *image, const struct image_condition *condition,
                      const struct call *call)
{
    const struct sid *table = values_of(image, condition);
    for (size_t i = 0; i < call->sid_count; i++) {
        uint32_t low = 0;
        uint32_t high = condition->count;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            int order = sid_compare(call->sids[i], &table[middle]);
            if (order == 0) {
                return true;
            }
            if (order < 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
    }
    return false;
}

#define LIST true
#define ONE  false
#define SETS true
#define BARE false

const struct condition_key condition_keys[KEY_COUNT] = {
    [KEY_UUID] = {"uuid", &type_guids, FACT_INTERFACE, LIST, SETS,
                  "e3514235-4b06-11d1-ab04-00c04fc2dcd2", read_interface, match_uuid},
    [KEY_OPNUM] = {"opnum", &type_ranges, FACT_OPNUM, LIST, BARE, "0,4-9", read_opnums,
                   match_opnum},
    [KEY_IFACE_VERSION] = {"iface_version", &type_numbers, FACT_INTERFACE, LIST, BARE, "4.0",
                           read_version, match_version},
    [KEY_PROT] = {"prot", &type_numbers, FACT_PROTSEQ, LIST, BARE, "ncacn_ip_tcp", read_protseq,
                  match_protseq},
    [KEY_PROCESS] = {"process", &type_patterns, FACT_PROCESS, LIST, BARE, "lsass.exe", read_pattern,
                     match_process},
    [KEY_ENDPOINT] = {"endpoint", &type_patterns, FACT_ENDPOINT, LIST, BARE, "\\pipe\\lsarpc",
                      read_endpoint, match_endpoint},
    [KEY_ADDR] = {"addr", &type_addrs, FACT_CLIENT_ADDR, LIST, SETS, "10.0.0.0/8", read_addrs,
                  match_addr},
    [KEY_AUTH] = {"auth", &type_levels, FACT_AUTHN, ONE, BARE, "privacy", read_auth, match_auth},
    [KEY_OBJECT] = {"object", &type_guids, FACT_OBJECT, LIST, BARE,
                    "00000000-0000-0000-0000-000000000000", read_guid, match_object},
    [KEY_SID] = {"sid", &type_sids, FACT_SIDS, LIST, SETS, "S-1-5-32-544", read_sid, match_sid},
    [KEY_USER] = {"user", &type_patterns, FACT_PRINCIPAL, LIST, BARE, "CORP\\admin*", read_user,
                  match_user},
};

enum policy_key condition_key_from_name(const char *name, size_t length)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strlen(condition_keys[i].name) == length &&
            memcmp(condition_keys[i].name, name, length) == 0) {
            return (enum policy_key)i;
        }
    }
    return KEY_COUNT;
}

enum match_result condition_match(const struct policy_image *image,
                                  const struct image_condition *condition, struct call *call)
{
    const struct condition_key *key = &condition_keys[condition->key];
    if (!call_knows(call, key->fact)) {
        return MATCH_UNKNOWN;
    }
    bool negated = (condition->flags & IMAGE_CONDITION_NEGATED) != 0;
    return key->match(image, condition, call) != negated ? MATCH_YES : MATCH_NO;
}
