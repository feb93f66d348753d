/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/server_endpoints.h"

#include "core/protseq.h"
#include "windows/agent/rpc/utf16.h"

static enum protseq protseq_from_wide(const uint16_t *name)
{
    char text[32];
    bool cut;
    size_t length = utf16_to_utf8(name, utf16_length(name, sizeof(text)), text, sizeof(text), &cut);
    return cut ? PROTSEQ_UNKNOWN : protseq_from_name(text, length);
}

static enum protseq binding_protseq(const struct rpc_runtime *runtime, RPC_BINDING_HANDLE binding)
{
    RPC_WSTR text = NULL;
    RPC_WSTR name = NULL;
    enum protseq protseq = PROTSEQ_UNKNOWN;
    if (runtime_binding_to_string(runtime, binding, &text) == RPC_S_OK && text &&
        runtime_parse_binding(runtime, text, &name, NULL, NULL) == RPC_S_OK && name)
        protseq = protseq_from_wide(name);
    runtime_free_string(runtime, &name);
    runtime_free_string(runtime, &text);
    return protseq;
}

enum server_endpoints server_endpoints_find(const struct rpc_runtime *runtime)
{
    RPC_BINDING_VECTOR *bindings;
    enum server_endpoints found = SERVER_ENDPOINTS_NONE;
    RPC_STATUS status = runtime_inq_bindings(runtime, &bindings);
    if (status == RPC_S_NO_BINDINGS)
        return SERVER_ENDPOINTS_NONE;
    if (status != RPC_S_OK || !bindings)
        return SERVER_ENDPOINTS_REMOTE;
    for (ULONG i = 0; i < bindings->Count && found != SERVER_ENDPOINTS_REMOTE; i++) {
        if (protseq_is_remote(binding_protseq(runtime, bindings->BindingH[i])))
            found = SERVER_ENDPOINTS_REMOTE;
        else
            found = SERVER_ENDPOINTS_LOCAL;
    }
    runtime_free_bindings(runtime, &bindings);
    return found;
}
