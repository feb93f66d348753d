/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/describe_call.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "core/authn.h"
#include "samba/agent/field.h"

/* enum dcerpc_transport_t of librpc/rpc/rpc_common.h; the numbers have not changed since 4.0. */
enum samba_transport {
    TRANSPORT_NCACN_NP = 1,
    TRANSPORT_NCACN_IP_TCP = 2,
    TRANSPORT_NCALRPC = 8,
    TRANSPORT_NCACN_HTTP = 11,
};

/* Samba's struct dom_sid: revision, count, six bytes of authority, fifteen numbers. */
static_assert(sizeof(struct sid) == 68, "a token's SIDs are read in place");

/* pfc_flags: the request names an object ([C706] 12.6.3.1). */
#define PFC_OBJECT_UUID 0x80

#define OBJECT_SIZE     sizeof(struct guid)

static const void *samba_call_of(const struct call *call)
{
    const struct call_storage *storage = call->host;

    return storage->samba_call;
}

static const struct samba_layout *layout_of(const struct call *call)
{
    const struct call_storage *storage = call->host;

    return storage->host->layout;
}

static const struct samba_runtime *runtime_of(const struct call *call)
{
    const struct call_storage *storage = call->host;

    return &storage->host->runtime;
}

static const void *connection_of(const struct call *call)
{
    return pointer_at(samba_call_of(call), layout_of(call)->call_conn);
}

static const void *auth_of(const struct call *call)
{
    return pointer_at(samba_call_of(call), layout_of(call)->call_auth_state);
}

/* NULL: there is none. */
static const void *session_of(const struct call *call)
{
    const void *auth = auth_of(call);

    return auth ? pointer_at(auth, layout_of(call)->auth_session_info) : NULL;
}

/* The binding that describes the endpoint, or NULL. */
static const void *binding_of(const struct call *call)
{
    const void *connection = connection_of(call);
    const void *endpoint =
        connection ? pointer_at(connection, layout_of(call)->conn_endpoint) : NULL;

    return endpoint ? pointer_at(endpoint, layout_of(call)->endpoint_description) : NULL;
}

/* ---- Who, of what is there at once ---- */

static const struct sid *token_of(const struct call *call, uint32_t *count)
{
    const struct samba_layout *layout = layout_of(call);
    const void *session = session_of(call);
    const void *token = session ? pointer_at(session, layout->session_token) : NULL;

    *count = token ? u32_at(token, layout->token_sid_count) : 0;
    return *count ? pointer_at(token, layout->token_sids) : NULL;
}

static bool is_system(const struct call *call)
{
    static const struct sid system = {1, 1, {0, 0, 0, 0, 0, 5}, {18}};
    uint32_t count;
    const struct sid *sids = token_of(call, &count);

    return sids && memcmp(&sids[0], &system, sid_size(&system)) == 0;
}

/* ---- Where ---- */

/* See describe_call.h. */
static bool is_internal(struct call *call)
{
    return is_system(call) && call_knows(call, FACT_CLIENT_ADDR) &&
           !call_knows(call, FACT_CLIENT_PORT);
}

static void fetch_protseq(struct call *call)
{
    static const struct {
        unsigned transport;
        enum protseq protseq;
    } rows[] = {
        {TRANSPORT_NCACN_NP, PROTSEQ_NCACN_NP},
        {TRANSPORT_NCACN_IP_TCP, PROTSEQ_NCACN_IP_TCP},
        {TRANSPORT_NCALRPC, PROTSEQ_NCALRPC},
        {TRANSPORT_NCACN_HTTP, PROTSEQ_NCACN_HTTP},
    };
    const void *binding = binding_of(call);
    unsigned transport = binding ? runtime_of(call)->binding_transport(binding) : 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].transport == transport) {
            call->protseq = rows[i].protseq;
            call_set_known(call, FACT_PROTSEQ);
        }
    }
    if (call->protseq == PROTSEQ_NCACN_NP && is_internal(call))
        call->protseq = PROTSEQ_NCALRPC;
}

