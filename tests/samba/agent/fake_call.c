/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_samba.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const struct fake_syntax drsuapi = {
    {0xe3514235, 0x4b06, 0x11d1, {0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2}}, 4};

void fake_set_pointer(void *structure, size_t offset, const void *value)
{
    memcpy((char *)structure + offset, &value, sizeof(value));
}

void fake_set_u32(void *structure, size_t offset, uint32_t value)
{
    memcpy((char *)structure + offset, &value, sizeof(value));
}

void fake_set_u16(void *structure, size_t offset, uint16_t value)
{
    memcpy((char *)structure + offset, &value, sizeof(value));
}

void *fake_pointer(const void *structure, size_t offset)
{
    void *value;

    memcpy(&value, (const char *)structure + offset, sizeof(value));
    return value;
}

void fake_set_address(struct fake_address *address, const char *text, uint16_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->bytes;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->bytes;

    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        address->size = sizeof(*in);
    } else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        address->size = sizeof(*in6);
    } else {
        address->bytes.ss_family = AF_UNIX;
        address->size = 2 + 108;
    }
}

void fake_set_opnum(struct fake_call *call, uint16_t opnum)
{
    fake_set_u16(call->call, (size_t)call->layout->call_pkt + call->layout->pkt_opnum, opnum);
}

void fake_set_user(struct fake_call *call, const char *domain, const char *account)
{
    fake_set_pointer(call->user, call->layout->user_domain_name, domain);
    fake_set_pointer(call->user, call->layout->user_account_name, account);
}

void fake_set_sids(struct fake_call *call, const struct sid *sids, uint32_t count)
{
    if (sids)
        memcpy(call->sids, sids, count * sizeof(*sids));
    fake_set_u32(call->token, call->layout->token_sid_count, count);
}

static uint32_t own_pull(void *samba_call, void *memory, void *pull, void **arguments)
{
    char *bytes = samba_call;
    struct fake_call *call = (struct fake_call *)(bytes - offsetof(struct fake_call, call));

    (void)memory;
    (void)pull;
    (void)arguments;
    call->served++;
    return FAKE_STATUS_OK;
}

void fake_call_init(struct fake_call *call, const struct samba_layout *layout)
{
    static const struct sid sids[] = {{1, 5, {0, 0, 0, 0, 0, 5}, {21, 1, 2, 3, 1105}},
                                      {1, 5, {0, 0, 0, 0, 0, 5}, {21, 1, 2, 3, 513}},
                                      {1, 2, {0, 0, 0, 0, 0, 22}, {2, 100}}};

    memset(call, 0, sizeof(*call));
    call->talloc_name = "struct dcesrv_call_state";
    call->layout = layout;
    call->binding = (struct fake_binding){FAKE_NCACN_IP_TCP, NULL};
    call->gensec = (struct fake_gensec){"gssapi_krb5"};
    fake_set_address(&call->client, "10.0.0.7", 50000);
    fake_set_address(&call->server, "10.0.0.1", 49152);

    fake_set_pointer(call->call, layout->call_auth_state, call->auth);
    fake_set_pointer(call->call, layout->call_conn, call->connection);
    fake_set_pointer(call->call, layout->call_context, call->context);
    fake_set_pointer(call->context, layout->context_iface, call->interface);
    memcpy(call->interface + layout->iface_syntax_id, &drsuapi, sizeof(drsuapi));
    fake_set_pointer(call->interface, layout->iface_ndr_pull, (const void *)own_pull);
    fake_set_opnum(call, 3);

    fake_set_u32(call->auth, layout->auth_type, 9);
    fake_set_u32(call->auth, layout->auth_level, 6);
    fake_set_pointer(call->auth, layout->auth_gensec, &call->gensec);
    fake_set_pointer(call->auth, layout->auth_session_info, call->session);
    call->auth[layout->auth_finished] = 1;

    fake_set_pointer(call->connection, layout->conn_endpoint, call->endpoint);
    fake_set_pointer(call->connection, layout->conn_local_address, &call->server);
    fake_set_pointer(call->connection, layout->conn_remote_address, &call->client);
    fake_set_pointer(call->endpoint, layout->endpoint_description, &call->binding);
    fake_set_pointer(call->endpoint, layout->endpoint_interfaces, call->if_list);
    fake_set_pointer(call->if_list, layout->if_list_iface, call->interface);

    fake_set_pointer(call->session, layout->session_token, call->token);
    fake_set_pointer(call->session, layout->session_user, call->user);
    fake_set_pointer(call->token, layout->token_sids, call->sids);
    fake_set_sids(call, sids, 3);
    fake_set_user(call, "EXAMPLE", "mallory");
}

void fake_make_bind(struct fake_call *call, const struct fake_syntax *syntaxes, unsigned count,
                    bool authenticates)
{
    const struct samba_layout *layout = call->layout;
    char *packet = call->call + layout->call_pkt;

    memset(packet, 0, layout->pkt_ctx_list);
    for (unsigned i = 0; i < count; i++)
        memcpy(call->contexts + (size_t)i * layout->ctx_list_size + layout->ctx_abstract_syntax,
               &syntaxes[i], sizeof(syntaxes[i]));
    fake_set_pointer(packet, layout->pkt_ctx_list, call->contexts);
    packet[layout->pkt_num_contexts] = (char)count;
    fake_set_u16(packet, layout->pkt_auth_length, authenticates ? 64 : 0);
    call->auth[layout->auth_finished] = !authenticates;
}
