/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and ranges of them.
 *
 * One 16-byte form for both families: an IPv4 address is its IPv4-mapped IPv6 address (RFC
 * 4291 2.5.5.2), so
 * ::ffff:10.0.0.1 and 10.0.0.1 are the same address everywhere and no rule can be escaped by
 * changing the spelling. No allocation, no state: any thread.
 */
#ifndef RPCFW_CORE_IPADDR_H
#define RPCFW_CORE_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipaddr {
    uint8_t bytes[16]; /* network byte order */
};

struct ipaddr_range {
    struct ipaddr first;
    struct ipaddr last; /* inclusive */
};

/* The longest IPv6 text (RFC 4291 with an embedded IPv4 tail) and a terminating zero. */
#define IPADDR_TEXT_SIZE 46

/* Reads exactly `length` bytes of IPv4 or IPv6 text, without port, scope or brackets; false when it
 * is anything else. */
bool ipaddr_parse(const char *text, size_t length, struct ipaddr *out);

/* RFC 5952 text; an IPv4(-mapped) address is written in dotted form. Returns `text`. */
char *ipaddr_format(const struct ipaddr *addr, char text[IPADDR_TEXT_SIZE]);

struct ipaddr ipaddr_from_v4(const uint8_t bytes[4]);
struct ipaddr ipaddr_from_v6(const uint8_t bytes[16]);

/* Eight bytes of an address as a number: the first half from 0, the second from 8. */
static inline uint64_t ipaddr_half(const struct ipaddr *addr, unsigned from)
{
    const uint8_t *b = addr->bytes + from;
    return (uint64_t)b[0] << 56 | (uint64_t)b[1] << 48 | (uint64_t)b[2] << 40 |
           (uint64_t)b[3] << 32 | (uint64_t)b[4] << 24 | (uint64_t)b[5] << 16 |
           (uint64_t)b[6] << 8 | (uint64_t)b[7];
}

static inline bool ipaddr_is_v4(const struct ipaddr *addr)
{
    return ipaddr_half(addr, 0) == 0 && ipaddr_half(addr, 8) >> 32 == 0xffff;
}

static inline int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b)
{
    uint64_t x = ipaddr_half(a, 0);
    uint64_t y = ipaddr_half(b, 0);
    if (x == y) {
        x = ipaddr_half(a, 8);
        y = ipaddr_half(b, 8);
    }
    return (x > y) - (x < y);
}

enum ipaddr_range_error {
    IPADDR_RANGE_OK,
    IPADDR_RANGE_BAD_ADDRESS,
    IPADDR_RANGE_BAD_PREFIX, /* not a number, or longer than the address */
    IPADDR_RANGE_HOST_BITS,  /* 10.0.0.1/8: bits are set behind the prefix */
    IPADDR_RANGE_MIXED,      /* one end IPv4, the other IPv6 */
    IPADDR_RANGE_REVERSED,   /* the last address is below the first */
};

/* Reads an address, a CIDR block or "first-last". *out is written only on IPADDR_RANGE_OK. */
enum ipaddr_range_error ipaddr_range_parse(const char *text, size_t length,
                                           struct ipaddr_range *out);

bool ipaddr_range_contains(const struct ipaddr_range *range, const struct ipaddr *addr);

#endif
