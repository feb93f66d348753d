/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/describe_call.h"

#include <string.h>

#include "core/authn.h"
#include "windows/agent/rpc/connection.h"
#include "windows/agent/rpc/guarded_call.h"

/*
 * The bit that a client's runtime sets in ProcNum to say that RpcFlags is valid (rpcdcep.h); an
 * opnum that has it is beyond every dispatch table, so it may always be taken off.
 */
#define PROCNUM_OPNUM_MASK 0x7FFFu

_Static_assert(sizeof(struct guid) == sizeof(UUID), "UUIDs are copied byte by byte");

/* Sources of facts; each is asked once for each call. */
enum source {
    SOURCE_BINDING,         /* protocol sequence, endpoint */
    SOURCE_SERVER_BINDING,  /* client address, as text */
    SOURCE_REMOTE_ADDRESS,  /* client address and port */
    SOURCE_LOCAL_ADDRESS,   /* server address and port */
    SOURCE_LOCAL_ATTRIBUTE, /* server address */
    SOURCE_SOCKETS,         /* client port, server address */
    SOURCE_ATTRIBUTES,      /* authentication, principal */
    SOURCE_AUTH_CLIENT,     /* authentication, principal */
    SOURCE_TOKEN,           /* SIDs */
    SOURCE_ACCOUNT,         /* principal */
};

static bool first_time(struct call_storage *storage, enum source source)
{
    bool first = !(storage->gathered & 1u << source);
    storage->gathered |= 1u << source;
    return first;
}

static bool is_known(const struct call *call, enum call_fact fact)
{
    return (call->known & FACT_BIT(fact)) != 0;
}

/* `units` of UTF-16 into `room` bytes, as the value of a text fact; nothing when it does not fit.
 */
static bool store_text(struct text *text, char *room, size_t size, const uint16_t *from,
                       size_t units)
{
    bool cut;
    size_t length = utf16_to_utf8(from, units, room, size, &cut);
    if (cut || length == 0)
        return false;
    *text = (struct text){.bytes = room, .length = length};
    return true;
}

static void set_principal(struct call *call, const uint16_t *name, size_t units)
{
    struct call_storage *storage = call->host;
    if (units > 0 && units <= CALL_PRINCIPAL_UNITS && !is_known(call, FACT_PRINCIPAL) &&
        store_text(&call->principal, storage->principal, sizeof(storage->principal), name, units))
        call_set_known(call, FACT_PRINCIPAL);
}

/* Levels and services of [MS-RPCE] 2.2.1.1 fit in a byte; RPC_C_AUTHN_DEFAULT tells nothing. */
static void set_authn(struct call *call, ULONG level, ULONG service)
{
    if (level > UINT8_MAX || service > UINT8_MAX || is_known(call, FACT_AUTHN))
        return;
    call->authn_level = (uint8_t)level;
    call->authn_service = (uint8_t)service;
    call_set_known(call, FACT_AUTHN);
}

static void set_protseq(struct call *call, const uint16_t *name)
{
    char text[32];
    bool cut;
    size_t length = utf16_to_utf8(name, utf16_length(name, sizeof(text)), text, sizeof(text), &cut);
    enum protseq protseq = cut ? PROTSEQ_UNKNOWN : protseq_from_name(text, length);
    if (protseq == PROTSEQ_UNKNOWN)
        return;
    call->protseq = protseq;
    call_set_known(call, FACT_PROTSEQ);
}

static void set_endpoint(struct call *call, const uint16_t *name)
{
    struct call_storage *storage = call->host;
    size_t units = utf16_length(name, CALL_ENDPOINT_UNITS + 1);
    if (units <= CALL_ENDPOINT_UNITS &&
        store_text(&call->endpoint, storage->endpoint, sizeof(storage->endpoint), name, units))
        call_set_known(call, FACT_ENDPOINT);
}

static bool says_no_call(RPC_STATUS status)
{
    return status == RPC_S_NO_CALL_ACTIVE || status == RPC_S_INVALID_BINDING ||
           status == (RPC_STATUS)ERROR_INVALID_HANDLE;
}

