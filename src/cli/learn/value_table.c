/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/learn/value_table.h"

#include <stdlib.h>
#include <string.h>

static char *copy_bytes(const void *bytes, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    return copy;
}

bool value_table_add(struct value_table *table, const void *key, size_t key_length,
                     const char *text, size_t text_length, uint32_t *number)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 256;
        struct value *values = realloc(table->values, capacity * sizeof(*values));
        if (!values) {
            return false;
        }
        table->values = values;
        table->capacity = capacity;
    }
    struct value value = {.key = copy_bytes(key, key_length),
                          .key_length = key_length,
                          .text = copy_bytes(text, text_length),
                          .added = (uint32_t)table->count + 1};
    if (!value.key || !value.text || table->count >= UINT32_MAX - 1) {
        free(value.key);
        free(value.text);
        return false;
    }
    table->values[table->count++] = value;
    *number = value.added;
    return true;
}

static int order_keys(const struct value *a, const struct value *b)
{
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);
    if (order) {
        return order;
    }
    return a->key_length < b->key_length ? -1 : a->key_length > b->key_length;
}

/* Of equal keys, the one that came first. */
static int order_values(const void *a, const void *b)
{
    const struct value *x = a;
    const struct value *y = b;
    int order = order_keys(x, y);
    return order ? order : (x->added < y->added ? -1 : x->added > y->added);
}

bool value_table_sort(struct value_table *table)
{
    size_t kept = 0;
    table->final = calloc(table->count + 1, sizeof(*table->final));
    if (!table->final) {
        return false;
    }
    if (table->count) {
        qsort(table->values, table->count, sizeof(*table->values), order_values);
    }
    for (size_t i = 0; i < table->count; i++) {
        struct value *value = &table->values[i];
        uint32_t added = value->added;
        if (kept && order_keys(&table->values[kept - 1], value) == 0) {
            free(value->key);
            free(value->text);
        } else {
            table->values[kept++] = *value;
        }
        table->final[added] = (uint32_t)kept;
    }
    table->count = kept;
    return true;
}

uint32_t value_table_number(const struct value_table *table, uint32_t added)
{
    return added == VALUE_ANY ? VALUE_ANY : table->final[added];
}

const char *value_table_text(const struct value_table *table, uint32_t number)
{
    return table->values[number - 1].text;
}

void value_table_free(struct value_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->values[i].key);
        free(table->values[i].text);
    }
    free(table->values);
    free(table->final);
    *table = (struct value_table){.values = NULL};
}
