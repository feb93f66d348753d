/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Describes a request or a bind of Samba's RPC server to the policy.
 *
 * Called on the thread that serves RPC, between arrival and verdict. What stands in the request is
 * copied at once; the rest waits until a rule or an event asks. Works in a call_storage on the
 * caller's stack: no heap, no locks, nothing of Samba is changed. A fact that is not there, does
 * not fit or is not what its type allows is unknown: never guessed, never cut.
 *
 * Pipes: the address is the SMB client's, which smbd hands on, the principal that of the SMB
 * session unless the client authenticated to RPC, and then the authentication level is "none".
 * Kerberos and NTLM inside SPNEGO are told as what was agreed on. Secure channels of members are
 * ANONYMOUS to Samba: service NETLOGON, S-1-5-7.
 *
 * Internal calls: Samba's daemons call each other over pipes, without smbd, as SYSTEM and from an
 * IP address without a port (seen on 4.17: rpcd_classic and smbd to \pipe\winreg, 127.0.0.1 port
 * 0). Such a call is local, as if it had come over ncalrpc, so that only rules that name ncalrpc
 * see it. Both marks together are beyond a client: what smbd hands on is the peer of a TCP
 * connection and the token of an SMB session, and no session is SYSTEM's; the pipes' own sockets
 * are open to root alone.
 */
#ifndef RPCFW_SAMBA_DESCRIBE_CALL_H
#define RPCFW_SAMBA_DESCRIBE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "samba/agent/layouts.h"
#include "samba/agent/samba_runtime.h"

/* More SIDs than the largest token of Windows has ([MS-KILE] limits a ticket's to 1015). */
#define CALL_SIDS_MAX 1024

/* Bytes of the domain's and of the account's name. */
#define CALL_NAME_MAX 512

/* What all calls of a process share. */
struct samba_host {
    const struct samba_layout *layout;
    struct samba_runtime runtime;
    struct text process; /* image name; length 0: unknown */
};

struct call_storage {
    const struct samba_host *host;
    const void *samba_call; /* struct dcesrv_call_state */
    bool addresses_read;
    char port[5]; /* the local port, where the endpoint has no name */
    char principal[2 * CALL_NAME_MAX + 1];
    const struct sid *sids[CALL_SIDS_MAX];
};

/* `samba_call` is a struct dcesrv_call_state whose packet is a request and whose context is set. */
void describe_call_begin(struct call *call, struct call_storage *storage,
                         const struct samba_host *host, const void *samba_call);

/*
 * The same for a bind or alter-context that asks for `syntax` (a struct ndr_syntax_id). Who the
 * client is remains unknown while it is still to authenticate.
 */
void describe_bind_begin(struct call *call, struct call_storage *storage,
                         const struct samba_host *host, const void *samba_call, const void *syntax);

#endif