/*
 * Whether this is no RPC call at all (see describe_call.h). `status` is what the runtime said about
 * the message's handle; one function's word is not enough, for it decides what rules see.
 */
static bool is_no_rpc_call(const struct call_storage *storage, RPC_STATUS status)
{
    const struct rpc_runtime *runtime = storage->runtime;
    RPC_BINDING_HANDLE server = NULL;
    if (storage->binding) {
        if (!says_no_call(status))
            return false;
        status = runtime_server_from_client(runtime, storage->binding, &server);
        runtime_free_binding(runtime, &server);
        if (!says_no_call(status))
            return false;
    }
    return runtime_inq_current_call(runtime) == RPC_S_NO_CALL_ACTIVE;
}

/* The binding on which the call came in: where the server listens. */
static void gather_binding(struct call *call)
{
    struct call_storage *storage = call->host;
    const struct rpc_runtime *runtime = storage->runtime;
    RPC_WSTR text = NULL;
    RPC_WSTR protseq = NULL;
    RPC_WSTR endpoint = NULL;
    if (!first_time(storage, SOURCE_BINDING))
        return;
    RPC_STATUS status = RPC_S_INVALID_BINDING;
    if (storage->binding)
        status = runtime_binding_to_string(runtime, storage->binding, &text);
    if (status != RPC_S_OK && is_no_rpc_call(storage, status)) {
        call->protseq = PROTSEQ_NCALRPC;
        call_set_known(call, FACT_PROTSEQ);
    }
    if (status == RPC_S_OK && text &&
        runtime_parse_binding(runtime, text, &protseq, NULL, &endpoint) == RPC_S_OK) {
        if (protseq)
            set_protseq(call, protseq);
        if (endpoint)
            set_endpoint(call, endpoint);
    }
    runtime_free_string(runtime, &endpoint);
    runtime_free_string(runtime, &protseq);
    runtime_free_string(runtime, &text);
}

static bool protseq_is(struct call *call, enum protseq protseq)
{
    gather_binding(call);
    return is_known(call, FACT_PROTSEQ) && call->protseq == protseq;
}

/* The binding back to the client, whose network address is the client's. */
static void gather_server_binding(struct call *call)
{
    struct call_storage *storage = call->host;
    const struct rpc_runtime *runtime = storage->runtime;
    RPC_BINDING_HANDLE server = NULL;
    RPC_WSTR text = NULL;
    RPC_WSTR address = NULL;
    if (!first_time(storage, SOURCE_SERVER_BINDING))
        return;
    if (runtime_server_from_client(runtime, storage->binding, &server) == RPC_S_OK && server &&
        runtime_binding_to_string(runtime, server, &text) == RPC_S_OK && text &&
        runtime_parse_binding(runtime, text, NULL, &address, NULL) == RPC_S_OK && address &&
        connection_read_text(address, &call->client_addr))
        call_set_known(call, FACT_CLIENT_ADDR);
    runtime_free_string(runtime, &address);
    runtime_free_string(runtime, &text);
    runtime_free_binding(runtime, &server);
}

static void gather_remote_address(struct call *call)
{
    struct call_storage *storage = call->host;
    uint64_t buffer[CONNECTION_SOCKADDR_SIZE / 8];
    ULONG size = sizeof(buffer);
    struct ipaddr addr;
    uint16_t port;
    if (!first_time(storage, SOURCE_REMOTE_ADDRESS))
        return;
    if (runtime_inq_remote_address(storage->runtime, storage->binding, buffer, &size) != RPC_S_OK ||
        !connection_read_sockaddr(buffer, size, &addr, &port))
        return;
    call->client_addr = addr;
    call_set_known(call, FACT_CLIENT_ADDR);
    if (port == 0)
        return;
    call->client_port = port;
    call_set_known(call, FACT_CLIENT_PORT);
}

static void gather_local_address(struct call *call)
{
    struct call_storage *storage = call->host;
    uint64_t buffer[CONNECTION_SOCKADDR_SIZE / 8];
    ULONG size = sizeof(buffer);
    struct ipaddr addr;
    uint16_t port;
    if (!first_time(storage, SOURCE_LOCAL_ADDRESS))
        return;
    if (runtime_inq_local_address(storage->runtime, storage->binding, buffer, &size) != RPC_S_OK ||
        !connection_read_sockaddr(buffer, size, &addr, &port))
        return;
    call->server_addr = addr;
    call_set_known(call, FACT_SERVER_ADDR);
    if (port == 0)
        return;
    call->server_port = port;
    call_set_known(call, FACT_SERVER_PORT);
}

