/* SPDX-License-Identifier: Apache-2.0 */
#include "spell.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/authn.h"
#include "universe.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void put_bytes(struct spelled_text *out, const char *bytes, size_t length)
{
    if (length > out->capacity - out->length) {
        out->capacity = (out->length + length) * 2 + 4096;
        out->bytes = realloc(out->bytes, out->capacity);
        if (!out->bytes) {
            abort();
        }
    }
    if (length) {
        memcpy(out->bytes + out->length, bytes, length);
        out->length += length;
    }
}

static void put(struct spelled_text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct spelled_text *out, const char *format, ...)
{
    char piece[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(piece)) {
        abort();
    }
    put_bytes(out, piece, (size_t)length);
}

static void end_line(struct random_stream *stream, struct spelled_text *out)
{
    put(out, random_chance(stream, 10) ? " # a comment: fw:action:block\n" : "\n");
    out->line++;
    if (random_chance(stream, 3)) {
        put(out, random_chance(stream, 50) ? "\r\n" : "\t # nothing here\n");
        out->line++;
    }
}

/* ---- Values ---- */

static void put_any_case(struct random_stream *stream, struct spelled_text *out, const char *text)
{
    uint32_t percent = random_chance(stream, 70) ? 0 : 50;
    for (; *text; text++) {
        bool letter = (*text | 0x20) >= 'a' && (*text | 0x20) <= 'z';
        char c = letter && random_chance(stream, percent) ? (char)(*text ^ 0x20) : *text;
        put_bytes(out, &c, 1);
    }
}

static void put_uuid(struct random_stream *stream, struct spelled_text *out,
                     const struct guid *uuid)
{
    char text[64];
    const uint8_t *d = uuid->data4;
    bool braces = random_chance(stream, 10);
    snprintf(text, sizeof(text), "%s%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x%s",
             braces ? "{" : "", uuid->data1, uuid->data2, uuid->data3, d[0], d[1], d[2], d[3], d[4],
             d[5], d[6], d[7], braces ? "}" : "");
    put_any_case(stream, out, text);
}

static unsigned group_of(address_number address, int group)
{
    return (unsigned)(address >> (16 * (7 - group))) & 0xffff;
}

/* Groups from `first` on, `count` of them, with "::" for the run of zeros that starts at `zeros`.
 */
static void put_groups(struct spelled_text *out, address_number address, int count, int zeros,
                       int zero_count, bool padded)
{
    for (int i = 0; i < count; i++) {
        if (i == zeros) {
            put(out, i ? ":" : "::");
            i += zero_count - 1;
            continue;
        }
        put(out, padded ? "%04x%s" : "%x%s", group_of(address, i), i < 7 ? ":" : "");
    }
}

