/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of RPC interfaces: their names, methods and endpoints, and which calls serve which
 * ATT&CK technique.
 *
 * Facts compiled in from the tables in catalog/ (docs/catalog.md), for the policy's names, for
 * `names` and `coverage`, and for names and techniques in events. Constant data, no allocation, no
 * state: any thread. A verdict never depends on it: policies are compiled to UUIDs and opnums.
 *
 * Names are compared without regard to the case of ASCII letters. Texts that are returned are
 * zero-terminated, live for ever, and are empty where a fact is not known.
 */
#ifndef RPCFW_CORE_CATALOG_H
#define RPCFW_CORE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/guid.h"

struct catalog_interface;
struct catalog_method;
struct catalog_technique;

/* ---- Interfaces ---- */

/* NULL when the UUID is not in the catalogue. Versions do not matter: they are informational. */
const struct catalog_interface *catalog_interface_by_uuid(const struct guid *uuid);

/*
 * The interfaces of that name, canonical or alias. Writes at most `max` of them to `out` and
 * returns how many there are; 0: none. A name stands for more than one only where one interface of
 * the protocol document is registered under several UUIDs, with the same methods (efsrpc): a policy
 * that names it means all of them.
 */
size_t catalog_interfaces_by_name(const char *name, size_t length,
                                  const struct catalog_interface **out, size_t max);

/* All interfaces by index 0 to catalog_interface_count() - 1, in the order of guid_compare(). */
size_t catalog_interface_count(void);
const struct catalog_interface *catalog_interface_at(size_t index);

const struct guid *catalog_interface_uuid(const struct catalog_interface *interface);

/* The canonical name. No two interfaces have the same. */
const char *catalog_interface_name(const struct catalog_interface *interface);

/* All names, the canonical one first, separated by commas. */
const char *catalog_interface_names(const struct catalog_interface *interface);

/* "4.0" */
const char *catalog_interface_version(const struct catalog_interface *interface);

/* The protocol documents, "MS-LSAD; MS-LSAT". */
const char *catalog_interface_document(const struct catalog_interface *interface);

/* "\pipe\lsarpc,tcp": pipes, tcp, tcp PORT, udp, http, ncalrpc, separated by commas. */
const char *catalog_interface_endpoints(const struct catalog_interface *interface);

const char *catalog_interface_description(const struct catalog_interface *interface);

/* The COM interface whose methods come first in this one's numbering; NULL: none. */
const struct catalog_interface *catalog_interface_base(const struct catalog_interface *interface);

/* ---- Methods ---- */

/* The method's name in the protocol document, inherited methods included; NULL when not known. */
const char *catalog_method_name(const struct catalog_interface *interface, unsigned opnum);

/*
 * Writes the opnum of the method of that name, canonical or alias, to *opnum. A name of the
 * interface itself comes before one that it inherits. False, and *opnum untouched, when there is
 * none.
 */
bool catalog_method_by_name(const struct catalog_interface *interface, const char *name,
                            size_t length, unsigned *opnum);

/* The interface's own methods by index, in the order of their opnums; not the inherited ones. */
size_t catalog_method_count(const struct catalog_interface *interface);
const struct catalog_method *catalog_method_at(const struct catalog_interface *interface,
                                               size_t index);
unsigned catalog_method_opnum(const struct catalog_method *method);
const char *catalog_method_canonical_name(const struct catalog_method *method);

/* Other names, separated by commas. */
const char *catalog_method_aliases(const struct catalog_method *method);

/* ---- Techniques ---- */

/*
 * The techniques that a call of this method may serve. Writes at most `max` of them to `out` and
 * returns how many there are.
 */
size_t catalog_techniques_of(const struct guid *uuid, unsigned opnum,
                             const struct catalog_technique **out, size_t max);

/* All rows by index, sorted by technique; one technique has a row for each interface and attack. */
size_t catalog_technique_count(void);
const struct catalog_technique *catalog_technique_at(size_t index);

/* "T1003.006" */
const char *catalog_technique_id(const struct catalog_technique *technique);

/* What ATT&CK calls it. */
const char *catalog_technique_name(const struct catalog_technique *technique);

const struct catalog_interface *
catalog_technique_interface(const struct catalog_technique *technique);

bool catalog_technique_covers(const struct catalog_technique *technique, unsigned opnum);

/* "2,3", "0,4-9" or "*" for every call. */
const char *catalog_technique_opnums(const struct catalog_technique *technique);

/*
 * The opnums as ranges: writes the first and the last opnum of range number `index` and returns
 * true; false past the last range. Ascending; every call is one range, 0 to 65535.
 */
bool catalog_technique_range(const struct catalog_technique *technique, size_t index,
                             unsigned *first, unsigned *last);

/* What the calls are used for: "DCSync", "PetitPotam". */
const char *catalog_technique_attack(const struct catalog_technique *technique);

/* Who says so. */
const char *catalog_technique_source(const struct catalog_technique *technique);

/* ---- Suggestions ---- */

/*
 * The name that `name` is most likely a misspelling of, or NULL when none is near: of any
 * interface; of the methods of one, inherited ones included. For messages of tools: every name is
 * compared.
 */
const char *catalog_nearest_interface(const char *name, size_t length);
const char *catalog_nearest_method(const struct catalog_interface *interface, const char *name,
                                   size_t length);

#endif
