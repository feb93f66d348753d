/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/endpoint_map.h"

#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <windows.h>
#include <rpc.h>

#include "windows/agent/rpc/rpc_runtime.h"
#include "windows/manager/wide_text.h"

/* More than any host registers; a map that goes on is not believed. */
#define ELEMENTS_MAX 65536

struct functions {
    RPC_STATUS(WINAPI *begin)
    (RPC_BINDING_HANDLE, unsigned long, RPC_IF_ID *, unsigned long, UUID *, RPC_EP_INQ_HANDLE *);
    RPC_STATUS(WINAPI *next)
    (RPC_EP_INQ_HANDLE, RPC_IF_ID *, RPC_BINDING_HANDLE *, UUID *, RPC_WSTR *);
    RPC_STATUS(WINAPI *done)(RPC_EP_INQ_HANDLE *);
    RPC_STATUS(WINAPI *to_string)(RPC_BINDING_HANDLE, RPC_WSTR *);
    RPC_STATUS(WINAPI *free_string)(RPC_WSTR *);
    RPC_STATUS(WINAPI *free_binding)(RPC_BINDING_HANDLE *);
};

/* NULL also for the stubs by which Wine exports what it lacks: they end the caller. */
static void *find(HMODULE module, const char *name)
{
    void *function = (void *)(uintptr_t)GetProcAddress(module, name);
    return function && !rpc_runtime_is_stub(function) ? function : NULL;
}

static bool find_functions(struct functions *functions)
{
    HMODULE module = LoadLibraryExW(L"rpcrt4.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (!module) {
        return false;
    }
    functions->begin = find(module, "RpcMgmtEpEltInqBegin");
    functions->next = find(module, "RpcMgmtEpEltInqNextW");
    functions->done = find(module, "RpcMgmtEpEltInqDone");
    functions->to_string = find(module, "RpcBindingToStringBindingW");
    functions->free_string = find(module, "RpcStringFreeW");
    functions->free_binding = find(module, "RpcBindingFree");
    return functions->begin && functions->next && functions->done && functions->to_string &&
           functions->free_string && functions->free_binding;
}

/* "ncacn_ip_tcp:HOST[49664]" */
static uint16_t port_of(const char *binding)
{
    const char *bracket = strrchr(binding, '[');
    bool has_port =
        strncmp(binding, "ncacn_ip_tcp:", 13) == 0 || strncmp(binding, "ncacn_http:", 11) == 0;
    unsigned long port = has_port && bracket ? strtoul(bracket + 1, NULL, 10) : 0;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void describe(const struct functions *functions, const RPC_IF_ID *id,
                     RPC_BINDING_HANDLE binding, struct mapped_endpoint *endpoint)
{
    RPC_WSTR text = NULL;
    *endpoint =
        (struct mapped_endpoint){.version_major = id->VersMajor, .version_minor = id->VersMinor};
    memcpy(&endpoint->uuid, &id->Uuid, sizeof(endpoint->uuid));
    if (binding && functions->to_string(binding, &text) == RPC_S_OK && text) {
        utf8_from_wide((const wchar_t *)text, endpoint->binding, sizeof(endpoint->binding));
        functions->free_string(&text);
    }
    endpoint->port = port_of(endpoint->binding);
}

/* RPC_X_NO_MORE_ENTRIES at the end of a whole map. */
static RPC_STATUS read_elements(const struct functions *functions, RPC_EP_INQ_HANDLE inquiry,
                                struct mapped_endpoint **list, size_t *count)
{
    size_t capacity = 0;
    for (;;) {
        RPC_IF_ID id;
        UUID object;
        RPC_BINDING_HANDLE binding = NULL;
        RPC_WSTR annotation = NULL;
        RPC_STATUS status = functions->next(inquiry, &id, &binding, &object, &annotation);
        if (status != RPC_S_OK) {
            return status;
        }
        if (*count == capacity && capacity < ELEMENTS_MAX) {
            capacity = capacity ? capacity * 2 : 256;
            struct mapped_endpoint *larger = realloc(*list, capacity * sizeof(**list));
            *list = larger ? larger : *list;
            capacity = larger ? capacity : *count;
        }
        bool room = *count < capacity;
        if (room) {
            describe(functions, &id, binding, &(*list)[(*count)++]);
        }
        if (annotation) {
            functions->free_string(&annotation);
        }
        if (binding) {
            functions->free_binding(&binding);
        }
        if (!room) {
            return RPC_S_OUT_OF_MEMORY;
        }
    }
}

bool endpoint_map_read(struct mapped_endpoint **list, size_t *count, long *status)
{
    struct functions functions;
    RPC_EP_INQ_HANDLE inquiry = NULL;
    *list = NULL;
    *count = 0;
    *status = RPC_S_CANNOT_SUPPORT;
    if (!find_functions(&functions)) {
        return false;
    }
    *status = functions.begin(NULL, RPC_C_EP_ALL_ELTS, NULL, RPC_C_VERS_ALL, NULL, &inquiry);
    if (*status != RPC_S_OK) {
        return false;
    }
    *status = read_elements(&functions, inquiry, list, count);
    functions.done(&inquiry);
    if (*status == RPC_X_NO_MORE_ENTRIES) {
        return true;
    }
    free(*list);
    *list = NULL;
    *count = 0;
    return false;
}
