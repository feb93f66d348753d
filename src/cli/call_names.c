/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call_names.h"

#include <stddef.h>

#include "core/catalog.h"

const char *known_interface_name(const struct guid *uuid)
{
    const struct catalog_interface *interface = catalog_interface_by_uuid(uuid);
    return interface ? catalog_interface_name(interface) : NULL;
}

const char *interface_name(const struct guid *uuid, char text[GUID_TEXT_SIZE])
{
    const char *name = known_interface_name(uuid);
    return name ? name : guid_format(uuid, text);
}

const char *method_name(const struct guid *uuid, uint16_t opnum)
{
    const struct catalog_interface *interface = catalog_interface_by_uuid(uuid);
    return interface ? catalog_method_name(interface, opnum) : NULL;
}