/* The documentation leaves open whether the bare address or a sockaddr is written: both are read.
 */
static bool read_local_attribute(const RPC_CALL_LOCAL_ADDRESS_V1_W *local, struct ipaddr *addr)
{
    uint16_t port;
    if (local->AddressFormat == rlafIPv4 && local->BufferSize == 4) {
        *addr = ipaddr_from_v4(local->Buffer);
        return true;
    }
    if (local->AddressFormat == rlafIPv6 && local->BufferSize == 16) {
        *addr = ipaddr_from_v6(local->Buffer);
        return true;
    }
    return connection_read_sockaddr(local->Buffer, local->BufferSize, addr, &port);
}

static void gather_local_attribute(struct call *call)
{
    struct call_storage *storage = call->host;
    uint64_t buffer[CONNECTION_SOCKADDR_SIZE / 8] = {0};
    RPC_CALL_LOCAL_ADDRESS_V1_W local = {
        .Version = 1, .Buffer = buffer, .BufferSize = sizeof(buffer)};
    RPC_CALL_ATTRIBUTES_V2_W attributes = {
        .Version = 2, .Flags = RPC_QUERY_CALL_LOCAL_ADDRESS, .CallLocalAddress = &local};
    struct ipaddr addr;
    if (!first_time(storage, SOURCE_LOCAL_ATTRIBUTE))
        return;
    if (runtime_inq_call_attributes(storage->runtime, storage->binding, &attributes) != RPC_S_OK ||
        local.BufferSize > sizeof(buffer) || !read_local_attribute(&local, &addr))
        return;
    call->server_addr = addr;
    call_set_known(call, FACT_SERVER_ADDR);
}

/* For runtimes that tell neither end of a TCP connection. */
static void gather_sockets(struct call *call)
{
    struct call_storage *storage = call->host;
    struct connection_ends ends;
    if (!first_time(storage, SOURCE_SOCKETS) || !protseq_is(call, PROTSEQ_NCACN_IP_TCP) ||
        !call_knows(call, FACT_CLIENT_ADDR) || !call_knows(call, FACT_SERVER_PORT))
        return;
    if (!connection_find(storage->runtime, call->server_port, &call->client_addr, &ends))
        return;
    if (!is_known(call, FACT_CLIENT_PORT)) {
        call->client_port = ends.client_port;
        call_set_known(call, FACT_CLIENT_PORT);
    }
    if (!is_known(call, FACT_SERVER_ADDR)) {
        call->server_addr = ends.server_addr;
        call_set_known(call, FACT_SERVER_ADDR);
    }
}

static void gather_attributes(struct call *call)
{
    struct call_storage *storage = call->host;
    uint16_t name[CALL_PRINCIPAL_UNITS + 1];
    RPC_CALL_ATTRIBUTES_V2_W attributes = {.Version = 2,
                                           .Flags = RPC_QUERY_CLIENT_PRINCIPAL_NAME,
                                           .ClientPrincipalNameBufferLength = sizeof(name),
                                           .ClientPrincipalName = name};
    if (!first_time(storage, SOURCE_ATTRIBUTES))
        return;
    if (runtime_inq_call_attributes(storage->runtime, storage->binding, &attributes) == RPC_S_OK) {
        set_authn(call, attributes.AuthenticationLevel, attributes.AuthenticationService);
        size_t units = attributes.ClientPrincipalNameBufferLength / sizeof(name[0]);
        if (!attributes.NullSession && units > 0 && units <= CALL_PRINCIPAL_UNITS + 1)
            set_principal(call, name, utf16_length(name, units));
        return;
    }
    /* No name, or one too long; on failure the rest is undefined, so ask again without it. */
    attributes = (RPC_CALL_ATTRIBUTES_V2_W){.Version = 2};
    if (runtime_inq_call_attributes(storage->runtime, storage->binding, &attributes) == RPC_S_OK)
        set_authn(call, attributes.AuthenticationLevel, attributes.AuthenticationService);
}