/* True when the kernel's address is one of IP. A port of 0 is none. */
static bool read_address(const struct call *call, uint16_t field, struct ipaddr *addr,
                         uint16_t *port)
{
    struct sockaddr_storage room;
    const void *connection = connection_of(call);
    const void *address = connection ? pointer_at(connection, field) : NULL;
    ssize_t size;

    if (!address)
        return false;
    memset(&room, 0, sizeof(room));
    size = runtime_of(call)->socket_address(address, (struct sockaddr *)&room, sizeof(room));
    if (size >= (ssize_t)sizeof(struct sockaddr_in) && room.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&room;
        *addr = ipaddr_from_v4((const uint8_t *)&in->sin_addr);
        *port = ntohs(in->sin_port);
        return true;
    }
    if (size >= (ssize_t)sizeof(struct sockaddr_in6) && room.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&room;
        *addr = ipaddr_from_v6(in6->sin6_addr.s6_addr);
        *port = ntohs(in6->sin6_port);
        return true;
    }
    return false;
}

static void fetch_addresses(struct call *call)
{
    struct call_storage *storage = call->host;
    const struct samba_layout *layout = layout_of(call);

    if (storage->addresses_read)
        return;
    storage->addresses_read = true;
    if (read_address(call, layout->conn_remote_address, &call->client_addr, &call->client_port)) {
        call_set_known(call, FACT_CLIENT_ADDR);
        if (call->client_port)
            call_set_known(call, FACT_CLIENT_PORT);
    }
    if (read_address(call, layout->conn_local_address, &call->server_addr, &call->server_port)) {
        call_set_known(call, FACT_SERVER_ADDR);
        if (call->server_port)
            call_set_known(call, FACT_SERVER_PORT);
    }
}

/* The TCP endpoints of rpcd_* have no name: the local port is it. */
static void endpoint_from_port(struct call *call)
{
    struct call_storage *storage = call->host;
    size_t at = sizeof(storage->port);

    if (!call_knows(call, FACT_PROTSEQ) || call->protseq != PROTSEQ_NCACN_IP_TCP ||
        !call_knows(call, FACT_SERVER_PORT))
        return;
    for (unsigned rest = call->server_port; rest; rest /= 10)
        storage->port[--at] = (char)('0' + rest % 10);
    call->endpoint = (struct text){storage->port + at, sizeof(storage->port) - at};
    call_set_known(call, FACT_ENDPOINT);
}

static void fetch_endpoint(struct call *call)
{
    const void *binding = binding_of(call);
    const char *name = binding ? runtime_of(call)->binding_option(binding, "endpoint") : NULL;
    size_t length = name ? strnlen(name, CALL_NAME_MAX + 1) : 0;

    if (length > CALL_NAME_MAX)
        return;
    if (length == 0) {
        endpoint_from_port(call);
        return;
    }
    call->endpoint = (struct text){name, length};
    call_set_known(call, FACT_ENDPOINT);
}

/* ---- Who ---- */

/* Whether the session is that of the client: while it still authenticates, it is not. */
static bool is_identified(const struct call *call)
{
    const struct samba_layout *layout = layout_of(call);
    const void *packet = at(samba_call_of(call), layout->call_pkt);
    const void *auth = auth_of(call);

    if (!auth)
        return false;
    if (call->known & FACT_BIT(FACT_OPNUM))
        return true;
    return u16_at(packet, layout->pkt_auth_length) == 0 || u8_at(auth, layout->auth_finished);
}

/* Appends a name of Samba's; false when it is too long. */
static bool append(char *room, size_t *length, const char *name)
{
    size_t size = name ? strnlen(name, CALL_NAME_MAX) : 0;

    if (size == CALL_NAME_MAX)
        return false;
    if (size)
        memcpy(room + *length, name, size);
    *length += size;
    return true;
}

static void fetch_principal(struct call *call)
{
    struct call_storage *storage = call->host;
    const struct samba_layout *layout = layout_of(call);
    const void *session = session_of(call);
    const void *user = session ? pointer_at(session, layout->session_user) : NULL;
    const char *account = user ? pointer_at(user, layout->user_account_name) : NULL;
    size_t length = 0;

    if (!account || !account[0] || !is_identified(call) ||
        !append(storage->principal, &length, pointer_at(user, layout->user_domain_name)))
        return;
    if (length)
        storage->principal[length++] = '\\';
    if (!append(storage->principal, &length, account))
        return;
    call->principal = (struct text){storage->principal, length};
    call_set_known(call, FACT_PRINCIPAL);
}

static void fetch_sids(struct call *call)
{
    struct call_storage *storage = call->host;
    uint32_t count;
    const struct sid *sids = token_of(call, &count);

    if (!sids || count > CALL_SIDS_MAX || !is_identified(call))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (!sid_is_valid(&sids[i]))
            return;
        storage->sids[i] = &sids[i];
    }
    call->sids = storage->sids;
    call->sid_count = count;
    call_set_known(call, FACT_SIDS);
}

