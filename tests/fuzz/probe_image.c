/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_image.h"

#include <stdlib.h>
#include <string.h>

#include "core/decide.h"
#include "core/image_checksum.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DCSYNC          "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define SVCCTL          "367abb81-9844-35f1-ad32-98f038001003"

const char probe_policy[] =
    "option domain S-1-5-21-1-2-3\n"
    "option json /var/log/rpcfw/audit.jsonl\n"
    "set dcs 10.0.0.1,10.0.0.2,2001:db8::1\n"
    "uuid:" DCSYNC " opnum:3 addr:@dcs id:dcs\n"
    "uuid:" DCSYNC " opnum:3 addr:10.0.1.0/24 action:block\n"
    "uuid:" DCSYNC " opnum:3 addr:!10.0.0.0/8 action:block audit:true\n"
    "uuid:" DCSYNC " opnum:0-5,9 sid:BA audit:true\n"
    "uuid:" DCSYNC " opnum:0-5,9 sid:DA,EA,S-1-5-18\n"
    "uuid:" DCSYNC " opnum:0-5,9 sid:!AU action:block dry:true\n"
    "uuid:" SVCCTL "," DCSYNC " opnum:12 user:CORP\\adm*,*\\?oot action:block\n"
    "uuid:" SVCCTL " endpoint:svcctl,49152 auth:<privacy action:block verbose:true\n"
    "uuid:!" SVCCTL " object:" DCSYNC " process:svc*.exe iface_version:2.0,4.0 action:block\n"
    "opnum:!0-65534 action:block id:last\n"
    "prot:ncalrpc,ncacn_np addr:0.0.0.0/0 auth:pkt action:block\n";

void *probe_copy(const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, bytes, size);
    return copy;
}

void probe_fix_checksum(void *bytes, size_t size)
{
    struct policy_image *image = bytes;
    if (size >= sizeof(*image) && image->size >= sizeof(*image) && image->size <= size) {
        image->checksum = image_checksum(image);
    }
}

static const struct sid sids[] = {
    {1, 1, {0, 0, 0, 0, 0, 5}, {18}},
    {1, 1, {0, 0, 0, 0, 0, 5}, {11}},
    {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}},
    {1, 5, {0, 0, 0, 0, 0, 5}, {21, 1, 2, 3, 512}},
    {1, 5, {0, 0, 0, 0, 0, 5}, {21, 1, 2, 3, 1104}},
};
static const struct sid *const sid_list[] = {&sids[4], &sids[3], &sids[2], &sids[1], &sids[0]};

static const struct guid interfaces[] = {
    {0},
    {0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}},
    {0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03}},
};

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* Call number `number` of many: all interfaces, opnums of every kind, the facts known or not. */
static struct call call_number(unsigned number)
{
    static const uint16_t opnums[] = {0, 3, 9, 12, 700, 65535};
    static const uint8_t addresses[][4] = {{10, 0, 0, 1}, {10, 0, 1, 7}, {192, 0, 2, 1}};
    static const uint32_t unknown[] = {
        0,
        FACT_BIT(FACT_CLIENT_ADDR) | FACT_BIT(FACT_SIDS),
        FACT_BIT(FACT_INTERFACE),
        FACT_BIT(FACT_OPNUM) | FACT_BIT(FACT_PRINCIPAL),
        FACT_BIT(FACT_COUNT) - 1,
    };
    struct call call = {
        .interface = interfaces[number % COUNT_OF(interfaces)],
        .version_major = 4,
        .opnum = opnums[number / 3 % COUNT_OF(opnums)],
        .authn_level = (uint8_t)(number % 7),
        .protseq = number % 4 == 3 ? PROTSEQ_NCALRPC : PROTSEQ_NCACN_NP,
        .client_addr = ipaddr_from_v4(addresses[number / 18 % COUNT_OF(addresses)]),
        .endpoint = TEXT("\\pipe\\svcctl"),
        .principal = TEXT("CORP\\admin"),
        .process = TEXT("svchost.exe"),
        .object = interfaces[number % COUNT_OF(interfaces)],
        .sids = sid_list + number % 5,
        .sid_count = 5 - number % 5,
        .fetched = FACT_BIT(FACT_COUNT) - 1,
    };
    call.known = call.fetched & ~unknown[number / 54 % COUNT_OF(unknown)];
    return call;
}

size_t probe_image(const struct policy_image *image)
{
    size_t read = strlen(image_text(image, image->json_path));
    for (unsigned i = 0; i < 3 * 6 * 3 * 5; i++) {
        struct call call = call_number(i);
        struct verdict verdict = decide(image, &call);
        if (verdict.rule != VERDICT_NO_RULE) {
            const struct image_rule *rule = image_rule(image, verdict.rule);
            read += rule->line + strlen(image_text(image, rule->name)) +
                    strlen(image_text(image, rule->file));
        }
    }
    for (uint32_t i = 0; i < image->rules.count && i < 100; i++) {
        struct call call = call_number(i);
        uint32_t failed;
        read += decide_rule(image, i, &call, &failed);
    }
    return read;
}

void probe_bytes(const void *bytes, size_t size)
{
    if (image_validate(bytes, size) == IMAGE_OK) {
        probe_image(bytes);
    }
}
