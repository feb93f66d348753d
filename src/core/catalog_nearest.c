/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from catalog.c, which the agents link: suggestions are for people at a command line. */
#include "core/catalog.h"

#include "core/catalog_tables.h"
#include "core/diagnostics.h"

/* Names are compared in lots of this many. */
#define LOT 128

/* Of the names in `rows` and of `nearest`, found before, the one nearest to `word`. */
static const char *nearest_in(const struct catalog_name *rows, size_t count, const char *word,
                              size_t length, const char *nearest)
{
    const char *lot[LOT + 2];
    for (size_t done = 0; done < count;) {
        size_t used = 0;
        if (nearest) {
            lot[used++] = nearest;
        }
        for (; done < count && used < LOT; done++) {
            lot[used++] = catalog_texts + rows[done].name;
        }
        lot[used] = NULL;
        nearest = closest_word(word, length, lot);
    }
    return nearest;
}

const char *catalog_nearest_interface(const char *name, size_t length)
{
    return nearest_in(catalog_interface_names_index, catalog_interface_names_index_count, name,
                      length, NULL);
}

const char *catalog_nearest_method(const struct catalog_interface *interface, const char *name,
                                   size_t length)
{
    const char *nearest = NULL;
    for (; interface; interface = catalog_interface_base(interface)) {
        nearest = nearest_in(&catalog_method_names_index[interface->first_method_name],
                             interface->method_name_count, name, length, nearest);
    }
    return nearest;
}
