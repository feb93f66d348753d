/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where things lie in Samba's structures.
 *
 * Samba's RPC server hands its own structures to the agent; their layout is no part of any
 * interface and changes between releases that share one soname. dcerpc_module_version() tells the
 * sizes of nine of them; a row of this table is used only where all agree, and only for the
 * releases that it was made from. Offsets and sizes in bytes, LP64, little-endian.
 *
 * What the sizes vouch for: dcesrv_call_state holds two ncacn_packets and two dcerpc_auths, so its
 * size moves with theirs; dcesrv_interface, _auth, _connection, _endpoint and _if_list are told
 * themselves. What they do not see: fields that change places, and dcesrv_connection_context,
 * dcerpc_ctx_list, auth_session_info, auth_user_info and security_token. For these the release
 * vouches, which the library tells in the names of the symbol versions that it needs
 * ("SAMBA_4.17.12_…"). Where a build does not tell its release, the sizes decide alone.
 */
#ifndef RPCFW_SAMBA_LAYOUTS_H
#define RPCFW_SAMBA_LAYOUTS_H

#include <stddef.h>
#include <stdint.h>

/* struct dcesrv_critical_sizes: ten ints, the first the number of the interface (1). */
struct samba_sizes {
    int32_t interface_version;
    int32_t context;
    int32_t endpoint;
    int32_t endpoint_server;
    int32_t interface;
    int32_t if_list;
    int32_t connection;
    int32_t call_state;
    int32_t auth;
    int32_t handle;
};

/* In a row: the structure is not looked into, and has had several sizes. */
#define SAMBA_ANY_SIZE (-1)

struct samba_layout {
    const char *name;     /* of the releases: "4.17", "4.18-4.21" */
    uint16_t first_minor; /* of release 4 */
    uint16_t last_minor;
    struct samba_sizes sizes;

    /* struct dcesrv_call_state */
    uint16_t call_auth_state;
    uint16_t call_conn;
    uint16_t call_context;
    uint16_t call_pkt;
    uint16_t call_fault_code;

    /* struct ncacn_packet */
    uint16_t pkt_pfc_flags;
    uint16_t pkt_auth_length;
    uint16_t pkt_opnum;
    uint16_t pkt_object;
    uint16_t pkt_stub; /* DATA_BLOB */
    uint16_t pkt_num_contexts;
    uint16_t pkt_ctx_list;

    /* struct dcerpc_ctx_list */
    uint16_t ctx_list_size;
    uint16_t ctx_abstract_syntax;

    /* struct dcesrv_connection_context */
    uint16_t context_iface;

    /* struct dcesrv_interface */
    uint16_t iface_syntax_id;
    uint16_t iface_ndr_pull;

    /* struct dcesrv_auth */
    uint16_t auth_type;  /* 32 bits */
    uint16_t auth_level; /* 32 bits */
    uint16_t auth_gensec;
    uint16_t auth_session_info;
    uint16_t auth_finished;

    /* struct dcesrv_connection */
    uint16_t conn_endpoint;
    uint16_t conn_local_address;
    uint16_t conn_remote_address;

    /* struct dcesrv_endpoint, struct dcesrv_if_list */
    uint16_t endpoint_description;
    uint16_t endpoint_interfaces;
    uint16_t if_list_next;
    uint16_t if_list_iface;

    /* struct auth_session_info, struct auth_user_info */
    uint16_t session_token;
    uint16_t session_user;
    uint16_t user_account_name;
    uint16_t user_domain_name;

    /* struct security_token */
    uint16_t token_sid_count; /* 32 bits */
    uint16_t token_sids;
};

/* What the development headers say that were there at build time (installed_layout.c); NULL: there
 * were none. */
const struct samba_layout *samba_installed_layout(void);

/* The row, or installed layout, of exactly these sizes and of release 4.`minor` (0: the build does
 * not tell), or NULL. */
const struct samba_layout *samba_layout_for(const struct samba_sizes *sizes, unsigned minor);

/* 17 of "SAMBA_4.17.12_DEBIAN"; 0 for any other text. */
unsigned samba_minor_of(const char *symbol_version);

/* The rows of the table, for tests. */
extern const struct samba_layout samba_layouts[];
extern const size_t samba_layout_count;

#endif