/* Where the privileges that RpcBindingInqAuthClient tells are the client's name as text. */
static bool privileges_are_name(ULONG service)
{
    return service == AUTHN_SERVICE_WINNT || service == AUTHN_SERVICE_KERBEROS ||
           service == AUTHN_SERVICE_NEGOTIATE;
}

static void gather_auth_client(struct call *call)
{
    struct call_storage *storage = call->host;
    RPC_AUTHZ_HANDLE privileges = NULL;
    ULONG level = UINT32_MAX;
    ULONG service = UINT32_MAX;
    if (!first_time(storage, SOURCE_AUTH_CLIENT))
        return;
    RPC_STATUS status =
        runtime_inq_auth_client(storage->runtime, storage->binding, &privileges, &level, &service);
    if (status == RPC_S_BINDING_HAS_NO_AUTH)
        set_authn(call, AUTHN_LEVEL_NONE, AUTHN_SERVICE_NONE);
    if (status != RPC_S_OK)
        return;
    set_authn(call, level, service);
    /* The runtime's own string: it stays, and is not freed. */
    if (privileges && privileges_are_name(service))
        set_principal(call, privileges, utf16_length(privileges, CALL_PRINCIPAL_UNITS + 1));
}

static void gather_token(struct call *call)
{
    struct call_storage *storage = call->host;
    if (!first_time(storage, SOURCE_TOKEN))
        return;
    switch (caller_token_read(&storage->token, storage->runtime, storage->binding)) {
    case CALLER_TOKEN_READ:
        call->sids = storage->token.sids;
        call->sid_count = storage->token.count;
        call_set_known(call, FACT_SIDS);
        break;
    case CALLER_TOKEN_UNKNOWN:
        break;
    case CALLER_TOKEN_STUCK:
        storage->identity_lost = true;
        break;
    }
}

/*
 * The name of the token's user, for pipes without RPC authentication. May wait for a domain
 * controller, so it comes last, after all sources that know the name themselves, and never for an
 * event's sake.
 */
static void gather_account(struct call *call)
{
    struct call_storage *storage = call->host;
    uint16_t full[2 * 260];
    WCHAR name[260];
    DWORD name_units = 260;
    DWORD domain_units = 260;
    if (storage->names_deferred || !first_time(storage, SOURCE_ACCOUNT))
        return;
    gather_token(call);
    if (!is_known(call, FACT_SIDS))
        return;
    if (runtime_lookup_account(storage->runtime, call->sids[0], name, &name_units, (WCHAR *)full,
                               &domain_units) != ERROR_SUCCESS)
        return;
    size_t units = utf16_length(full, 259);
    size_t name_length = utf16_length((const uint16_t *)name, 259);
    if (name_length == 0)
        return;
    if (units > 0)
        full[units++] = '\\';
    memcpy(full + units, name, name_length * sizeof(full[0]));
    set_principal(call, full, units + name_length);
}

static void gather_object(struct call *call)
{
    struct call_storage *storage = call->host;
    UUID object = {0};
    if (runtime_inq_object(storage->runtime, storage->binding, &object) != RPC_S_OK)
        return;
    memcpy(&call->object, &object, sizeof(call->object));
    call_set_known(call, FACT_OBJECT);
}

