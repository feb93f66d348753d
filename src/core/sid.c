/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sid.h"

#include <stdio.h>
#include <string.h>

#define SID_HEADER_SIZE   8u
#define AUTHORITY_MAX     0xffffffffffffULL
#define SUB_AUTHORITY_MAX 0xffffffffULL

/* Reads a decimal number up to `max`; returns the bytes used, 0 when there is no number or it is
 * too large. */
static size_t read_decimal(const char *text, size_t length, uint64_t max, uint64_t *value)
{
    size_t used = 0;
    uint64_t sum = 0;
    while (used < length && text[used] >= '0' && text[used] <= '9') {
        sum = sum * 10 + (uint64_t)(text[used] - '0');
        if (sum > max) {
            return 0;
        }
        used++;
    }
    *value = sum;
    return used;
}

/* Reads "0x" and exactly twelve hexadecimal digits; returns the bytes used or 0. */
static size_t read_hex_authority(const char *text, size_t length, uint64_t *value)
{
    uint64_t sum = 0;
    if (length < 14 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
        return 0;
    }
    for (size_t i = 2; i < 14; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *at = text[i] ? strchr(digits, text[i]) : NULL;
        if (!at) {
            return 0;
        }
        uint64_t digit = (uint64_t)(at - digits);
        sum = sum << 4 | (digit > 15 ? digit - 6 : digit);
    }
    *value = sum;
    return 14;
}

bool sid_parse(const char *text, size_t length, struct sid *out)
{
    struct sid sid = {.revision = 1};
    uint64_t value;
    size_t at = 4;

    if (length < 5 || (text[0] != 'S' && text[0] != 's') || memcmp(text + 1, "-1-", 3) != 0) {
        return false;
    }
    size_t used = read_hex_authority(text + at, length - at, &value);
    if (!used) {
        used = read_decimal(text + at, length - at, AUTHORITY_MAX, &value);
    }
    if (!used) {
        return false;
    }
    at += used;
    for (int i = 0; i < 6; i++) {
        sid.identifier_authority[i] = (uint8_t)(value >> (40 - 8 * i));
    }
    while (at < length) {
        if (text[at] != '-' || sid.sub_authority_count == SID_MAX_SUB_AUTHORITIES) {
            return false;
        }
        at++;
        used = read_decimal(text + at, length - at, SUB_AUTHORITY_MAX, &value);
        if (!used) {
            return false;
        }
        at += used;
        sid.sub_authority[sid.sub_authority_count++] = (uint32_t)value;
    }
    /* [MS-DTYP] 2.4.2.1 asks for one sub-authority at least. */
    if (!sid.sub_authority_count) {
        return false;
    }
    *out = sid;
    return true;
}

char *sid_format(const struct sid *sid, char text[SID_TEXT_SIZE])
{
    if (!sid_is_valid(sid)) {
        memcpy(text, "S-1-0-0", sizeof("S-1-0-0"));
        return text;
    }
    uint64_t authority = 0;
    for (int i = 0; i < 6; i++) {
        authority = authority << 8 | sid->identifier_authority[i];
    }
    /* [MS-DTYP] 2.4.2.1: an authority that needs more than 32 bits is written in hexadecimal. */
    int used = snprintf(text, SID_TEXT_SIZE, authority > UINT32_MAX ? "S-1-0x%012llx" : "S-1-%llu",
                        (unsigned long long)authority);
    for (unsigned i = 0; i < sid->sub_authority_count; i++) {
        used += snprintf(text + used, SID_TEXT_SIZE - (size_t)used, "-%lu",
                         (unsigned long)sid->sub_authority[i]);
    }
    return text;
}

bool sid_is_valid(const struct sid *sid)
{
    return sid->revision == 1 && sid->sub_authority_count <= SID_MAX_SUB_AUTHORITIES;
}

size_t sid_size(const struct sid *sid)
{
    return SID_HEADER_SIZE + sizeof(uint32_t) * sid->sub_authority_count;
}

bool sid_equal(const struct sid *a, const struct sid *b)
{
    return sid_compare(a, b) == 0;
}

int sid_compare(const struct sid *a, const struct sid *b)
{
    /* Revision and count stand in the first bytes, so two SIDs that agree there have the same size.
     */
    int order = memcmp(a, b, SID_HEADER_SIZE);
    if (order != 0 || !a->sub_authority_count) {
        return order;
    }
    return memcmp(a->sub_authority, b->sub_authority, sizeof(uint32_t) * a->sub_authority_count);
}

void sid_copy(struct sid *out, const struct sid *in)
{
    memset(out, 0, sizeof(*out));
    memcpy(out, in, SID_HEADER_SIZE);
    memcpy(out->sub_authority, in->sub_authority, sizeof(uint32_t) * in->sub_authority_count);
}
