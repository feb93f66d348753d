/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/ipaddr.h"
#include "exact_text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool parse(const char *text, size_t length, struct ipaddr *out)
{
    struct exact_text exact = exact_bytes(text, length);
    bool good = ipaddr_parse(exact.bytes, exact.length, out);
    exact_text_free(&exact);
    return good;
}

static enum ipaddr_range_error parse_range(const char *text, struct ipaddr_range *out)
{
    struct exact_text exact = exact_text(text);
    enum ipaddr_range_error error = ipaddr_range_parse(exact.bytes, exact.length, out);
    exact_text_free(&exact);
    return error;
}

static struct ipaddr address(const char *text)
{
    struct ipaddr addr;
    assert_true(parse(text, strlen(text), &addr));
    return addr;
}

/* What is written is RFC 5952, with IPv4-mapped addresses dotted. */
static void reads_every_spelling_and_writes_one(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } cases[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"10.0.0.1", "10.0.0.1"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::FFFF:a00:1", "10.0.0.1"},
        {"0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"::10.0.0.1", "::a00:1"},
        {"2001:DB8::1", "2001:db8::1"},
        {"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ipaddr addr = address(cases[i].text);
        char text[IPADDR_TEXT_SIZE];
        assert_string_equal(ipaddr_format(&addr, text), cases[i].written);
    }
}

static void refuses_anything_else(void **state)
{
    static const char *const cases[] = {
        "",
        ".",
        ":",
        ":::",
        "1",
        "10",
        "10.0",
        "10.0.0",
        "10.0.0.",
        "10.0.0.1.",
        ".10.0.0.1",
        "10.0.0.256",
        "10.0.0.1000",
        "10.0.0.01",
        "010.0.0.1",
        "10.0.0.0x1",
        "10.0.0.-1",
        "10.0.0.+1",
        "10.0.0.1 ",
        " 10.0.0.1",
        "10.0.0.1.1",
        "10,0.0.1",
        "4294967297",
        "<dc1>",
        "10.0.0.1:80",
        "localhost",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1::2::3",
        "12345::",
        "g::",
        "::g",
        "1:",
        ":1",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "fe80::1%eth0",
        "[::1]",
        "::1/128",
        "::10.0.0",
        "::10.0.0.256",
        "::10.0.0.1:1",
        "1:2:3:4:5:6:7:1.2.3.4",
        "10.0.0.1::",
        "::ffff:10.0.0.1.2",
        "0000:0000:0000:0000:0000:0000:255.255.255.2555",
    };
    struct ipaddr before;
    (void)state;
    memset(&before, 0x5a, sizeof(before));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ipaddr addr = before;
        assert_false(parse(cases[i], strlen(cases[i]), &addr));
        assert_memory_equal(&addr, &before, sizeof(addr));
    }
}

/* The C library's reader as the judge, over texts made of what addresses are made of. */
static void agrees_with_the_c_library(void **state)
{
    static const char *const pieces[] = {"0",  "1", "ff", "ffff", "255",      "256",
                                         "01", ":", "::", ".",    "10.0.0.1", "a"};
    uint32_t number = 1;
    int agreed = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[128] = "";
        uint8_t v4[4];
        uint8_t v6[16];
        struct ipaddr addr;
        number = number * 1664525u + 1013904223u;
        for (uint32_t k = 0, bits = number; k <= (number >> 5) % 14; k++) {
            bits = bits * 1664525u + 1013904223u;
            strcat(text, pieces[(bits >> 16) % COUNT_OF(pieces)]);
        }
        bool is_v4 = inet_pton(AF_INET, text, v4) == 1;
        bool is_v6 = inet_pton(AF_INET6, text, v6) == 1;
        bool good = parse(text, strlen(text), &addr);
        assert_int_equal(good, is_v4 || is_v6);
        if (good) {
            struct ipaddr wanted = is_v4 ? ipaddr_from_v4(v4) : ipaddr_from_v6(v6);
            assert_int_equal(ipaddr_compare(&addr, &wanted), 0);
            agreed++;
        }
    }
    assert_true(agreed > 1000);
}

/* Written and read back, and as short as the C library writes it. */
static void what_is_written_is_read_back(void **state)
{
    uint64_t bits = 88172645463325252u;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct ipaddr addr;
        char text[IPADDR_TEXT_SIZE];
        char wanted[INET6_ADDRSTRLEN];
        for (int k = 0; k < 16; k++) {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            addr.bytes[k] = bits & 0x300 ? 0 : (uint8_t)bits;
        }
        ipaddr_format(&addr, text);
        struct ipaddr back = address(text);
        assert_int_equal(ipaddr_compare(&addr, &back), 0);
        assert_non_null(inet_ntop(AF_INET6, addr.bytes, wanted, sizeof(wanted)));
        /* The C library writes ::1.2.3.4 dotted, which RFC 5952 leaves open. */
        if (!strchr(wanted, '.')) {
            assert_string_equal(text, wanted);
        }
    }
}

static void knows_the_families_apart(void **state)
{
    struct ipaddr v4 = address("10.0.0.1");
    struct ipaddr compatible = address("::10.0.0.1");
    struct ipaddr other = address("::fffe:10.0.0.1");
    (void)state;
    assert_true(ipaddr_is_v4(&v4));
    assert_false(ipaddr_is_v4(&compatible));
    assert_false(ipaddr_is_v4(&other));
    assert_true(ipaddr_compare(&compatible, &v4) < 0);
    assert_true(ipaddr_compare(&v4, &compatible) > 0);
}

