/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the agent tells of a call, for every layout, and of calls that are not as they should be.
 * The structures are fakes (fake_samba.h); sanitizers watch what is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/authn.h"
#include "fake_samba.h"
#include "samba/agent/describe_call.h"

static unsigned transport_of(const void *binding)
{
    return ((const struct fake_binding *)binding)->transport;
}

static const char *option_of(const void *binding, const char *name)
{
    assert_string_equal(name, "endpoint");
    return ((const struct fake_binding *)binding)->endpoint;
}

static ssize_t socket_address(const void *address, struct sockaddr *out, size_t size)
{
    const struct fake_address *from = address;

    if (from->size < 0)
        return -1;
    assert_true((size_t)from->size <= size);
    memcpy(out, &from->bytes, (size_t)from->size);
    return from->size;
}

static const char *final_auth_type(void *gensec)
{
    return ((const struct fake_gensec *)gensec)->final_auth_type;
}

struct described {
    struct fake_call samba;
    struct samba_host host;
    struct call call;
    struct call_storage storage;
};

static struct described *prepare(const struct samba_layout *layout)
{
    struct described *d = calloc(1, sizeof(*d));

    assert_non_null(d);
    fake_call_init(&d->samba, layout);
    d->host.layout = layout;
    d->host.runtime.binding_transport = transport_of;
    d->host.runtime.binding_option = option_of;
    d->host.runtime.socket_address = socket_address;
    d->host.runtime.final_auth_type = final_auth_type;
    d->host.process = (struct text){"samba", 5};
    return d;
}

static struct call *begin(struct described *d)
{
    describe_call_begin(&d->call, &d->storage, &d->host, d->samba.call);
    return &d->call;
}

static struct call *begin_bind(struct described *d)
{
    static const struct fake_syntax syntax = {.uuid = {.data1 = 7}, .version = 2 << 16 | 1};

    describe_bind_begin(&d->call, &d->storage, &d->host, d->samba.call, &syntax);
    return &d->call;
}

static bool text_is(struct text text, const char *wanted)
{
    return text.length == strlen(wanted) && memcmp(text.bytes, wanted, text.length) == 0;
}

static bool address_is(const struct ipaddr *addr, const char *wanted)
{
    char text[IPADDR_TEXT_SIZE];

    return strcmp(ipaddr_format(addr, text), wanted) == 0;
}

#define LAYOUT (&samba_layouts[0])

static void every_layout_tells_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < samba_layout_count; i++) {
        struct described *d = prepare(&samba_layouts[i]);
        struct call *call = begin(d);
        for (int fact = 0; fact < FACT_COUNT; fact++)
            assert_true(call_knows(call, (enum call_fact)fact));
        assert_int_equal(call->interface.data1, 0xe3514235);
        assert_int_equal(call->version_major, 4);
        assert_int_equal(call->version_minor, 0);
        assert_int_equal(call->opnum, 3);
        assert_int_equal(call->protseq, PROTSEQ_NCACN_IP_TCP);
        assert_true(text_is(call->endpoint, "49152"));
        assert_true(address_is(&call->client_addr, "10.0.0.7"));
        assert_true(address_is(&call->server_addr, "10.0.0.1"));
        assert_int_equal(call->client_port, 50000);
        assert_int_equal(call->server_port, 49152);
        assert_true(text_is(call->principal, "EXAMPLE\\mallory"));
        assert_int_equal(call->sid_count, 3);
        assert_int_equal(call->sids[0]->sub_authority[4], 1105);
        assert_int_equal(call->authn_level, AUTHN_LEVEL_PRIVACY);
        assert_int_equal(call->authn_service, AUTHN_SERVICE_KERBEROS);
        assert_true(text_is(call->process, "samba"));
        free(d);
    }
}

static void objects_are_those_of_the_request(void **state)
{
    struct described *d = prepare(LAYOUT);
    char *packet = d->samba.call + LAYOUT->call_pkt;

    (void)state;
    fake_set_u32(packet, LAYOUT->pkt_object, 0x11111111);
    assert_int_equal(begin(d)->object.data1, 0); /* the flag is not set: the bytes mean nothing */
    packet[LAYOUT->pkt_pfc_flags] = (char)0x83;
    assert_int_equal(begin(d)->object.data1, 0x11111111);
    assert_true(call_knows(&d->call, FACT_OBJECT));
    free(d);
}

