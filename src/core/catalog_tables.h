/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that catalog/generate.py writes, as catalog.c reads them; nobody else does.
 *
 * Constant and free of pointers: texts are offsets into catalog_texts, in which 0 is the empty
 * text; rows that belong together are a first index and a count.
 */
#ifndef RPCFW_CORE_CATALOG_TABLES_H
#define RPCFW_CORE_CATALOG_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "core/guid.h"

#define CATALOG_NO_BASE 0xffff

struct catalog_interface {
    struct guid uuid;
    uint32_t name;
    uint32_t names;
    uint32_t version;
    uint32_t document;
    uint32_t endpoints;
    uint32_t description;
    uint32_t first_method;      /* in catalog_methods, by opnum */
    uint32_t first_method_name; /* in catalog_method_names_index, by name */
    uint16_t first_technique;   /* in catalog_interface_techniques */
    uint16_t method_count;
    uint16_t method_name_count;
    uint16_t technique_count;
    uint16_t base; /* index of the interface whose methods come first; CATALOG_NO_BASE: none */
};

struct catalog_method {
    uint32_t name;
    uint32_t aliases;
    uint16_t opnum;
};

/* A row of an index by name, in the order of the names in lower case: the name, and the row of the
 * table that has it. */
struct catalog_name {
    uint32_t name;
    uint32_t row;
};

struct catalog_technique {
    uint32_t id;
    uint32_t name;
    uint32_t opnums;
    uint32_t attack;
    uint32_t source;
    uint16_t first_range; /* in catalog_opnum_ranges, ascending */
    uint16_t range_count;
    uint16_t interface;
};

struct catalog_opnum_range {
    uint16_t first;
    uint16_t last;
};

/* By guid_compare(). */
extern const struct catalog_interface catalog_interfaces[];
extern const size_t catalog_interfaces_count;

extern const struct catalog_name catalog_interface_names_index[];
extern const size_t catalog_interface_names_index_count;

extern const struct catalog_method catalog_methods[];
extern const size_t catalog_methods_count;

extern const struct catalog_name catalog_method_names_index[];
extern const size_t catalog_method_names_index_count;

/* By technique, interface and attack. */
extern const struct catalog_technique catalog_techniques[];
extern const size_t catalog_techniques_count;

extern const struct catalog_opnum_range catalog_opnum_ranges[];
extern const size_t catalog_opnum_ranges_count;

extern const uint16_t catalog_interface_techniques[];

extern const char catalog_texts[];

#endif