static void reads_ranges(void **state)
{
    static const struct {
        const char *text;
        const char *first;
        const char *last;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", "10.0.0.1"},
        {"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
        {"10.0.0.1/32", "10.0.0.1", "10.0.0.1"},
        {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
        {"128.0.0.0/1", "128.0.0.0", "255.255.255.255"},
        {"10.0.0.64/27", "10.0.0.64", "10.0.0.95"},
        {"::ffff:10.0.0.0/104", "10.0.0.0", "10.255.255.255"},
        {"::ffff:0:0/96", "0.0.0.0", "255.255.255.255"},
        {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"::1/128", "::1", "::1"},
        {"10.0.0.5-10.0.0.9", "10.0.0.5", "10.0.0.9"},
        {"10.0.0.5-10.0.0.5", "10.0.0.5", "10.0.0.5"},
        {"::ffff:10.0.0.5-10.0.0.9", "10.0.0.5", "10.0.0.9"},
        {"::-::5", "::", "::5"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ipaddr_range range;
        struct ipaddr first = address(cases[i].first);
        struct ipaddr last = address(cases[i].last);
        assert_int_equal(parse_range(cases[i].text, &range), IPADDR_RANGE_OK);
        assert_int_equal(ipaddr_compare(&range.first, &first), 0);
        assert_int_equal(ipaddr_compare(&range.last, &last), 0);
        assert_true(ipaddr_range_contains(&range, &first));
        assert_true(ipaddr_range_contains(&range, &last));
    }
}

static void says_what_is_wrong_with_a_range(void **state)
{
    static const struct {
        const char *text;
        enum ipaddr_range_error error;
    } cases[] = {
        {"", IPADDR_RANGE_BAD_ADDRESS},
        {"/", IPADDR_RANGE_BAD_ADDRESS},
        {"/8", IPADDR_RANGE_BAD_ADDRESS},
        {"-", IPADDR_RANGE_BAD_ADDRESS},
        {"10.0.0/8", IPADDR_RANGE_BAD_ADDRESS},
        {"10.0.0.0/", IPADDR_RANGE_BAD_PREFIX},
        {"10.0.0.0/33", IPADDR_RANGE_BAD_PREFIX},
        {"10.0.0.0/08", IPADDR_RANGE_BAD_PREFIX},
        {"10.0.0.0/8/8", IPADDR_RANGE_BAD_PREFIX},
        {"10.0.0.0/-1", IPADDR_RANGE_BAD_PREFIX},
        {"10.0.0.0/255.0.0.0", IPADDR_RANGE_BAD_PREFIX},
        {"::/129", IPADDR_RANGE_BAD_PREFIX},
        {"::/4294967296", IPADDR_RANGE_BAD_PREFIX},
        {"10.0.0.1/8", IPADDR_RANGE_HOST_BITS},
        {"2001:db8::1/32", IPADDR_RANGE_HOST_BITS},
        {"10.0.0.1-", IPADDR_RANGE_BAD_ADDRESS},
        {"-10.0.0.1", IPADDR_RANGE_BAD_ADDRESS},
        {"10.0.0.1-5", IPADDR_RANGE_BAD_ADDRESS},
        {"10.0.0.1-10.0.0.2-10.0.0.3", IPADDR_RANGE_BAD_ADDRESS},
        {"10.0.0.9-10.0.0.5", IPADDR_RANGE_REVERSED},
        {"10.0.0.1-::2", IPADDR_RANGE_MIXED},
        {"::1-10.0.0.1", IPADDR_RANGE_MIXED},
    };
    struct ipaddr_range before;
    (void)state;
    memset(&before, 0x5a, sizeof(before));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ipaddr_range range = before;
        assert_int_equal(parse_range(cases[i].text, &range), cases[i].error);
        assert_memory_equal(&range, &before, sizeof(range));
    }
}

/* Each prefix length: the block holds its ends and not their neighbours. */
static void blocks_end_where_their_prefix_says(void **state)
{
    (void)state;
    for (unsigned prefix = 1; prefix <= 128; prefix++) {
        char text[64];
        struct ipaddr_range range;
        struct ipaddr outside = address("8000::");
        /* 8000::/1, c000::/2, e000::/3 …: one bit more each. */
        struct ipaddr addr = {{0}};
        for (unsigned bit = 0; bit < prefix; bit++) {
            addr.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        }
        ipaddr_format(&addr, text);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "/%u", prefix);
        assert_int_equal(parse_range(text, &range), IPADDR_RANGE_OK);
        assert_true(ipaddr_range_contains(&range, &addr));
        outside = addr;
        outside.bytes[(prefix - 1) / 8] ^= (uint8_t)(0x80 >> (prefix - 1) % 8);
        assert_false(ipaddr_range_contains(&range, &outside));
        memset(&outside, 0xff, sizeof(outside));
        assert_true(ipaddr_range_contains(&range, &outside));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_spelling_and_writes_one),
        cmocka_unit_test(refuses_anything_else),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(knows_the_families_apart),
        cmocka_unit_test(reads_ranges),
        cmocka_unit_test(says_what_is_wrong_with_a_range),
        cmocka_unit_test(blocks_end_where_their_prefix_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
