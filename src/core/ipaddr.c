/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ipaddr.h"

#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ipaddr ipaddr_from_v4(const uint8_t bytes[4])
{
    struct ipaddr addr;
    memcpy(addr.bytes, v4_mapped, sizeof(v4_mapped));
    memcpy(addr.bytes + 12, bytes, 4);
    return addr;
}

struct ipaddr ipaddr_from_v6(const uint8_t bytes[16])
{
    struct ipaddr addr;
    memcpy(addr.bytes, bytes, sizeof(addr.bytes));
    return addr;
}

/* Strictly four decimal numbers without leading zeros, which other readers take for octal. */
static bool parse_v4(const char *text, size_t length, uint8_t out[4])
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        size_t start = at;
        unsigned value = 0;
        while (at < length && text[at] >= '0' && text[at] <= '9') {
            value = value * 10 + (unsigned)(text[at] - '0');
            at++;
            if (at - start > 3 || value > 255) {
                return false;
            }
        }
        if (at == start || (text[start] == '0' && at - start > 1)) {
            return false;
        }
        out[part] = (uint8_t)value;
        if (part < 3) {
            if (at >= length || text[at] != '.') {
                return false;
            }
            at++;
        }
    }
    return at == length;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups read so far of an IPv6 text. */
struct v6_groups {
    uint8_t bytes[16];
    size_t filled; /* bytes */
    int gap;       /* where "::" stood, in bytes; -1: not seen */
};

/* Reads one group of up to four hexadecimal digits at *at; false when there is none or no room. */
static bool read_v6_group(struct v6_groups *groups, const char *text, size_t length, size_t *at)
{
    unsigned value = 0;
    size_t start = *at;
    while (*at < length && *at - start < 4 && hex_value(text[*at]) >= 0) {
        value = value << 4 | (unsigned)hex_value(text[*at]);
        (*at)++;
    }
    if (*at == start || groups->filled + 2 > sizeof(groups->bytes)) {
        return false;
    }
    groups->bytes[groups->filled++] = (uint8_t)(value >> 8);
    groups->bytes[groups->filled++] = (uint8_t)value;
    return true;
}

/* The rest of the text from `at` is the dotted tail of an IPv6 address. */
static bool read_v4_tail(struct v6_groups *groups, const char *text, size_t length, size_t at)
{
    if (groups->filled + 4 > sizeof(groups->bytes) ||
        !parse_v4(text + at, length - at, groups->bytes + groups->filled)) {
        return false;
    }
    groups->filled += 4;
    return true;
}

static bool is_dotted_from(const char *text, size_t length, size_t at)
{
    while (at < length && text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    return at < length && text[at] == '.';
}

/* Moves what stood behind "::" to the end and fills the gap with zeros. */
static bool close_gap(struct v6_groups *groups, uint8_t out[16])
{
    if (groups->gap < 0) {
        memcpy(out, groups->bytes, 16);
        return groups->filled == 16;
    }
    if (groups->filled > 14) { /* "::" stands for one group at least */
        return false;
    }
    size_t head = (size_t)groups->gap;
    size_t tail = groups->filled - head;
    memset(out, 0, 16);
    memcpy(out, groups->bytes, head);
    memcpy(out + 16 - tail, groups->bytes + head, tail);
    return true;
}

static bool parse_v6(const char *text, size_t length, uint8_t out[16])
{
    struct v6_groups groups = {.gap = -1};
    size_t at = 0;

    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        groups.gap = 0;
        at = 2;
    }
    while (at < length) {
        if (is_dotted_from(text, length, at)) {
            if (!read_v4_tail(&groups, text, length, at)) {
                return false;
            }
            break;
        }
        if (!read_v6_group(&groups, text, length, &at)) {
            return false;
        }
        if (at == length) {
            break;
        }
        if (text[at] != ':' || at + 1 == length) {
            return false;
        }
        at++;
        if (text[at] == ':') {
            if (groups.gap >= 0) {
                return false;
            }
            groups.gap = (int)groups.filled;
            at++;
        }
    }
    return close_gap(&groups, out);
}

bool ipaddr_parse(const char *text, size_t length, struct ipaddr *out)
{
    uint8_t bytes[16];
    if (!length || length >= IPADDR_TEXT_SIZE) {
        return false;
    }
    if (memchr(text, ':', length)) {
        if (!parse_v6(text, length, bytes)) {
            return false;
        }
        *out = ipaddr_from_v6(bytes);
        return true;
    }
    if (!parse_v4(text, length, bytes)) {
        return false;
    }
    *out = ipaddr_from_v4(bytes);
    return true;
}

