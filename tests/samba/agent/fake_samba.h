/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Samba RPC server of structures alone, for any layout of the agent's table.
 *
 * The real library of one release is on a machine at most, and cannot be asked for broken
 * structures. This one has the same soname, imports and exports; what a call points to is laid out
 * by the numbers of the row under test, so it shows that the agent reads what the row says, not
 * that the row is right: that is for the headers (layouts_test.c) and for the real Samba
 * (tests/samba).
 */
#ifndef RPCFW_TEST_FAKE_SAMBA_H
#define RPCFW_TEST_FAKE_SAMBA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/guid.h"
#include "core/sid.h"
#include "samba/agent/layouts.h"

#define FAKE_SIDS           2000
#define FAKE_CONTEXTS       255

#define FAKE_NCACN_NP       1
#define FAKE_NCACN_IP_TCP   2
#define FAKE_NCALRPC        8
#define FAKE_STATUS_OK      0u
#define FAKE_STATUS_MEMORY  0xc0000017u /* NT_STATUS_NO_MEMORY */
#define FAKE_STATUS_TRAILER 0xc0000022u

struct fake_syntax {
    struct guid uuid;
    uint32_t version; /* minor << 16 | major */
};

struct fake_binding {
    unsigned transport;
    const char *endpoint;
};

struct fake_address {
    struct sockaddr_storage bytes;
    ssize_t size; /* what tsocket_address_bsd_sockaddr() returns */
};

struct fake_gensec {
    const char *final_auth_type;
};

/* Everything that one call points to. Large enough for every row. */
struct fake_call {
    const char *talloc_name; /* right before the call: what talloc_check_name() looks at */
    _Alignas(8) char call[512];
    char context[128];
    char interface[256];
    char auth[128];
    char connection[512];
    char endpoint[128];
    char if_list[64];
    char session[256];
    char user[256];
    char token[256];
    char contexts[FAKE_CONTEXTS * 64];
    struct sid sids[FAKE_SIDS];
    struct fake_binding binding;
    struct fake_address client;
    struct fake_address server;
    struct fake_gensec gensec;
    unsigned served; /* how often the interface's own ndr_pull ran */
    const struct samba_layout *layout;
};

/* An authenticated call of drsuapi 3 over TCP from 10.0.0.7:50000 to 10.0.0.1:49152 by
 * EXAMPLE\mallory, S-1-5-21-1-2-3-1105, Kerberos and privacy. */
void fake_call_init(struct fake_call *call, const struct samba_layout *layout);

void fake_set_pointer(void *structure, size_t offset, const void *value);
void fake_set_u32(void *structure, size_t offset, uint32_t value);
void fake_set_u16(void *structure, size_t offset, uint16_t value);
void *fake_pointer(const void *structure, size_t offset);

void fake_set_address(struct fake_address *address, const char *text, uint16_t port);
void fake_set_opnum(struct fake_call *call, uint16_t opnum);
void fake_set_user(struct fake_call *call, const char *domain, const char *account);
void fake_set_sids(struct fake_call *call, const struct sid *sids, uint32_t count);

/* A bind for `count` interfaces. */
void fake_make_bind(struct fake_call *call, const struct fake_syntax *syntaxes, unsigned count,
                    bool authenticates);

/* ---- What the library exports besides Samba's names ---- */

/* What dcerpc_module_version() will say; of no release that anybody knows where the environment has
 * FAKE_SAMBA_STRANGE. */
void fake_samba_init(const struct samba_sizes *sizes);

/* As dcesrv_request(): the interface's status, and *fault as it would go to the client. With
 * `bad_trailer` it gives the call up after ndr_pull_init_blob(). */
uint32_t fake_dcesrv_request(struct fake_call *call, bool bad_trailer, uint32_t *fault);

/* As dcesrv_bind() and dcesrv_alter(). */
bool fake_dcesrv_bind(struct fake_call *call);
bool fake_dcesrv_alter(struct fake_call *call);

#endif
