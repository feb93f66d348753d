/* SPDX-License-Identifier: Apache-2.0 */
#include "core/catalog.h"

#include "core/catalog_tables.h"
#include "core/wildcard.h"

static const char *text_at(uint32_t offset)
{
    return catalog_texts + offset;
}

/* A zero-terminated name against `length` bytes of text: negative, zero or positive. */
static int compare_names(const char *name, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int difference =
            (unsigned char)wildcard_fold(name[i]) - (unsigned char)wildcard_fold(text[i]);
        /* A zero inside `text` must not lead past the end of the name. */
        if (difference != 0 || name[i] == '\0') {
            return difference != 0 ? difference : -1;
        }
    }
    return name[length] != '\0';
}

/* The first of `count` rows whose name is not before `name`. */
static size_t lower_bound(const struct catalog_name *rows, size_t count, const char *name,
                          size_t length)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(text_at(rows[middle].name), name, length) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- Interfaces ---- */

const struct catalog_interface *catalog_interface_by_uuid(const struct guid *uuid)
{
    size_t low = 0;
    size_t high = catalog_interfaces_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = guid_compare(&catalog_interfaces[middle].uuid, uuid);
        if (order == 0) {
            return &catalog_interfaces[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

size_t catalog_interfaces_by_name(const char *name, size_t length,
                                  const struct catalog_interface **out, size_t max)
{
    const struct catalog_name *rows = catalog_interface_names_index;
    size_t found = 0;
    for (size_t i = lower_bound(rows, catalog_interface_names_index_count, name, length);
         i < catalog_interface_names_index_count &&
         compare_names(text_at(rows[i].name), name, length) == 0;
         i++) {
        if (found < max) {
            out[found] = &catalog_interfaces[rows[i].row];
        }
        found++;
    }
    return found;
}

size_t catalog_interface_count(void)
{
    return catalog_interfaces_count;
}

const struct catalog_interface *catalog_interface_at(size_t index)
{
    return &catalog_interfaces[index];
}

const struct guid *catalog_interface_uuid(const struct catalog_interface *interface)
{
    return &interface->uuid;
}

const char *catalog_interface_name(const struct catalog_interface *interface)
{
    return text_at(interface->name);
}

const char *catalog_interface_names(const struct catalog_interface *interface)
{
    return text_at(interface->names);
}

const char *catalog_interface_version(const struct catalog_interface *interface)
{
    return text_at(interface->version);
}

const char *catalog_interface_document(const struct catalog_interface *interface)
{
    return text_at(interface->document);
}

const char *catalog_interface_endpoints(const struct catalog_interface *interface)
{
    return text_at(interface->endpoints);
}

const char *catalog_interface_description(const struct catalog_interface *interface)
{
    return text_at(interface->description);
}

const struct catalog_interface *catalog_interface_base(const struct catalog_interface *interface)
{
    return interface->base == CATALOG_NO_BASE ? NULL : &catalog_interfaces[interface->base];
}

/* ---- Methods ---- */

static const struct catalog_method *own_method(const struct catalog_interface *interface,
                                               unsigned opnum)
{
    const struct catalog_method *rows = &catalog_methods[interface->first_method];
    size_t low = 0;
    size_t high = interface->method_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].opnum < opnum) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < interface->method_count && rows[low].opnum == opnum ? &rows[low] : NULL;
}

const char *catalog_method_name(const struct catalog_interface *interface, unsigned opnum)
{
    for (; interface; interface = catalog_interface_base(interface)) {
        const struct catalog_method *method = own_method(interface, opnum);
        if (method) {
            return text_at(method->name);
        }
    }
    return NULL;
}

bool catalog_method_by_name(const struct catalog_interface *interface, const char *name,
                            size_t length, unsigned *opnum)
{
    for (; interface; interface = catalog_interface_base(interface)) {
        const struct catalog_name *rows = &catalog_method_names_index[interface->first_method_name];
        size_t i = lower_bound(rows, interface->method_name_count, name, length);
        if (i < interface->method_name_count &&
            compare_names(text_at(rows[i].name), name, length) == 0) {
            *opnum = catalog_methods[rows[i].row].opnum;
            return true;
        }
    }
    return false;
}

size_t catalog_method_count(const struct catalog_interface *interface)
{
    return interface->method_count;
}

const struct catalog_method *catalog_method_at(const struct catalog_interface *interface,
                                               size_t index)
{
    return &catalog_methods[interface->first_method + index];
}

unsigned catalog_method_opnum(const struct catalog_method *method)
{
    return method->opnum;
}

const char *catalog_method_canonical_name(const struct catalog_method *method)
{
    return text_at(method->name);
}

const char *catalog_method_aliases(const struct catalog_method *method)
{
    return text_at(method->aliases);
}

/* ---- Techniques ---- */

size_t catalog_techniques_of(const struct guid *uuid, unsigned opnum,
                             const struct catalog_technique **out, size_t max)
{
    const struct catalog_interface *interface = catalog_interface_by_uuid(uuid);
    size_t found = 0;
    for (size_t i = 0; interface && i < interface->technique_count; i++) {
        const struct catalog_technique *technique =
            &catalog_techniques[catalog_interface_techniques[interface->first_technique + i]];
        if (!catalog_technique_covers(technique, opnum)) {
            continue;
        }
        if (found < max) {
            out[found] = technique;
        }
        found++;
    }
    return found;
}

size_t catalog_technique_count(void)
{
    return catalog_techniques_count;
}

const struct catalog_technique *catalog_technique_at(size_t index)
{
    return &catalog_techniques[index];
}

const char *catalog_technique_id(const struct catalog_technique *technique)
{
    return text_at(technique->id);
}

const char *catalog_technique_name(const struct catalog_technique *technique)
{
    return text_at(technique->name);
}

const struct catalog_interface *
catalog_technique_interface(const struct catalog_technique *technique)
{
    return &catalog_interfaces[technique->interface];
}

bool catalog_technique_covers(const struct catalog_technique *technique, unsigned opnum)
{
    unsigned first;
    unsigned last;
    for (size_t i = 0; catalog_technique_range(technique, i, &first, &last); i++) {
        if (opnum >= first && opnum <= last) {
            return true;
        }
    }
    return false;
}

const char *catalog_technique_opnums(const struct catalog_technique *technique)
{
    return text_at(technique->opnums);
}

bool catalog_technique_range(const struct catalog_technique *technique, size_t index,
                             unsigned *first, unsigned *last)
{
    if (index >= technique->range_count) {
        return false;
    }
    *first = catalog_opnum_ranges[technique->first_range + index].first;
    *last = catalog_opnum_ranges[technique->first_range + index].last;
    return true;
}

const char *catalog_technique_attack(const struct catalog_technique *technique)
{
    return text_at(technique->attack);
}

const char *catalog_technique_source(const struct catalog_technique *technique)
{
    return text_at(technique->source);
}