/* The longest run of two or more zero groups: RFC 5952 4.2. */
static void find_zero_run(const uint16_t groups[8], int *start, int *length)
{
    *start = -1;
    *length = 1;
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && groups[i + run] == 0) {
            run++;
        }
        if (run > *length) {
            *start = i;
            *length = run;
        }
        i += run;
    }
}

char *ipaddr_format(const struct ipaddr *addr, char text[IPADDR_TEXT_SIZE])
{
    const uint8_t *b = addr->bytes;
    uint16_t groups[8];
    int zero_start;
    int zero_length;
    size_t used = 0;

    if (ipaddr_is_v4(addr)) {
        snprintf(text, IPADDR_TEXT_SIZE, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
        return text;
    }
    for (size_t i = 0; i < 8; i++) {
        groups[i] = (uint16_t)(b[2 * i] << 8 | b[2 * i + 1]);
    }
    find_zero_run(groups, &zero_start, &zero_length);
    for (int i = 0; i < 8; i++) {
        if (i == zero_start) {
            used += (size_t)snprintf(text + used, IPADDR_TEXT_SIZE - used, "::");
            i += zero_length - 1;
            continue;
        }
        bool separator = i > 0 && i != zero_start + zero_length;
        if (zero_start < 0) {
            separator = i > 0;
        }
        used += (size_t)snprintf(text + used, IPADDR_TEXT_SIZE - used, separator ? ":%x" : "%x",
                                 groups[i]);
    }
    return text;
}

static bool parse_prefix_length(const char *text, size_t length, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (!length || length > 3 || (length > 1 && text[0] == '0')) {
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

static enum ipaddr_range_error parse_block(const char *text, size_t length, size_t slash,
                                           struct ipaddr_range *out)
{
    struct ipaddr_range range;
    unsigned prefix;
    /* Dotted text counts its prefix from the 32-bit address, mapped text from the 128-bit one. */
    bool dotted = !memchr(text, ':', slash);

    if (!ipaddr_parse(text, slash, &range.first)) {
        return IPADDR_RANGE_BAD_ADDRESS;
    }
    if (!parse_prefix_length(text + slash + 1, length - slash - 1, dotted ? 32 : 128, &prefix)) {
        return IPADDR_RANGE_BAD_PREFIX;
    }
    if (dotted) {
        prefix += 96;
    }
    range.last = range.first;
    for (unsigned bit = prefix; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> (bit % 8));
        if (range.first.bytes[bit / 8] & mask) {
            return IPADDR_RANGE_HOST_BITS;
        }
        range.last.bytes[bit / 8] |= mask;
    }
    *out = range;
    return IPADDR_RANGE_OK;
}

static enum ipaddr_range_error parse_pair(const char *text, size_t length, size_t dash,
                                          struct ipaddr_range *out)
{
    struct ipaddr_range range;
    if (!ipaddr_parse(text, dash, &range.first) ||
        !ipaddr_parse(text + dash + 1, length - dash - 1, &range.last)) {
        return IPADDR_RANGE_BAD_ADDRESS;
    }
    if (ipaddr_is_v4(&range.first) != ipaddr_is_v4(&range.last)) {
        return IPADDR_RANGE_MIXED;
    }
    if (ipaddr_compare(&range.first, &range.last) > 0) {
        return IPADDR_RANGE_REVERSED;
    }
    *out = range;
    return IPADDR_RANGE_OK;
}

enum ipaddr_range_error ipaddr_range_parse(const char *text, size_t length,
                                           struct ipaddr_range *out)
{
    struct ipaddr addr;
    const char *mark = length ? memchr(text, '/', length) : NULL;
    if (mark) {
        return parse_block(text, length, (size_t)(mark - text), out);
    }
    mark = length ? memchr(text, '-', length) : NULL;
    if (mark) {
        return parse_pair(text, length, (size_t)(mark - text), out);
    }
    if (!ipaddr_parse(text, length, &addr)) {
        return IPADDR_RANGE_BAD_ADDRESS;
    }
    out->first = addr;
    out->last = addr;
    return IPADDR_RANGE_OK;
}

bool ipaddr_range_contains(const struct ipaddr_range *range, const struct ipaddr *addr)
{
    return ipaddr_compare(&range->first, addr) <= 0 && ipaddr_compare(addr, &range->last) <= 0;
}
