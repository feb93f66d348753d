/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The different values of one condition key among learned calls: numbered in their order.
 *
 * Filled first, then sorted; the numbers that value_table_add() gave are exchanged for the final
 * ones by value_table_number(). One owner, one thread.
 */
#ifndef RPCFW_CLI_LEARN_VALUE_TABLE_H
#define RPCFW_CLI_LEARN_VALUE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value {
    char *key; /* what is compared; not zero-terminated */
    size_t key_length;
    char *text;     /* as the policy writes it; zero-terminated */
    uint32_t added; /* its number before sorting */
};

struct value_table {
    struct value *values;
    size_t count;
    size_t capacity;
    uint32_t *final; /* numbers by those before sorting */
};

/* Any value, and a value that the policy cannot write. */
#define VALUE_ANY 0u

/* Adds a value and sets *number; equal keys become one value, with the text that came first. False:
 * out of memory. */
bool value_table_add(struct value_table *table, const void *key, size_t key_length,
                     const char *text, size_t text_length, uint32_t *number);

/* Sorts by key and joins equal ones; nothing is added after it. False: out of memory. */
bool value_table_sort(struct value_table *table);

/* From the number that value_table_add() gave to the final one, counted from 1 in the order of the
 * keys; VALUE_ANY stays. */
uint32_t value_table_number(const struct value_table *table, uint32_t added);

/* The text of a final number. */
const char *value_table_text(const struct value_table *table, uint32_t number);

void value_table_free(struct value_table *table);

#endif
