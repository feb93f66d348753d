/* SPDX-License-Identifier: Apache-2.0 */
#include "core/call.h"

static const char *const names[FACT_COUNT] = {
    [FACT_INTERFACE] = "interface",
    [FACT_OPNUM] = "opnum",
    [FACT_PROTSEQ] = "protocol sequence",
    [FACT_ENDPOINT] = "endpoint",
    [FACT_CLIENT_ADDR] = "client address",
    [FACT_CLIENT_PORT] = "client port",
    [FACT_SERVER_ADDR] = "server address",
    [FACT_SERVER_PORT] = "server port",
    [FACT_PRINCIPAL] = "principal",
    [FACT_SIDS] = "sid",
    [FACT_AUTHN] = "authentication",
    [FACT_OBJECT] = "object",
    [FACT_PROCESS] = "process",
};

void call_fetch(struct call *call, enum call_fact fact)
{
    if (call->fetch) {
        call->fetch(call, fact);
    }
    call->fetched |= FACT_BIT(fact);
}

void call_set_known(struct call *call, enum call_fact fact)
{
    call->fetched |= FACT_BIT(fact);
    call->known |= FACT_BIT(fact);
}

void call_set_unknown(struct call *call, enum call_fact fact)
{
    call->fetched |= FACT_BIT(fact);
    call->known &= ~FACT_BIT(fact);
}

const char *fact_name(enum call_fact fact)
{
    return (unsigned)fact < FACT_COUNT ? names[fact] : "unknown fact";
}
