/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as one line of JSON in the Elastic Common Schema (docs/events.md has every field).
 *
 * Pure: from record to bytes, no allocation, any thread. The line is valid JSON (RFC 8259, UTF-8)
 * whatever bytes the texts hold: quotes, backslashes and control characters are escaped, bytes that
 * are no UTF-8 become U+FFFD.
 */
#ifndef RPCFW_CORE_EVENT_JSON_H
#define RPCFW_CORE_EVENT_JSON_H

#include <stddef.h>

#include "core/event.h"

/* No event needs more: every byte of text escaped six-fold, and the fixed part. */
#define EVENT_JSON_SIZE 24576

/*
 * Writes one object and a line feed, no terminating zero. Returns the number of bytes, or 0 when
 * `size` is too small (which EVENT_JSON_SIZE never is).
 */
size_t event_json_write(const struct event *event, const struct event_origin *origin, char *out,
                        size_t size);

#endif
