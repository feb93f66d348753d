/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the service tells whoever started it, if that is a service manager that listens (sd_notify):
 * READY=1, WATCHDOG=1, STOPPING=1, STATUS=… The main thread alone; never waits.
 */
#ifndef RPCFW_SAMBA_NOTIFY_H
#define RPCFW_SAMBA_NOTIFY_H

#include <stdint.h>

/* Lines of NAME=VALUE. Without a listener nothing happens. */
void notify(const char *lines);

/* How often WATCHDOG=1 is due, in milliseconds: half the time that is allowed; 0: never. */
uint64_t notify_watchdog_ms(void);

#endif