static void put_v6(struct random_stream *stream, struct spelled_text *out, address_number address)
{
    int dotted = random_chance(stream, 20);
    int count = dotted ? 6 : 8;
    int zeros = random_chance(stream, 80) ? 0 : 8;
    int zero_count = 0;
    while (zeros < count && group_of(address, zeros)) {
        zeros++;
    }
    while (zeros + zero_count < count && !group_of(address, zeros + zero_count)) {
        zero_count++;
    }
    put_groups(out, address, count, zeros, zero_count, random_chance(stream, 10));
    if (dotted) {
        uint32_t v4 = (uint32_t)address;
        put(out, "%u.%u.%u.%u", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
    }
}

static bool is_v4(address_number address)
{
    return address >> 32 == 0xffff;
}

/* IPv4 dotted, unless `mapped` asks for its IPv6 form. */
static void put_address(struct random_stream *stream, struct spelled_text *out,
                        address_number address, bool mapped)
{
    uint32_t v4 = (uint32_t)address;
    if (!is_v4(address) || mapped) {
        put_v6(stream, out, address);
        return;
    }
    put(out, "%u.%u.%u.%u", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
}

static void put_addr_range(struct random_stream *stream, struct spelled_text *out,
                           const struct reference_value *value)
{
    address_number first = value->addr.first;
    address_number span = first ^ value->addr.last;
    bool block = (span & (span + 1)) == 0 && (first & span) == 0;
    bool mapped = random_chance(stream, 10);
    int prefix = is_v4(first) && !mapped ? 32 : 128;
    if (!span && random_chance(stream, 80)) {
        put_address(stream, out, first, mapped);
        return;
    }
    put_address(stream, out, first, mapped);
    /* `::/0` holds IPv4 too and can be written as a block alone. */
    if (block && (random_chance(stream, 80) || is_v4(first) != is_v4(value->addr.last))) {
        for (; span; span >>= 1) {
            prefix--;
        }
        put(out, "/%d", prefix);
        return;
    }
    put(out, "-");
    put_address(stream, out, value->addr.last, random_chance(stream, 10));
}

static void put_sid(struct random_stream *stream, struct spelled_text *out,
                    const struct reference_sid *sid)
{
    bool relative = false;
    const char *alias = universe_alias(sid, &relative);
    if (alias && random_chance(stream, 50)) {
        put(out, "%s", alias);
        return;
    }
    bool hex = sid->authority > UINT32_MAX || random_chance(stream, 5);
    put(out, hex ? "S-1-0x%012llx" : "S-1-%llu", (unsigned long long)sid->authority);
    for (unsigned i = 0; i < sid->count; i++) {
        put(out, "-%u", sid->sub_authority[i]);
    }
}

static void put_value(struct random_stream *stream, struct spelled_text *out, enum policy_key key,
                      const struct reference_value *value)
{
    static const char *const pipes[] = {"", "", "\\pipe\\", "\\PIPE\\"};
    switch (key) {
    case KEY_UUID:
    case KEY_OBJECT:
        put_uuid(stream, out, &value->uuid);
        break;
    case KEY_OPNUM:
        put(out, "%u", value->range.first);
        if (value->range.last != value->range.first || random_chance(stream, 2)) {
            put(out, "-%u", value->range.last);
        }
        break;
    case KEY_IFACE_VERSION:
        put(out, "%u.%u", value->range.first >> 16, value->range.first & 0xffff);
        break;
    case KEY_PROT:
        put(out, "%s", protseq_name((enum protseq)value->range.first));
        break;
    case KEY_ADDR:
        put_addr_range(stream, out, value);
        break;
    case KEY_AUTH:
        put(out, "%s%s", value->auth.weaker ? "<" : "",
            authn_level_policy_name((enum authn_level)value->auth.level));
        break;
    case KEY_SID:
        put_sid(stream, out, &value->sid);
        break;
    case KEY_ENDPOINT:
        put(out, "%s", pipes[random_below(stream, COUNT_OF(pipes))]);
        put_any_case(stream, out, value->text);
        break;
    case KEY_USER:
    case KEY_PROCESS:
        put_any_case(stream, out, value->text);
        break;
    case KEY_COUNT:
        break;
    }
}

static void put_values(struct random_stream *stream, struct spelled_text *out,
                       const struct reference_policy *policy, enum policy_key key,
                       const struct reference_condition *condition)
{
    uint32_t from = 0;
    if (condition->set != NO_SET) {
        put(out, "@s%u", condition->set);
        from = condition->set_values;
    }
    for (uint32_t i = from; i < condition->count; i++) {
        put(out, i ? "," : "");
        put_value(stream, out, key, &policy->values[condition->first + i]);
    }
}

/* ---- Lines ---- */

/* What may stand in a rule in any order: the conditions, then the outcomes. */
enum { WORD_ACTION = KEY_COUNT, WORD_AUDIT, WORD_DRY, WORD_VERBOSE, WORD_ID, WORD_COUNT };

static bool has_word(struct random_stream *stream, const struct reference_rule *rule, int word)
{
    switch (word) {
    case WORD_ACTION:
        return true;
    case WORD_AUDIT:
        return rule->audit || random_chance(stream, 20);
    case WORD_DRY:
        return rule->dry || random_chance(stream, 2);
    case WORD_VERBOSE:
        return rule->verbose || random_chance(stream, 2);
    case WORD_ID:
        return rule->name != 0;
    default:
        return rule->conditions[word].present;
    }
}

static void put_word(struct random_stream *stream, struct spelled_text *out,
                     const struct reference_policy *policy, const struct reference_rule *rule,
                     int word)
{
    const struct reference_condition *condition;
    switch (word) {
    case WORD_ACTION:
        put(out, "action:%s", rule->block ? "block" : "allow");
        break;
    case WORD_AUDIT:
        put(out, "audit:%s", rule->audit ? "true" : "false");
        break;
    case WORD_DRY:
        put(out, "dry:%s", rule->dry ? "true" : "false");
        break;
    case WORD_VERBOSE:
        put(out, "verbose:%s", rule->verbose ? "true" : "false");
        break;
    case WORD_ID:
        put(out, "id:r%u", rule->name);
        break;
    default:
        condition = &rule->conditions[word];
        put(out, "%s:%s", condition_keys[word].name, condition->negated ? "!" : "");
        put_values(stream, out, policy, (enum policy_key)word, condition);
    }
}

static void put_rule(struct spelled_text *out, const struct reference_policy *policy,
                     struct reference_rule *rule)
{
    struct random_stream stream = {rule->spelling};
    int words[WORD_COUNT];
    uint32_t count = 0;
    const char *prefix = rule->for_agents ? rule->for_filters ? "all:" : "fw:" : "flt:";

    for (int word = 0; word < WORD_COUNT; word++) {
        bool needless = word == WORD_ACTION && !rule->block && count && random_chance(&stream, 50);
        if (has_word(&stream, rule, word) && !needless) {
            words[count++] = word;
        }
    }
    for (uint32_t i = count; random_chance(&stream, 30) && i > 1; i--) {
        uint32_t other = random_below(&stream, i);
        int word = words[i - 1];
        words[i - 1] = words[other];
        words[other] = word;
    }
    rule->line = out->line;
    put(out, "%s%s", random_chance(&stream, 5) ? "\t " : "", policy->prefixed ? prefix : "");
    for (uint32_t i = 0; i < count; i++) {
        put(out, "%s", !i ? "" : random_chance(&stream, 10) ? " \t" : " ");
        put_word(&stream, out, policy, rule, words[i]);
    }
    end_line(&stream, out);
}

static void put_domain(struct random_stream *stream, struct spelled_text *out)
{
    put(out, "option domain ");
    put(out, "S-1-%u", (unsigned)universe_domain.authority);
    for (unsigned i = 0; i < universe_domain.count; i++) {
        put(out, "-%u", universe_domain.sub_authority[i]);
    }
    end_line(stream, out);
}

static void put_unknown_option(struct random_stream *stream, struct spelled_text *out, bool lenient)
{
    if (lenient || random_chance(stream, 30)) {
        put(out, "option unknown %s", lenient ? "lenient" : "strict");
        end_line(stream, out);
    }
}

static void put_sets(struct random_stream *stream, struct spelled_text *out,
                     const struct reference_policy *policy)
{
    for (uint32_t i = 0; i < policy->set_count; i++) {
        put(out, "set s%u ", i);
        put_values(stream, out, policy, policy->sets[i].key, &policy->sets[i].values);
        end_line(stream, out);
    }
}

void spell_policy(struct reference_policy *policy, struct spelled_policy *out)
{
    struct random_stream stream = {policy->spelling};
    bool unknown_first = random_chance(&stream, 50);
    out->main.length = 0;
    out->main.line = 1;
    out->included.length = 0;
    out->included.line = 1;
    out->domain_in_text = random_chance(&stream, 50);
    if (random_chance(&stream, 5)) {
        put(&out->main, "\xef\xbb\xbf");
    }
    if (out->domain_in_text) {
        put_domain(&stream, &out->main);
    }
    if (unknown_first) {
        put_unknown_option(&stream, &out->main, policy->lenient);
    }
    put_sets(&stream, &out->main, policy);
    for (uint32_t i = 0; i < policy->rule_count; i++) {
        struct reference_rule *rule = &policy->rules[i];
        if (rule->included && !out->included.length) {
            put(&out->main, "include " SPELLED_INCLUDE);
            end_line(&stream, &out->main);
        }
        put_rule(rule->included ? &out->included : &out->main, policy, rule);
    }
    if (!unknown_first) {
        put_unknown_option(&stream, &out->main, policy->lenient);
    }
}

void spelled_policy_free(struct spelled_policy *spelled)
{
    free(spelled->main.bytes);
    free(spelled->included.bytes);
    memset(spelled, 0, sizeof(*spelled));
}

/* ---- Calls ---- */

static void print_text(FILE *out, const char *key, struct text text)
{
    fprintf(out, " %s=", key);
    for (size_t i = 0; i < text.length; i++) {
        fprintf(out, text.bytes[i] ? "%c" : "\\0", text.bytes[i]);
    }
}

void spell_call(const struct generated_call *generated, FILE *out)
{
    const struct call *call = &generated->call;
    char text[SID_TEXT_SIZE];
    for (int fact = 0; fact < FACT_COUNT; fact++) {
        if (!(generated->known & FACT_BIT(fact))) {
            continue;
        }
        switch (fact) {
        case FACT_INTERFACE:
            fprintf(out, " uuid=%s ver=%u.%u", guid_format(&call->interface, text),
                    call->version_major, call->version_minor);
            break;
        case FACT_OPNUM:
            fprintf(out, " opnum=%u", call->opnum);
            break;
        case FACT_PROTSEQ:
            fprintf(out, " prot=%s", protseq_name(call->protseq));
            break;
        case FACT_ENDPOINT:
            print_text(out, "endpoint", call->endpoint);
            break;
        case FACT_CLIENT_ADDR:
            fprintf(out, " addr=%s", ipaddr_format(&call->client_addr, text));
            break;
        case FACT_PRINCIPAL:
            print_text(out, "user", call->principal);
            break;
        case FACT_AUTHN:
            fprintf(out, " auth=%s", authn_level_name(call->authn_level));
            break;
        case FACT_OBJECT:
            fprintf(out, " object=%s", guid_format(&call->object, text));
            break;
        case FACT_PROCESS:
            print_text(out, "process", call->process);
            break;
        case FACT_SIDS:
            for (size_t i = 0; i < call->sid_count; i++) {
                fprintf(out, " sid=%s", sid_format(call->sids[i], text));
            }
            break;
        default:
            break;
        }
    }
    fprintf(out, "\n");
}
