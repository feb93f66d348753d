/* SPDX-License-Identifier: Apache-2.0 */
#include "universe.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct guid uuids[] = {
    {0},
    {0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}},
    {0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd3}},
    {0xe3514236, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}},
    {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac}},
    {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab}},
    {0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03}},
    {0xffffffff, 0xffff, 0xffff, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
};

const struct reference_sid universe_domain = {5, 4, {21, 1004336348, 1177238915, 682003330}};

/* SDDL names: [MS-DTYP] 2.5.1.1. A `relative` number follows those of the domain. */
static const struct {
    const char *alias;
    struct reference_sid sid;
    uint32_t relative;
} sids[] = {
    {"WD", {1, 1, {0}}, 0},
    {"AN", {5, 1, {7}}, 0},
    {"SY", {5, 1, {18}}, 0},
    {"LS", {5, 1, {19}}, 0},
    {"NU", {5, 1, {2}}, 0},
    {"AU", {5, 1, {11}}, 0},
    {"BA", {5, 2, {32, 544}}, 0},
    {"BU", {5, 2, {32, 545}}, 0},
    {"DA", {0}, 512},
    {"DU", {0}, 513},
    {"EA", {0}, 519},
    {NULL, {0}, 1001},
    {NULL, {0}, 1002},
    {NULL, {5, 5, {21, 1004336348, 1177238915, 682003331, 512}}, 0},
    {NULL, {0xffffffffffff, 15, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, UINT32_MAX}}, 0},
    {NULL, {0xffffffffffff, 14, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}}, 0},
};

static const char *const endpoints[] = {"lsarpc", "samr", "svcctl", "49152",
                                        "49153",  "ls",   "spoolss"};

static const char *const users[] = {
    "CORP\\admin*",   "*\\administrator",    "corp\\svc-??", "CORP\\*",      "*",
    "*@corp.example", "CORP\\m\xc3\xbcller", "*\\*a*1",      "CORP\\svc-01", "\\?",
};

static const char *const processes[] = {"lsass.exe", "svc*.exe", "s?oolsv.exe",
                                        "*",         "*.EXE",    "spoolsv.exe"};

static address_number from_v4(uint32_t v4)
{
    return (address_number)0xffff << 32 | v4;
}

static address_number from_halves(uint64_t high, uint64_t low)
{
    return (address_number)high << 64 | low;
}

/* Where the addresses of rules and calls lie: small neighbourhoods, and the ends of both families.
 */
static address_number draw_address(struct random_stream *stream)
{
    uint32_t near = random_below(stream, 12);
    switch (random_below(stream, 12)) {
    case 0:
        return from_v4(near);
    case 1:
        return from_v4(UINT32_MAX - near);
    case 2:
        return from_halves(0, near);
    case 3:
        return from_halves(UINT64_MAX, UINT64_MAX - near);
    case 4:
        return from_halves(0x20010db800000000, near);
    case 5:
        return from_halves(0x20010db800000000 | (uint64_t)near << 16, UINT64_MAX);
    case 6:
        return from_v4(0xc0a80000 + near * 64);
    case 7:
        return from_v4(0x0a000000 + near * 256);
    default:
        return from_v4(0x0a000000 + near);
    }
}

static bool is_v4(address_number address)
{
    return address >> 32 == 0xffff;
}

/* A single address, a CIDR block or a range; both ends in one family, as the language asks. */
static void draw_addr_range(struct random_stream *stream, struct reference_value *value)
{
    address_number address = draw_address(stream);
    address_number all = ~(address_number)0;
    uint32_t kind = random_below(stream, 10);
    value->addr.first = address;
    value->addr.last = address;
    if (kind < 4) {
        return;
    }
    if (kind < 7) {
        uint32_t host = random_chance(stream, 80) ? random_below(stream, 10)
                                                  : random_below(stream, is_v4(address) ? 33 : 129);
        address_number mask = host == 128 ? all : ((address_number)1 << host) - 1;
        value->addr.first = address & ~mask;
        value->addr.last = address | mask;
        return;
    }
    address_number other =
        random_chance(stream, 70) ? address + random_below(stream, 20) : draw_address(stream);
    if (is_v4(other) != is_v4(address) || other < address) {
        return;
    }
    value->addr.last = other;
}

/* Mostly small, as methods are numbered; also the ends, and where an index may change its ways. */
static uint32_t draw_opnum(struct random_stream *stream)
{
    switch (random_below(stream, 20)) {
    case 0:
        return UINT16_MAX - random_below(stream, 3);
    case 1:
        return 1020 + random_below(stream, 8);
    case 2:
        return 40 + random_below(stream, 50);
    default:
        return random_below(stream, 12);
    }
}

static void draw_opnum_range(struct random_stream *stream, struct reference_value *value)
{
    uint32_t a = draw_opnum(stream);
    uint32_t b = random_chance(stream, 25) ? draw_opnum(stream) : a;
    value->range.first = a < b ? a : b;
    value->range.last = a < b ? b : a;
}

static struct reference_sid sid_at(size_t row)
{
    struct reference_sid sid = sids[row].sid;
    if (sids[row].relative) {
        sid = universe_domain;
        sid.sub_authority[sid.count++] = sids[row].relative;
    }
    return sid;
}

const char *universe_alias(const struct reference_sid *sid, bool *relative)
{
    for (size_t i = 0; i < COUNT_OF(sids); i++) {
        struct reference_sid row = sid_at(i);
        if (memcmp(&row, sid, sizeof(row)) == 0) {
            *relative = sids[i].relative != 0;
            return sids[i].alias;
        }
    }
    return NULL;
}

static void draw_from(struct random_stream *stream, const char *const *texts, size_t count,
                      struct reference_value *value)
{
    snprintf(value->text, sizeof(value->text), "%s", texts[random_below(stream, (uint32_t)count)]);
}

struct reference_value draw_value(struct random_stream *stream, enum policy_key key)
{
    static const uint32_t versions[] = {0, 1, 1 << 16, 1 << 16 | 1, 4 << 16, UINT32_MAX};
    struct reference_value value = {0};
    switch (key) {
    case KEY_UUID:
    case KEY_OBJECT:
        value.uuid = uuids[random_below(stream, COUNT_OF(uuids))];
        break;
    case KEY_OPNUM:
        draw_opnum_range(stream, &value);
        break;
    case KEY_IFACE_VERSION:
        value.range.first = versions[random_below(stream, COUNT_OF(versions))];
        break;
    case KEY_PROT:
        value.range.first = random_chance(stream, 25) ? PROTSEQ_NCALRPC
                            : random_chance(stream, 60)
                                ? PROTSEQ_NCACN_IP_TCP + random_below(stream, 2)
                                : 1 + random_below(stream, PROTSEQ_COUNT - 1);
        break;
    case KEY_ADDR:
        draw_addr_range(stream, &value);
        break;
    case KEY_AUTH:
        value.auth.level = 1 + random_below(stream, 6);
        value.auth.weaker = random_chance(stream, 50);
        break;
    case KEY_SID:
        value.sid = sid_at(random_below(stream, COUNT_OF(sids)));
        break;
    case KEY_ENDPOINT:
        draw_from(stream, endpoints, COUNT_OF(endpoints), &value);
        break;
    case KEY_USER:
        draw_from(stream, users, COUNT_OF(users), &value);
        break;
    case KEY_PROCESS:
        draw_from(stream, processes, COUNT_OF(processes), &value);
        break;
    case KEY_COUNT:
        break;
    }
    return value;
}
