/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy language once more, slow and plain: what decide() on a compiled image is held against.
 *
 * A policy here is rules and conditions with their values as plain numbers and texts, in the order
 * they were written: nothing is sorted, joined, indexed or parsed. Shares no code with the reader,
 * the compiler or the decision; from the product it takes only the numbers of keys, facts and
 * protocol sequences, and struct call.
 */
#ifndef RPCFW_TESTS_REFERENCE_H
#define RPCFW_TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/condition.h"
#include "core/decide.h"

#define REFERENCE_TEXT_MAX 40

/* An address as one number; IPv4 is its IPv4-mapped IPv6 address. */
typedef unsigned __int128 address_number;

struct reference_sid {
    uint64_t authority;
    unsigned count;
    uint32_t sub_authority[SID_MAX_SUB_AUTHORITIES];
};

/* One value of a condition; which member counts, the key says. */
struct reference_value {
    union {
        struct guid uuid; /* uuid, object */
        struct {
            uint32_t first;
            uint32_t last;
        } range; /* opnum; iface_version (major << 16 | minor) and prot have one number */
        struct {
            address_number first;
            address_number last;
        } addr;
        struct {
            unsigned level;
            bool weaker;
        } auth;
        struct reference_sid sid;
        char text[REFERENCE_TEXT_MAX]; /* endpoint without \pipe\; user and process with * and ? */
    };
};

#define NO_SET UINT32_MAX

/* Values first … first + count - 1 of the policy; those of the set `set` come first. */
struct reference_condition {
    bool present;
    bool negated;
    uint32_t first;
    uint32_t count;
    uint32_t set; /* NO_SET: none */
    uint32_t set_values;
};

struct reference_rule {
    bool for_agents; /* fw: or all:, not flt: */
    bool for_filters;
    bool block;
    bool audit;
    bool dry;
    bool verbose;
    bool included; /* stands in the included file */
    uint32_t name; /* id:rN; 0: none */
    uint32_t line; /* set when the text is written */
    uint64_t spelling;
    struct reference_condition conditions[KEY_COUNT];
};

/* A set is a condition without a key: it may hold another set's values first. */
struct reference_set {
    enum policy_key key; /* KEY_UUID, KEY_ADDR or KEY_SID */
    struct reference_condition values;
};

#define REFERENCE_RULES_MAX 200
#define REFERENCE_SETS_MAX  4

struct reference_policy {
    struct reference_rule rules[REFERENCE_RULES_MAX];
    uint32_t rule_count;
    struct reference_set sets[REFERENCE_SETS_MAX];
    uint32_t set_count;
    struct reference_value *values; /* owned */
    uint32_t value_count;
    uint32_t value_capacity;
    bool lenient;
    bool prefixed;
    uint64_t spelling;
};

/* What the host could tell: `call` holds all values, `known` says which of them count. */
struct verdict reference_decide(const struct reference_policy *policy, const struct call *call,
                                uint32_t known);

/*
 * Whether some rule up to the image's rule `last` asks for `fact` and is not ruled out by the
 * interface, its version, opnum and protocol sequence: only then may a host be asked for what is
 * dear to get.
 */
bool reference_asks(const struct reference_policy *policy, const struct call *call, uint32_t known,
                    uint32_t last, enum call_fact fact);

#endif
