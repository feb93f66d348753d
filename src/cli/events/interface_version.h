/* SPDX-License-Identifier: Apache-2.0 */
/* Small numbers and interface versions as records and the catalogue write them. Pure. */
#ifndef RPCFW_CLI_EVENTS_INTERFACE_VERSION_H
#define RPCFW_CLI_EVENTS_INTERFACE_VERSION_H

#include <stdbool.h>

#include "core/call.h"

/* One to five decimal digits, no sign, of at most `max`; *out is untouched otherwise. */
bool small_number_parse(struct text text, unsigned max, unsigned *out);

/* Sets the call's version from "MAJOR.MINOR"; false when it is anything else. */
bool interface_version_parse(struct text text, struct call *call);

/* Sets the call's version to the catalogue's of its interface, or 0.0 where it has none. */
void interface_version_from_catalog(struct call *call);

#endif
