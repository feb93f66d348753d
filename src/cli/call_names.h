/* SPDX-License-Identifier: Apache-2.0 */
/* How the tools name an interface and a method: as the catalogue does, or by number. */
#ifndef RPCFW_CLI_CALL_NAMES_H
#define RPCFW_CLI_CALL_NAMES_H

#include <stdint.h>

#include "core/guid.h"

/* The catalogue's name of the interface; else its UUID, written to `text`. */
const char *interface_name(const struct guid *uuid, char text[GUID_TEXT_SIZE]);

/* The catalogue's name of the interface; NULL: it has none. */
const char *known_interface_name(const struct guid *uuid);

/* The catalogue's name of the method; NULL: it has none. */
const char *method_name(const struct guid *uuid, uint16_t opnum);

#endif