/* What SPNEGO agreed on; its own number while that cannot be told. Samba's words for it are "krb5",
 * "NTLMSSP" and the names of mechanisms. */
static uint8_t agreed_service(const struct call *call, const void *auth)
{
    void *gensec = pointer_at(auth, layout_of(call)->auth_gensec);
    const char *name = NULL;

    if (gensec && runtime_of(call)->final_auth_type && is_identified(call))
        name = runtime_of(call)->final_auth_type(gensec);
    if (name && strcasestr(name, "krb5"))
        return AUTHN_SERVICE_KERBEROS;
    if (name && strcasestr(name, "ntlmssp"))
        return AUTHN_SERVICE_WINNT;
    return AUTHN_SERVICE_NEGOTIATE;
}

static void fetch_authn(struct call *call)
{
    const void *auth = auth_of(call);
    uint32_t service = auth ? u32_at(auth, layout_of(call)->auth_type) : UINT32_MAX;
    uint32_t level = auth ? u32_at(auth, layout_of(call)->auth_level) : UINT32_MAX;

    if (level > UINT8_MAX || service > UINT8_MAX)
        return;
    call->authn_level = (uint8_t)level;
    call->authn_service = (uint8_t)service;
    if (service == AUTHN_SERVICE_NEGOTIATE)
        call->authn_service = agreed_service(call, auth);
    call_set_known(call, FACT_AUTHN);
}

/* ---- The call ---- */

static void fetch(struct call *call, enum call_fact fact)
{
    switch (fact) {
    case FACT_PROTSEQ:
        fetch_protseq(call);
        break;
    case FACT_ENDPOINT:
        fetch_endpoint(call);
        break;
    case FACT_CLIENT_ADDR:
    case FACT_CLIENT_PORT:
    case FACT_SERVER_ADDR:
    case FACT_SERVER_PORT:
        fetch_addresses(call);
        break;
    case FACT_PRINCIPAL:
        fetch_principal(call);
        break;
    case FACT_SIDS:
        fetch_sids(call);
        break;
    case FACT_AUTHN:
        fetch_authn(call);
        break;
    default:
        break;
    }
}

/* struct ndr_syntax_id: a UUID and the version, its minor part in the upper half. */
static void set_interface(struct call *call, const void *syntax)
{
    uint32_t version = u32_at(syntax, sizeof(struct guid));

    memcpy(&call->interface, syntax, sizeof(call->interface));
    call->version_major = (uint16_t)(version & 0xffff);
    call->version_minor = (uint16_t)(version >> 16);
    call_set_known(call, FACT_INTERFACE);
}

static void begin(struct call *call, struct call_storage *storage, const struct samba_host *host,
                  const void *samba_call)
{
    memset(call, 0, sizeof(*call));
    storage->host = host;
    storage->samba_call = samba_call;
    storage->addresses_read = false;
    call->fetch = fetch;
    call->host = storage;
    call->process = host->process;
    if (host->process.length)
        call_set_known(call, FACT_PROCESS);
}

void describe_call_begin(struct call *call, struct call_storage *storage,
                         const struct samba_host *host, const void *samba_call)
{
    const struct samba_layout *layout = host->layout;
    const void *packet = at(samba_call, layout->call_pkt);
    const void *context = pointer_at(samba_call, layout->call_context);
    const void *interface = context ? pointer_at(context, layout->context_iface) : NULL;

    begin(call, storage, host, samba_call);
    if (interface)
        set_interface(call, at(interface, layout->iface_syntax_id));
    call->opnum = u16_at(packet, layout->pkt_opnum);
    call_set_known(call, FACT_OPNUM);
    if (u8_at(packet, layout->pkt_pfc_flags) & PFC_OBJECT_UUID)
        memcpy(&call->object, at(packet, layout->pkt_object), OBJECT_SIZE);
    call_set_known(call, FACT_OBJECT);
}

void describe_bind_begin(struct call *call, struct call_storage *storage,
                         const struct samba_host *host, const void *samba_call, const void *syntax)
{
    begin(call, storage, host, samba_call);
    set_interface(call, syntax);
    call_set_unknown(call, FACT_OPNUM);
    call_set_unknown(call, FACT_OBJECT);
}
