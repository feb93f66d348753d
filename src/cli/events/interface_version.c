/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/events/interface_version.h"

#include <string.h>

#include "core/catalog.h"

bool small_number_parse(struct text text, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (!text.length || text.length > 5) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.bytes[i] - '0');
    }
    if (value > max) {
        return false;
    }
    *out = value;
    return true;
}

bool interface_version_parse(struct text text, struct call *call)
{
    const char *dot = text.length ? memchr(text.bytes, '.', text.length) : NULL;
    size_t head = dot ? (size_t)(dot - text.bytes) : 0;
    unsigned major;
    unsigned minor;
    if (!dot || !small_number_parse((struct text){text.bytes, head}, UINT16_MAX, &major) ||
        !small_number_parse((struct text){dot + 1, text.length - head - 1}, UINT16_MAX, &minor)) {
        return false;
    }
    call->version_major = (uint16_t)major;
    call->version_minor = (uint16_t)minor;
    return true;
}

void interface_version_from_catalog(struct call *call)
{
    const struct catalog_interface *interface = catalog_interface_by_uuid(&call->interface);
    const char *version = interface ? catalog_interface_version(interface) : "";
    if (!interface_version_parse((struct text){version, strlen(version)}, call)) {
        call->version_major = 0;
        call->version_minor = 0;
    }
}
