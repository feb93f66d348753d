/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/authn.h"

/* About as many interfaces as a Windows network knows, and as many methods as the large ones have.
 */
#define INTERFACES 200u
#define METHODS    100u

static void put(struct bench_text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct bench_text *out, const char *format, ...)
{
    va_list arguments;
    if (out->capacity - out->length < 256) {
        out->capacity = out->capacity * 2 + 4096;
        out->bytes = realloc(out->bytes, out->capacity);
        if (!out->bytes) {
            abort();
        }
    }
    va_start(arguments, format);
    out->length += (size_t)vsnprintf(out->bytes + out->length, 256, format, arguments);
    va_end(arguments);
}

static struct guid interface_number(uint32_t number)
{
    struct guid guid = {0x12345678u + number * 0x9e3779b9u, 0x1234, 0xabcd, {0xef, 0, 1, 2, 3, 4}};
    return guid;
}

static void put_uuid(struct bench_text *out, uint32_t number)
{
    struct guid guid = interface_number(number);
    char text[GUID_TEXT_SIZE];
    put(out, "uuid:%s", guid_format(&guid, text));
}

static struct ipaddr address(uint32_t number)
{
    const uint8_t bytes[4] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
    return ipaddr_from_v4(bytes);
}

/* ---- Shapes ---- */

/* Method after method: rule n is for interface n, then the next method of each, then other hosts.
 */
static void write_methods(struct bench_text *out, uint32_t n)
{
    put_uuid(out, n % INTERFACES);
    put(out, " opnum:%u addr:10.%u.%u.0/24 action:%s audit:true\n", n / INTERFACES % METHODS,
        n >> 8 & 255, n & 255, n % 2 ? "allow" : "block");
}

static void aim_methods(struct bench_call *out, uint32_t n)
{
    out->call.interface = interface_number(n % INTERFACES);
    out->call.opnum = (uint16_t)(n / INTERFACES % METHODS);
    out->call.client_addr = address((n & 0xffff) << 8 | 7);
}

/* Whole interfaces, each once. */
static void write_interfaces(struct bench_text *out, uint32_t n)
{
    put_uuid(out, n);
    put(out, " action:block audit:true\n");
}

static void aim_interfaces(struct bench_call *out, uint32_t n)
{
    out->call.interface = interface_number(n);
}

/* The hosts that may use one method. */
static void write_addresses(struct bench_text *out, uint32_t n)
{
    put_uuid(out, 0);
    put(out, " opnum:3 addr:10.%u.%u.%u action:allow\n", n >> 16 & 255, n >> 8 & 255, n & 255);
}

static void aim_addresses(struct bench_call *out, uint32_t n)
{
    out->call.interface = interface_number(0);
    out->call.opnum = 3;
    out->call.client_addr = address(n);
}

/* The groups that may use one method. */
static void write_sids(struct bench_text *out, uint32_t n)
{
    put_uuid(out, 0);
    put(out, " opnum:3 sid:S-1-5-21-1004336348-1177238915-682003330-%u action:allow\n", 10000 + n);
}

static void aim_sids(struct bench_call *out, uint32_t n)
{
    out->call.interface = interface_number(0);
    out->call.opnum = 3;
    out->last_sid.sub_authority[4] = 10000 + n;
}

/* What a careful administrator writes: several conditions of several kinds for each method. */
static void write_mixed(struct bench_text *out, uint32_t n)
{
    static const char *const kinds[] = {
        "prot:ncacn_ip_tcp,ncacn_np auth:<privacy action:block audit:true",
        "endpoint:\\pipe\\svcctl,49152 action:block",
        "user:CORP\\admin*,*\\operator process:svc*.exe",
        "iface_version:4.0 auth:integrity",
        "process:lsass.exe prot:ncacn_ip_tcp action:block dry:true",
    };
    put_uuid(out, n % INTERFACES);
    put(out, " opnum:%u addr:!10.%u.%u.0/24 %s\n", n / INTERFACES % METHODS, n >> 8 & 255, n & 255,
        kinds[n / INTERFACES % 5]);
}

