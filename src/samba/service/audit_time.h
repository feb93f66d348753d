/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in time as people type them for `rpcfw audit`. Pure. */
#ifndef RPCFW_SAMBA_AUDIT_TIME_H
#define RPCFW_SAMBA_AUDIT_TIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * "30s", "10m", "2h", "3d" before `now_us`; "2026-11-22", "2026-11-22 08:00", "2026-11-22 08:00:30"
 * in UTC; RFC 3339; seconds since 1970. Microseconds since 1970; false for any other text.
 */
bool audit_time_parse(const char *text, uint64_t now_us, uint64_t *out);

#endif
