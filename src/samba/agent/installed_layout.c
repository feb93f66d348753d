/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layout of the Samba whose development headers were there when the agent was built; without
 * them this file gives none. So an agent that is built on a host knows that host's Samba, also when
 * the table of layouts.c does not.
 */
#include "samba/agent/layouts.h"

#ifdef RPCFW_SAMBA_HEADERS

#include <stdbool.h>
#include <sys/time.h>

#include <talloc.h>
#include <tevent.h>

/* Some packages of the headers leave this one out. */
#if __has_include(<core/ntstatus.h>)
#include <core/ntstatus.h>
#else
typedef uint32_t NTSTATUS;
#endif

#include <dcerpc.h>
#include <dcesrv_core.h>
#include <gen_ndr/auth.h>
#include <gen_ndr/security.h>
#include <samba/version.h>

#define CALL(field)       offsetof(struct dcesrv_call_state, field)
#define PACKET(field)     offsetof(struct ncacn_packet, field)
#define AUTH(field)       offsetof(struct dcesrv_auth, field)
#define CONNECTION(field) offsetof(struct dcesrv_connection, field)

#define TEXT_OF(number)   #number
#define RELEASE(minor)    "4." TEXT_OF(minor)

static const struct samba_layout installed = {
    .name = RELEASE(SAMBA_VERSION_MINOR),
    .first_minor = SAMBA_VERSION_MINOR,
    .last_minor = SAMBA_VERSION_MINOR,
    .sizes = {.interface_version = DCERPC_MODULE_VERSION,
              .context = sizeof(struct dcesrv_context),
              .endpoint = sizeof(struct dcesrv_endpoint),
              .endpoint_server = sizeof(struct dcesrv_endpoint_server),
              .interface = sizeof(struct dcesrv_interface),
              .if_list = sizeof(struct dcesrv_if_list),
              .connection = sizeof(struct dcesrv_connection),
              .call_state = sizeof(struct dcesrv_call_state),
              .auth = sizeof(struct dcesrv_auth),
              .handle = sizeof(struct dcesrv_handle)},
    .call_auth_state = CALL(auth_state),
    .call_conn = CALL(conn),
    .call_context = CALL(context),
    .call_pkt = CALL(pkt),
    .call_fault_code = CALL(fault_code),
    .pkt_pfc_flags = PACKET(pfc_flags),
    .pkt_auth_length = PACKET(auth_length),
    .pkt_opnum = PACKET(u.request.opnum),
    .pkt_object = PACKET(u.request.object.object),
    .pkt_stub = PACKET(u.request.stub_and_verifier),
    .pkt_num_contexts = PACKET(u.bind.num_contexts),
    .pkt_ctx_list = PACKET(u.bind.ctx_list),
    .ctx_list_size = sizeof(struct dcerpc_ctx_list),
    .ctx_abstract_syntax = offsetof(struct dcerpc_ctx_list, abstract_syntax),
    .context_iface = offsetof(struct dcesrv_connection_context, iface),
    .iface_syntax_id = offsetof(struct dcesrv_interface, syntax_id),
    .iface_ndr_pull = offsetof(struct dcesrv_interface, ndr_pull),
    .auth_type = AUTH(auth_type),
    .auth_level = AUTH(auth_level),
    .auth_gensec = AUTH(gensec_security),
    .auth_session_info = AUTH(session_info),
    .auth_finished = AUTH(auth_finished),
    .conn_endpoint = CONNECTION(endpoint),
    .conn_local_address = CONNECTION(local_address),
    .conn_remote_address = CONNECTION(remote_address),
    .endpoint_description = offsetof(struct dcesrv_endpoint, ep_description),
    .endpoint_interfaces = offsetof(struct dcesrv_endpoint, interface_list),
    .if_list_next = offsetof(struct dcesrv_if_list, next),
    .if_list_iface = offsetof(struct dcesrv_if_list, iface),
    .session_token = offsetof(struct auth_session_info, security_token),
    .session_user = offsetof(struct auth_session_info, info),
    .user_account_name = offsetof(struct auth_user_info, account_name),
    .user_domain_name = offsetof(struct auth_user_info, domain_name),
    .token_sid_count = offsetof(struct security_token, num_sids),
    .token_sids = offsetof(struct security_token, sids),
};

const struct samba_layout *samba_installed_layout(void)
{
    return &installed;
}

#else

const struct samba_layout *samba_installed_layout(void)
{
    return NULL;
}

#endif