/* On TCP the endpoint is the port: each can stand in for the other. */
static void server_port_from_endpoint(struct call *call)
{
    uint32_t port = 0;
    if (!protseq_is(call, PROTSEQ_NCACN_IP_TCP) || !is_known(call, FACT_ENDPOINT))
        return;
    for (size_t i = 0; i < call->endpoint.length; i++) {
        char digit = call->endpoint.bytes[i];
        if (digit < '0' || digit > '9' || port > UINT16_MAX)
            return;
        port = port * 10 + (uint32_t)(digit - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return;
    call->server_port = (uint16_t)port;
    call_set_known(call, FACT_SERVER_PORT);
}

static void endpoint_from_server_port(struct call *call)
{
    struct call_storage *storage = call->host;
    char digits[5];
    size_t count = 0;
    gather_local_address(call);
    if (!protseq_is(call, PROTSEQ_NCACN_IP_TCP) || !is_known(call, FACT_SERVER_PORT))
        return;
    for (uint32_t port = call->server_port; port > 0; port /= 10)
        digits[count++] = (char)('0' + port % 10);
    for (size_t i = 0; i < count; i++)
        storage->endpoint[i] = digits[count - 1 - i];
    call->endpoint = (struct text){.bytes = storage->endpoint, .length = count};
    call_set_known(call, FACT_ENDPOINT);
}

/* The sources that may tell a fact, the best and cheapest first, NULL-terminated. */
#define SOURCES_MAX 4
typedef void gather_function(struct call *call);
static gather_function *const sources[FACT_COUNT][SOURCES_MAX] = {
    [FACT_PROTSEQ] = {gather_binding},
    [FACT_ENDPOINT] = {gather_binding, endpoint_from_server_port},
    [FACT_CLIENT_ADDR] = {gather_remote_address, gather_server_binding},
    [FACT_CLIENT_PORT] = {gather_remote_address, gather_sockets},
    [FACT_SERVER_ADDR] = {gather_local_address, gather_local_attribute, gather_sockets},
    [FACT_SERVER_PORT] = {gather_local_address, server_port_from_endpoint},
    [FACT_PRINCIPAL] = {gather_attributes, gather_auth_client, gather_account},
    [FACT_SIDS] = {gather_token},
    [FACT_AUTHN] = {gather_attributes, gather_auth_client},
    [FACT_OBJECT] = {gather_object},
};

static void fetch(struct call *call, enum call_fact fact)
{
    /* The server's code must not see that anyone was here. */
    DWORD last_error = GetLastError();
    for (size_t i = 0; i < SOURCES_MAX && sources[fact][i] && !is_known(call, fact); i++)
        sources[fact][i](call);
    if (!is_known(call, fact))
        call_set_unknown(call, fact);
    SetLastError(last_error);
}

static void copy_interface_id(RPC_SYNTAX_IDENTIFIER *id, const RPC_SERVER_INTERFACE *from)
{
    *id = from->InterfaceId;
}

/* Read under guard: where no RPC call is, nobody promises that the message holds a pointer here. */
static void set_interface(struct call *call, const RPC_SERVER_INTERFACE *interface_spec)
{
    RPC_SYNTAX_IDENTIFIER id;
    const uint64_t arguments[GUARDED_ARGUMENTS] = {(uintptr_t)&id, (uintptr_t)interface_spec};
    bool raised = true;
    if (interface_spec)
        guarded_call((guarded_function *)copy_interface_id, arguments, &raised);
    if (raised) {
        call_set_unknown(call, FACT_INTERFACE);
        return;
    }
    memcpy(&call->interface, &id.SyntaxGUID, sizeof(call->interface));
    call->version_major = id.SyntaxVersion.MajorVersion;
    call->version_minor = id.SyntaxVersion.MinorVersion;
    call_set_known(call, FACT_INTERFACE);
}

void describe_call_begin(struct call *call, struct call_storage *storage,
                         const struct rpc_runtime *runtime, const RPC_MESSAGE *message,
                         struct text process)
{
    storage->runtime = runtime;
    storage->binding = message->Handle;
    storage->gathered = 0;
    storage->identity_lost = false;
    storage->names_deferred = false;
    storage->token.large = NULL;
    memset(call, 0, sizeof(*call));
    set_interface(call, message->RpcInterfaceInformation);
    call->opnum = (uint16_t)(message->ProcNum & PROCNUM_OPNUM_MASK);
    call_set_known(call, FACT_OPNUM);
    call->process = process;
    if (process.length > 0)
        call_set_known(call, FACT_PROCESS);
    else
        call_set_unknown(call, FACT_PROCESS);
    call->fetch = fetch;
    call->host = storage;
}

void describe_call_defer_names(struct call_storage *storage)
{
    storage->names_deferred = true;
}

bool describe_call_end(struct call_storage *storage)
{
    caller_token_release(&storage->token);
    return !storage->identity_lost;
}