static void addresses(void **state)
{
    static const struct {
        const char *address;
        uint16_t port;
        const char *told; /* NULL: unknown */
        bool port_known;
    } cases[] = {
        {"192.0.2.1", 1, "192.0.2.1", true},       {"::ffff:192.0.2.1", 9, "192.0.2.1", true},
        {"2001:db8::7", 443, "2001:db8::7", true}, {"192.0.2.1", 0, "192.0.2.1", false},
        {"/run/samba/x", 0, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct described *d = prepare(LAYOUT);
        fake_set_address(&d->samba.client, cases[i].address, cases[i].port);
        struct call *call = begin(d);
        assert_int_equal(call_knows(call, FACT_CLIENT_ADDR), cases[i].told != NULL);
        assert_int_equal(call_knows(call, FACT_CLIENT_PORT), cases[i].port_known);
        if (cases[i].told)
            assert_true(address_is(&call->client_addr, cases[i].told));
        free(d);
    }
}

static void endpoints(void **state)
{
    static char long_name[CALL_NAME_MAX + 2];
    struct described *d = prepare(LAYOUT);

    (void)state;
    d->samba.binding = (struct fake_binding){FAKE_NCACN_NP, "\\pipe\\lsarpc"};
    assert_true(call_knows(begin(d), FACT_ENDPOINT));
    assert_true(text_is(d->call.endpoint, "\\pipe\\lsarpc"));
    assert_true(call_knows(&d->call, FACT_PROTSEQ));
    assert_int_equal(d->call.protseq, PROTSEQ_NCACN_NP);

    d->samba.binding.endpoint = ""; /* a pipe has no port to stand in */
    assert_false(call_knows(begin(d), FACT_ENDPOINT));

    memset(long_name, 'a', sizeof(long_name) - 1);
    d->samba.binding.endpoint = long_name;
    assert_false(call_knows(begin(d), FACT_ENDPOINT));

    d->samba.binding = (struct fake_binding){14, "x"}; /* NCACN_INTERNAL: no protocol sequence */
    assert_false(call_knows(begin(d), FACT_PROTSEQ));

    d->samba.binding = (struct fake_binding){FAKE_NCALRPC, "/x"};
    assert_true(call_knows(begin(d), FACT_PROTSEQ));
    assert_int_equal(d->call.protseq, PROTSEQ_NCALRPC);
    free(d);
}

/* The marks of the daemons' own calls count together alone: each by itself is a client's. */
static void internal_calls_are_local_and_no_others(void **state)
{
    static const struct sid system = {1, 1, {0, 0, 0, 0, 0, 5}, {18}};
    static const struct sid service = {1, 1, {0, 0, 0, 0, 0, 5}, {19}};
    static const struct sid longer = {1, 2, {0, 0, 0, 0, 0, 5}, {18, 1}};
    static const struct {
        unsigned transport;
        const struct sid *user;
        const char *address;
        uint16_t port;
        enum protseq protseq;
    } cases[] = {
        {FAKE_NCACN_NP, &system, "127.0.0.1", 0, PROTSEQ_NCALRPC},
        {FAKE_NCACN_NP, &system, "127.0.0.1", 1, PROTSEQ_NCACN_NP},
        {FAKE_NCACN_NP, &system, "/unix", 0, PROTSEQ_NCACN_NP},
        {FAKE_NCACN_NP, &service, "127.0.0.1", 0, PROTSEQ_NCACN_NP},
        {FAKE_NCACN_NP, &longer, "127.0.0.1", 0, PROTSEQ_NCACN_NP},
        {FAKE_NCACN_NP, NULL, "127.0.0.1", 0, PROTSEQ_NCACN_NP},
        {FAKE_NCACN_IP_TCP, &system, "127.0.0.1", 0, PROTSEQ_NCACN_IP_TCP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct described *d = prepare(LAYOUT);
        d->samba.binding = (struct fake_binding){cases[i].transport, "\\pipe\\winreg"};
        fake_set_sids(&d->samba, cases[i].user, cases[i].user ? 1 : 0);
        fake_set_address(&d->samba.client, cases[i].address, cases[i].port);
        assert_true(call_knows(begin(d), FACT_PROTSEQ));
        assert_int_equal(d->call.protseq, cases[i].protseq);
        free(d);
    }
}

static void services_and_levels(void **state)
{
    static const struct {
        uint32_t type;
        const char *final;
        int told; /* -1: unknown */
    } cases[] = {
        {0, NULL, AUTHN_SERVICE_NONE},
        {9, "gse_krb5", AUTHN_SERVICE_KERBEROS},
        {9, "krb5", AUTHN_SERVICE_KERBEROS},
        {9, "ntlmssp", AUTHN_SERVICE_WINNT},
        {9, "NTLMSSP", AUTHN_SERVICE_WINNT},
        {9, "spnego", AUTHN_SERVICE_NEGOTIATE},
        {9, NULL, AUTHN_SERVICE_NEGOTIATE},
        {10, NULL, AUTHN_SERVICE_WINNT},
        {16, NULL, AUTHN_SERVICE_KERBEROS},
        {68, NULL, AUTHN_SERVICE_NETLOGON},
        {200, NULL, 200},
        {256, NULL, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct described *d = prepare(LAYOUT);
        fake_set_u32(d->samba.auth, LAYOUT->auth_type, cases[i].type);
        d->samba.gensec.final_auth_type = cases[i].final;
        assert_int_equal(call_knows(begin(d), FACT_AUTHN), cases[i].told >= 0);
        if (cases[i].told >= 0)
            assert_int_equal(d->call.authn_service, cases[i].told);
        free(d);
    }
    struct described *d = prepare(LAYOUT);
    d->host.runtime.final_auth_type = NULL;
    assert_true(call_knows(begin(d), FACT_AUTHN));
    assert_int_equal(d->call.authn_service, AUTHN_SERVICE_NEGOTIATE);
    fake_set_pointer(d->samba.auth, LAYOUT->auth_gensec, NULL);
    d->host.runtime.final_auth_type = final_auth_type;
    assert_true(call_knows(begin(d), FACT_AUTHN));
    fake_set_u32(d->samba.auth, LAYOUT->auth_level, 1000);
    assert_false(call_knows(begin(d), FACT_AUTHN));
    free(d);
}

static void names(void **state)
{
    static char longest[CALL_NAME_MAX];
    static char too_long[CALL_NAME_MAX + 1];
    static const struct {
        const char *domain;
        const char *account;
        const char *told; /* NULL: unknown */
    } cases[] = {
        {"EXAMPLE", "a", "EXAMPLE\\a"},
        {NULL, "a", "a"},
        {"", "a", "a"},
        {"A\\B", "x\"\n\xff", "A\\B\\x\"\n\xff"},
        {"EXAMPLE", "", NULL},
        {"EXAMPLE", NULL, NULL},
        {longest, longest, NULL}, /* told below */
        {too_long, "a", NULL},
        {"a", too_long, NULL},
    };

    (void)state;
    memset(longest, 'l', sizeof(longest) - 1);
    memset(too_long, 't', sizeof(too_long) - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct described *d = prepare(LAYOUT);
        bool both = cases[i].domain == longest;
        fake_set_user(&d->samba, cases[i].domain, cases[i].account);
        assert_int_equal(call_knows(begin(d), FACT_PRINCIPAL), cases[i].told || both);
        if (cases[i].told)
            assert_true(text_is(d->call.principal, cases[i].told));
        if (both)
            assert_int_equal(d->call.principal.length, 2 * CALL_NAME_MAX - 1);
        free(d);
    }
}

static void tokens_that_cannot_be_believed_are_unknown(void **state)
{
    struct described *d = prepare(LAYOUT);

    (void)state;
    for (uint32_t i = 0; i < FAKE_SIDS; i++)
        d->samba.sids[i] = d->samba.sids[0];
    fake_set_sids(&d->samba, NULL, CALL_SIDS_MAX);
    assert_true(call_knows(begin(d), FACT_SIDS));
    assert_int_equal(d->call.sid_count, CALL_SIDS_MAX);
    fake_set_sids(&d->samba, NULL, CALL_SIDS_MAX + 1);
    assert_false(call_knows(begin(d), FACT_SIDS));
    fake_set_sids(&d->samba, NULL, UINT32_MAX);
    assert_false(call_knows(begin(d), FACT_SIDS));
    fake_set_sids(&d->samba, NULL, 0);
    assert_false(call_knows(begin(d), FACT_SIDS));
    fake_set_sids(&d->samba, NULL, 5);
    d->samba.sids[4].sub_authority_count = 16;
    assert_false(call_knows(begin(d), FACT_SIDS));
    d->samba.sids[4].sub_authority_count = (uint8_t)-1;
    assert_false(call_knows(begin(d), FACT_SIDS));
    d->samba.sids[4].sub_authority_count = 15;
    assert_true(call_knows(begin(d), FACT_SIDS));
    d->samba.sids[0].revision = 2;
    assert_false(call_knows(begin(d), FACT_SIDS));
    free(d);
}

/* Each pointer of a call in turn is NULL: facts go, nothing else happens. */
static void what_is_not_there_is_unknown(void **state)
{
    static const struct {
        size_t structure;
        size_t field;
        uint32_t unknown;
    } cases[] = {
#define OF(part, name) offsetof(struct fake_call, part), offsetof(struct samba_layout, name)
#define WHO            (FACT_BIT(FACT_PRINCIPAL) | FACT_BIT(FACT_SIDS))
#define WHERE          (FACT_BIT(FACT_PROTSEQ) | FACT_BIT(FACT_ENDPOINT))
#define CLIENT         (FACT_BIT(FACT_CLIENT_ADDR) | FACT_BIT(FACT_CLIENT_PORT))
#define SERVER         (FACT_BIT(FACT_SERVER_ADDR) | FACT_BIT(FACT_SERVER_PORT))
        {OF(call, call_auth_state), WHO | FACT_BIT(FACT_AUTHN)},
        {OF(call, call_conn), WHERE | CLIENT | SERVER},
        {OF(call, call_context), FACT_BIT(FACT_INTERFACE)},
        {OF(context, context_iface), FACT_BIT(FACT_INTERFACE)},
        {OF(auth, auth_session_info), WHO},
        {OF(connection, conn_endpoint), WHERE},
        {OF(connection, conn_remote_address), CLIENT},
        {OF(connection, conn_local_address), SERVER | FACT_BIT(FACT_ENDPOINT)},
        {OF(endpoint, endpoint_description), WHERE},
        {OF(session, session_token), FACT_BIT(FACT_SIDS)},
        {OF(session, session_user), FACT_BIT(FACT_PRINCIPAL)},
        {OF(token, token_sids), FACT_BIT(FACT_SIDS)},
    };
    const uint32_t all = (1u << FACT_COUNT) - 1;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct described *d = prepare(LAYOUT);
        uint16_t offset;
        memcpy(&offset, (const char *)LAYOUT + cases[i].field, sizeof(offset));
        fake_set_pointer((char *)&d->samba + cases[i].structure, offset, NULL);
        struct call *call = begin(d);
        for (int fact = 0; fact < FACT_COUNT; fact++)
            (void)call_knows(call, (enum call_fact)fact);
        assert_int_equal(call->known, all & ~cases[i].unknown);
        free(d);
    }
}

static void a_bind_tells_no_opnum_and_who_asks_only_when_that_is_sure(void **state)
{
    struct described *d = prepare(LAYOUT);
    static const struct fake_syntax syntax;

    (void)state;
    fake_make_bind(&d->samba, &syntax, 1, true);
    struct call *call = begin_bind(d);
    assert_true(call_knows(call, FACT_INTERFACE));
    assert_int_equal(call->interface.data1, 7);
    assert_int_equal(call->version_major, 1);
    assert_int_equal(call->version_minor, 2);
    assert_false(call_knows(call, FACT_OPNUM));
    assert_false(call_knows(call, FACT_OBJECT));
    assert_false(call_knows(call, FACT_PRINCIPAL));
    assert_false(call_knows(call, FACT_SIDS));
    assert_true(call_knows(call, FACT_CLIENT_ADDR));

    fake_make_bind(&d->samba, &syntax, 1, false);
    call = begin_bind(d);
    assert_true(call_knows(call, FACT_PRINCIPAL));
    assert_true(call_knows(call, FACT_SIDS));
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_tells_the_same),
        cmocka_unit_test(objects_are_those_of_the_request),
        cmocka_unit_test(addresses),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(internal_calls_are_local_and_no_others),
        cmocka_unit_test(services_and_levels),
        cmocka_unit_test(names),
        cmocka_unit_test(tokens_that_cannot_be_believed_are_unknown),
        cmocka_unit_test(what_is_not_there_is_unknown),
        cmocka_unit_test(a_bind_tells_no_opnum_and_who_asks_only_when_that_is_sure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