static void aim_mixed(struct bench_call *out, uint32_t n)
{
    aim_methods(out, n);
    out->call.client_addr = address(200u << 16 | 9);
    /* The fourth kind is the one that asks for a strong level. */
    out->call.authn_level = n / INTERFACES % 5 == 3 ? AUTHN_LEVEL_PRIVACY : AUTHN_LEVEL_INTEGRITY;
    if (n / INTERFACES % 5 == 2) {
        out->call.process = (struct text){"svchost.exe", 11};
    }
}

const struct bench_shape bench_shapes[BENCH_SHAPES] = {
    {"methods", false, true, write_methods, aim_methods},
    {"interfaces", false, false, write_interfaces, aim_interfaces},
    {"addresses", false, true, write_addresses, aim_addresses},
    {"mixed", false, false, write_mixed, aim_mixed},
    {"sids", true, true, write_sids, aim_sids},
};

struct bench_text bench_policy_text(const struct bench_shape *shape, uint32_t rules)
{
    struct bench_text text = {0};
    for (uint32_t i = 0; i < rules; i++) {
        shape->write(&text, i);
    }
    return text;
}

/* ---- Calls ---- */

#define TOKENS 16u

static struct sid domain_sid(uint32_t relative)
{
    return (struct sid){
        1, 5, {0, 0, 0, 0, 0, 5}, {21, 1004336348, 1177238915, 682003330, relative}};
}

static void make_token(struct bench_call *out, uint32_t number)
{
    static struct sid tokens[TOKENS][BENCH_SIDS];
    struct sid *token = tokens[number % TOKENS];
    for (uint32_t i = 0; i < BENCH_SIDS; i++) {
        token[i] = domain_sid(2000000 + number % TOKENS * BENCH_SIDS + i);
        out->sid_list[i] = &token[i];
    }
    out->last_sid = domain_sid(3000000 + number);
    out->sid_list[BENCH_SIDS - 1] = &out->last_sid;
    out->call.sids = out->sid_list;
    out->call.sid_count = BENCH_SIDS;
}

/* Half of the calls to an interface that the policy names, if it has rules that such a call misses.
 */
static void aim_at_nothing(struct bench_call *out, const struct bench_shape *shape, uint32_t rules,
                           uint32_t number)
{
    struct ipaddr outside = out->call.client_addr;
    struct sid unnamed = out->last_sid;
    out->call.interface = interface_number(0x7fffff00u - number);
    if (shape->near_misses && number % 2) {
        shape->aim(out, number % rules);
        out->call.client_addr = outside;
        out->last_sid = unnamed;
    }
}

void bench_call_make(struct bench_call *out, const struct bench_shape *shape, uint32_t rules,
                     enum bench_aim aim, uint32_t number)
{
    const uint8_t outside[4] = {192, 0, 2, (uint8_t)number};
    *out = (struct bench_call){.call = {
                                   .version_major = 4,
                                   .opnum = (uint16_t)(number % METHODS),
                                   .client_port = (uint16_t)(40000 + number % 20000),
                                   .authn_level = AUTHN_LEVEL_PRIVACY,
                                   .protseq = PROTSEQ_NCACN_IP_TCP,
                                   .client_addr = ipaddr_from_v4(outside),
                                   .endpoint = {"49152", 5},
                                   .principal = {"CORP\\administrator", 18},
                                   .process = {"lsass.exe", 9},
                                   .fetched = UINT32_MAX,
                                   .known = UINT32_MAX,
                               }};
    make_token(out, number);
    if (aim == AIM_NONE) {
        aim_at_nothing(out, shape, rules, number);
        return;
    }
    uint32_t target = aim == AIM_FIRST  ? 0
                      : aim == AIM_LAST ? rules - 1
                                        : number * 2654435761u % rules;
    shape->aim(out, target);
}
