/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The condition keys of the policy language: one row of one table for each.
 *
 * A row joins what the policy reader needs (name, how a value is read) and what the decision needs
 * (facts, how a call is held against the values); rows that store the same kind of value share a
 * condition type. A new key is a new number here, a row in condition.c and its two functions.
 * Matching runs on RPC threads: no allocation, no lock; reading runs in the tools only.
 */
#ifndef RPCFW_CORE_CONDITION_H
#define RPCFW_CORE_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/condition_type.h"
#include "core/decide.h"
#include "core/image.h"

/* Part of the image format, and the order in which the conditions of a rule are tried: what costs
 * least comes first. */
enum policy_key {
    KEY_UUID,
    KEY_OPNUM,
    KEY_IFACE_VERSION,
    KEY_PROT,
    KEY_PROCESS,
    KEY_ENDPOINT,
    KEY_ADDR,
    KEY_AUTH,
    KEY_OBJECT,
    KEY_SID,
    KEY_USER,
    KEY_COUNT
};

/* A value of auth: is an authentication level; with this mark, anything below it. */
#define AUTH_WEAKER 0x100u

/* The values of one condition while a policy is read; grows on the heap. */
struct value_list {
    void *items; /* count elements of the key's type->size */
    size_t count;
    size_t capacity;
};

/* A text among the values while a policy is read: offset and length in the policy's text pool. */
struct text_pool {
    char *bytes;
    size_t length;
    size_t capacity;
};

/* What a value parser reports instead of a value. */
struct value_error {
    char message[192];
    char suggestion[96]; /* empty: none */
};

/* What a value may depend on besides its own text. */
struct value_context {
    const struct sid *domain;      /* what DA, DU, … are relative to; NULL: not known */
    const struct guid *interfaces; /* those that the rule names in uuid:, if it does */
    size_t interface_count;
};

struct value_reader {
    struct value_list *list;
    struct text_pool *pool;
    const struct value_context *context;
    struct value_error *error;
};

struct condition_key {
    const char *name;
    const struct condition_type *type;
    enum call_fact fact;
    bool multiple;       /* takes a comma list */
    bool sets;           /* takes @NAME */
    const char *example; /* a value, for error messages */
    /* Reads one value of `length` bytes and appends it; false: reader->error says why. */
    bool (*read)(struct value_reader *reader, const char *text, size_t length);
    /* Holds the call, whose fact is known, against the values. */
    bool (*match)(const struct policy_image *image, const struct image_condition *condition,
                  const struct call *call);
};

extern const struct condition_key condition_keys[KEY_COUNT];

/* The key of that name, or KEY_COUNT. */
enum policy_key condition_key_from_name(const char *name, size_t length);

/* One condition of an image against a call, negation included. */
enum match_result condition_match(const struct policy_image *image,
                                  const struct image_condition *condition, struct call *call);

/* Appends one value; false when memory is out. */
bool value_list_append(struct value_list *list, const void *value, size_t size);

#endif
