/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this process is, for its events and for process: rules. Asked once when the agent starts.
 */
#ifndef RPCFW_WINDOWS_PROCESS_ORIGIN_H
#define RPCFW_WINDOWS_PROCESS_ORIGIN_H

#include "core/event.h"

/* Fills in all of *origin; what Windows does not tell stays empty. Not on RPC threads. */
void process_origin_read(struct event_origin *origin);

#endif
