/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library of fake_samba.h: what Samba's RPC server exports and imports, as far as it matters.
 */
#include "fake_samba.h"

#include <stdlib.h>
#include <string.h>

/* Those of the table's first row, until fake_samba_init(). */
static struct samba_sizes sizes = {1, 48, 56, 48, 104, 24, 272, 392, 64, 136};

/* ---- Samba's names; those of the server itself are called through its import slots ---- */

void *ndr_pull_init_blob(const void *blob, void *memory);
const struct samba_sizes *dcerpc_module_version(void);
void *talloc_check_name(const void *memory, const char *name);
unsigned dcerpc_binding_get_transport(const struct fake_binding *binding);
const char *dcerpc_binding_get_string_option(const struct fake_binding *binding, const char *name);
ssize_t tsocket_address_bsd_sockaddr(const struct fake_address *address, void *out, size_t size);
const char *gensec_final_auth_type(const struct fake_gensec *gensec);
bool dcesrv_auth_bind(void *call);
bool dcesrv_auth_alter(void *call);
uint32_t dcesrv_init_context(void *memory, void *parameters, void *callbacks, void *result);

const struct samba_sizes *dcerpc_module_version(void)
{
    if (getenv("FAKE_SAMBA_STRANGE"))
        sizes.call_state = 1;
    return &sizes;
}

void *talloc_check_name(const void *memory, const char *name)
{
    const char *own;

    if (!memory)
        return NULL;
    memcpy(&own, (const char *)memory - sizeof(own), sizeof(own));
    return own && strcmp(own, name) == 0 ? (void *)(uintptr_t)memory : NULL;
}

unsigned dcerpc_binding_get_transport(const struct fake_binding *binding)
{
    return binding->transport;
}

const char *dcerpc_binding_get_string_option(const struct fake_binding *binding, const char *name)
{
    return strcmp(name, "endpoint") == 0 ? binding->endpoint : NULL;
}

ssize_t tsocket_address_bsd_sockaddr(const struct fake_address *address, void *out, size_t size)
{
    if (address->size < 0 || (size_t)address->size > size)
        return -1;
    memcpy(out, &address->bytes, (size_t)address->size);
    return address->size;
}

const char *gensec_final_auth_type(const struct fake_gensec *gensec)
{
    return gensec->final_auth_type;
}

bool dcesrv_auth_bind(void *call)
{
    return call != NULL;
}

bool dcesrv_auth_alter(void *call)
{
    return call != NULL;
}

uint32_t dcesrv_init_context(void *memory, void *parameters, void *callbacks, void *result)
{
    return memory == parameters && callbacks == result ? 0x1234 : 0;
}

/* ---- The server ---- */

void fake_samba_init(const struct samba_sizes *given)
{
    sizes = *given;
}

uint32_t fake_dcesrv_request(struct fake_call *call, bool bad_trailer, uint32_t *fault)
{
    const struct samba_layout *layout = call->layout;
    uint32_t (*pull)(void *, void *, void *, void **);
    void *arguments = NULL;
    void *context;
    void *blob = call->call + layout->call_pkt + layout->pkt_stub;
    void *started = ndr_pull_init_blob(blob, call->call);
    uint32_t status;

    if (!started)
        return FAKE_STATUS_MEMORY;
    if (bad_trailer)
        return FAKE_STATUS_TRAILER;
    context = fake_pointer(call->call, layout->call_context);
    memcpy(&pull, (char *)fake_pointer(context, layout->context_iface) + layout->iface_ndr_pull,
           sizeof(pull));
    status = pull(call->call, call->call, started, &arguments);
    memcpy(fault, call->call + layout->call_fault_code, sizeof(*fault));
    return status;
}

bool fake_dcesrv_bind(struct fake_call *call)
{
    return dcesrv_auth_bind(call->call);
}

bool fake_dcesrv_alter(struct fake_call *call)
{
    return dcesrv_auth_alter(call->call);
}
