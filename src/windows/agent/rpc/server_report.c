/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/server_report.h"

#include <string.h>

#include "windows/agent/rpc/guarded_call.h"
#include "windows/agent/rpc/utf16.h"

enum { SLOT_FREE, SLOT_BUSY, SLOT_VALID };

static void note_endpoint(struct agent_server *server, uint32_t index,
                          const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding)
{
    RPC_WSTR text = NULL;
    bool cut;
    char *out = server->endpoints[index];
    size_t length = 0;
    if (runtime_binding_to_string(runtime, binding, &text) == RPC_S_OK && text) {
        length = utf16_to_utf8(text, utf16_length(text, sizeof(server->endpoints[0]) - 1), out,
                               sizeof(server->endpoints[0]) - 1, &cut);
    }
    out[length] = '\0';
    runtime_free_string(runtime, &text);
}

static void take_endpoints(struct agent_server *server, const struct rpc_runtime *runtime)
{
    RPC_BINDING_VECTOR *bindings;
    if (runtime_inq_bindings(runtime, &bindings) != RPC_S_OK || !bindings) {
        return;
    }
    for (ULONG i = 0; i < bindings->Count && i < AGENT_SERVER_ENDPOINTS; i++) {
        note_endpoint(server, i, runtime, bindings->BindingH[i]);
    }
    server->endpoint_count = bindings->Count;
    runtime_free_bindings(runtime, &bindings);
}

/* The slot of the interface, taken for it if need be; NULL: all are taken by others. */
static struct agent_server_interface *find_slot(struct agent_server *server,
                                                const struct guid *uuid, uint16_t version_major,
                                                uint16_t version_minor)
{
    for (uint32_t i = 0; i < AGENT_SERVER_INTERFACES; i++) {
        struct agent_server_interface *slot =
            &server->interfaces[(uuid->data1 + i) % AGENT_SERVER_INTERFACES];
        if (slot->state == SLOT_FREE &&
            InterlockedCompareExchange((volatile LONG *)&slot->state, SLOT_BUSY, SLOT_FREE) ==
                SLOT_FREE) {
            slot->uuid = *uuid;
            slot->version_major = version_major;
            slot->version_minor = version_minor;
            InterlockedExchange((volatile LONG *)&slot->state, SLOT_VALID);
            return slot;
        }
        /* One that is being written may be the same: then it is listed twice, and readers add. */
        if (slot->state == SLOT_VALID && guid_equal(&slot->uuid, uuid) &&
            slot->version_major == version_major) {
            return slot;
        }
    }
    InterlockedIncrement((volatile LONG *)&server->interface_drops);
    return NULL;
}

void server_report_call(struct agent_server *server, const struct guid *uuid,
                        uint16_t version_major, uint16_t version_minor)
{
    struct agent_server_interface *slot = find_slot(server, uuid, version_major, version_minor);
    if (slot) {
        InterlockedIncrement64((volatile LONG64 *)&slot->calls);
    }
}

/* [rpcdce.h]: without a binding, the interfaces of this process. Not imported and not in the table
 * of the calls: it is asked once, by no call. */
static void take_interfaces(struct agent_server *server)
{
    HMODULE module = GetModuleHandleW(L"rpcrt4.dll");
    guarded_function *inquire =
        module ? (guarded_function *)(void (*)(void))GetProcAddress(module, "RpcMgmtInqIfIds")
               : NULL;
    guarded_function *release =
        module ? (guarded_function *)(void (*)(void))GetProcAddress(module, "RpcIfIdVectorFree")
               : NULL;
    if (!inquire || !release || rpc_runtime_is_stub(inquire) || rpc_runtime_is_stub(release)) {
        return;
    }
    RPC_IF_ID_VECTOR *vector = NULL;
    bool raised = false;
    uint64_t arguments[GUARDED_ARGUMENTS] = {0, (uint64_t)(uintptr_t)&vector};
    if (guarded_call(inquire, arguments, &raised) != RPC_S_OK || raised || !vector) {
        return;
    }
    for (ULONG i = 0; i < vector->Count; i++) {
        struct guid uuid;
        memcpy(&uuid, &vector->IfId[i]->Uuid, sizeof(uuid));
        find_slot(server, &uuid, vector->IfId[i]->VersMajor, vector->IfId[i]->VersMinor);
    }
    server->source = AGENT_SERVER_REGISTERED;
    arguments[0] = (uint64_t)(uintptr_t)&vector;
    guarded_call(release, arguments, &raised);
}

void server_report_take(struct agent_server *server, const struct rpc_runtime *runtime)
{
    take_endpoints(server, runtime);
    take_interfaces(server);
}
