/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the agent sits in Samba's RPC server: three import slots of libdcerpc-server-core.so.0.
 *
 * dcesrv_request() has reassembled, decrypted and authenticated a request when it calls
 * ndr_pull_init_blob(), and does not look into the arguments before it calls the interface's
 * ndr_pull() next. Ours judges the call in between. To block one, the interface's ndr_pull is
 * replaced for just this call: it puts the original back, sets the fault code and fails, and Samba
 * answers with a fault PDU of status 5 as for any refused call; the connection goes on. If Samba
 * gives the call up before it comes to that (a bad verification trailer), the original is put back
 * at the next request. So nothing of Samba stays changed but the three slots.
 *
 * dcesrv_auth_bind() and dcesrv_auth_alter() are called for each bind and alter-context, also for
 * interfaces that the server does not have. They are recorded after Samba's function returned.
 *
 * Process-wide; one thread.
 */
#ifndef RPCFW_SAMBA_HOOKS_H
#define RPCFW_SAMBA_HOOKS_H

#include <stdbool.h>

#include "samba/agent/import_slots.h"
#include "samba/agent/judge.h"

struct hook_error {
    enum agent_reason reason;
    int error; /* errno, or 0 */
    char detail[128];
};

/*
 * Puts the hooks into the slots of `library`; all or none. `judge` must be complete and live until
 * hooks_remove(). Without a layout only the first is put in, and asks judge_unsupported(). False:
 * nothing was changed, *error says why.
 */
bool hooks_install(const struct loaded_library *library, struct judge *judge,
                   struct hook_error *error);

/* Restores the slots; all or none. True when there was nothing to restore, too. */
bool hooks_remove(struct hook_error *error);

/* Whether a function lies in another file of the agent's. Two of them would judge each call twice.
 */
bool is_of_another_agent(const void *function);

#endif
