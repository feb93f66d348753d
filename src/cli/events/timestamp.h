/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time in recorded events: microseconds since 1970-01-01 UTC. Pure: any thread. */
#ifndef RPCFW_CLI_EVENTS_TIMESTAMP_H
#define RPCFW_CLI_EVENTS_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads RFC 3339 text ("2026-11-22T08:00:00.123456Z", any offset) or seconds since 1970 with an
 * optional fraction ("1795334400.123456"), what is beyond microseconds cut off. False, and *out
 * left alone, for any other text and for times before 1970 or after 9999.
 */
bool timestamp_parse(const char *text, size_t length, uint64_t *out);

/* "2026-11-22 08:00:00Z" and a terminating zero. */
#define TIMESTAMP_TEXT_SIZE 32

/* To the second, in UTC; "unknown" for 0. Returns `text`. */
char *timestamp_format(uint64_t time_us, char text[TIMESTAMP_TEXT_SIZE]);

#endif
