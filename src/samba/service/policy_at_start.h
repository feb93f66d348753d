/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The policy file, put in force when none is: after the host has started. */
#ifndef RPCFW_SAMBA_POLICY_AT_START_H
#define RPCFW_SAMBA_POLICY_AT_START_H

#include <stdbool.h>

#include "core/event.h"
#include "samba/state/policy_location.h"

/*
 * Publishes `path` unless a policy is in force. Its errors and warnings go to stderr. True: *event
 * (EVENT_POLICY_PUBLISHED or EVENT_POLICY_FILE_REFUSED) tells how it went; false: there was one.
 */
bool policy_at_start(int directory, const char *path, struct event *event);

#endif
