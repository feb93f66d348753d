/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/hooks.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "samba/agent/agent.h"
#include "samba/agent/field.h"

/* [MS-RPCE] 2.2.2.4 and nca_s_fault_access_denied of [C706]: what clients know as "access denied".
 */
#define FAULT_ACCESS_DENIED 0x00000005u

/* NT_STATUS_NET_WRITE_FAULT: dcesrv_request() then answers with the call's fault code. */
#define STATUS_FAULT 0xc00000d2u

#define HOOKS        3

typedef void *pull_init_function(const void *blob, void *memory);
typedef bool auth_function(void *call);
typedef uint32_t pull_function(void *call, void *memory, void *pull, void **arguments);

enum hook { HOOK_PULL_INIT, HOOK_AUTH_BIND, HOOK_AUTH_ALTER };

static struct {
    bool installed;
    struct judge *judge;
    struct loaded_library library;
    void **slots[HOOKS];
    void *originals[HOOKS]; /* stay valid after the hooks are removed */
} hooks;

/* The call that was blocked last, until its ndr_pull has come. */
static struct {
    const void *call;
    void *interface; /* NULL: none is pending */
    pull_function *original;
} pending;

static uint32_t deny_pull(void *call, void *memory, void *pull, void **arguments);

/* ---- Blocking ---- */

static void set_pull(void *interface, pull_function *function)
{
    memcpy((char *)interface + hooks.judge->host.layout->iface_ndr_pull, &function,
           sizeof(function));
}

static pull_function *pull_of(const void *interface)
{
    pull_function *function;

    memcpy(&function, at(interface, hooks.judge->host.layout->iface_ndr_pull), sizeof(function));
    return function;
}

static void restore_pull(void)
{
    if (pending.interface && pull_of(pending.interface) == deny_pull)
        set_pull(pending.interface, pending.original);
    pending.interface = NULL;
}

static uint32_t deny_pull(void *call, void *memory, void *pull, void **arguments)
{
    const uint32_t fault = FAULT_ACCESS_DENIED;
    pull_function *original = pending.original;
    bool blocked = call == pending.call;

    restore_pull();
    if (!blocked)
        return original(call, memory, pull, arguments);
    memcpy((char *)call + hooks.judge->host.layout->call_fault_code, &fault, sizeof(fault));
    return STATUS_FAULT;
}

static void block(const void *call)
{
    const struct samba_layout *layout = hooks.judge->host.layout;
    const void *context = pointer_at(call, layout->call_context);

    pending.call = call;
    pending.interface = pointer_at(context, layout->context_iface);
    pending.original = pull_of(pending.interface);
    set_pull(pending.interface, deny_pull);
}

/* ---- The hooks ---- */

/*
 * The request that the arguments belong to. Others call ndr_pull_init_blob() too; the library does
 * so only for the stub of a call, with the call as memory context.
 */
static const void *request_of(const void *blob, const void *memory)
{
    const struct samba_host *host = &hooks.judge->host;
    const struct samba_layout *layout = host->layout;
    const void *call = host->runtime.check_name(memory, "struct dcesrv_call_state");

    if (!call || blob != at(call, (size_t)layout->call_pkt + layout->pkt_stub) ||
        !pointer_at(call, layout->call_context))
        return NULL;
    return pointer_at(pointer_at(call, layout->call_context), layout->context_iface) ? call : NULL;
}

static void *on_pull_init(const void *blob, void *memory)
{
    pull_init_function *original = (pull_init_function *)hooks.originals[HOOK_PULL_INIT];
    const void *call = request_of(blob, memory);

    restore_pull();
    if (call && judge_request(hooks.judge, call))
        block(call);
    return original(blob, memory);
}

/* Of a Samba that cannot be looked into. NULL is what Samba takes for "no memory": the call fails.
 */
static void *on_pull_init_unsupported(const void *blob, void *memory)
{
    pull_init_function *original = (pull_init_function *)hooks.originals[HOOK_PULL_INIT];

    return judge_unsupported(hooks.judge) ? NULL : original(blob, memory);
}

static bool on_auth_bind(void *call)
{
    auth_function *original = (auth_function *)hooks.originals[HOOK_AUTH_BIND];
    bool good = original(call);

    judge_bind(hooks.judge, call);
    return good;
}

static bool on_auth_alter(void *call)
{
    auth_function *original = (auth_function *)hooks.originals[HOOK_AUTH_ALTER];
    bool good = original(call);

    judge_bind(hooks.judge, call);
    return good;
}

/* ---- Coming and going ---- */

static const struct {
    const char *symbol;
    void *function;
} rows[HOOKS] = {
    [HOOK_PULL_INIT] = {"ndr_pull_init_blob", (void *)on_pull_init},
    [HOOK_AUTH_BIND] = {"dcesrv_auth_bind", (void *)on_auth_bind},
    [HOOK_AUTH_ALTER] = {"dcesrv_auth_alter", (void *)on_auth_alter},
};

static bool fail(struct hook_error *error, enum agent_reason reason, int number, const char *what,
                 const char *name)
{
    error->reason = reason;
    error->error = number;
    snprintf(error->detail, sizeof(error->detail), "%s: %s", name, what);
    return false;
}

static void *function_of(int hook)
{
    if (!hooks.judge->host.layout)
        return (void *)on_pull_init_unsupported;
    return rows[hook].function;
}

static int hook_count(void)
{
    return hooks.judge->host.layout ? HOOKS : 1;
}

bool is_of_another_agent(const void *function)
{
    Dl_info info;
    void *object;
    void *release;

    if (!dladdr(function, &info) || !info.dli_fname)
        return false;
    object = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
    release = object ? dlsym(object, "rpcfw_agent_release") : NULL;
    if (object)
        dlclose(object);
    return release && release != (const void *)rpcfw_agent_release;
}

static bool find_slots(struct hook_error *error)
{
    for (int i = 0; i < hook_count(); i++) {
        hooks.slots[i] = import_slot_find(&hooks.library, rows[i].symbol);
        if (!hooks.slots[i])
            return fail(error, AGENT_REASON_SYMBOLS, 0, "not imported by the RPC server",
                        rows[i].symbol);
        hooks.originals[i] = *hooks.slots[i];
        if (is_of_another_agent(hooks.originals[i]))
            return fail(error, AGENT_REASON_HOOK, EBUSY, "another release of the agent is in there",
                        rows[i].symbol);
    }
    return true;
}

bool hooks_install(const struct loaded_library *library, struct judge *judge,
                   struct hook_error *error)
{
    if (hooks.installed)
        return true;
    hooks.library = *library;
    hooks.judge = judge;
    if (!find_slots(error))
        return false;
    for (int i = 0; i < hook_count(); i++) {
        int result =
            import_slot_replace(&hooks.library, hooks.slots[i], hooks.originals[i], function_of(i));
        if (result == 0)
            continue;
        fail(error, AGENT_REASON_HOOK, -result, "the pointer cannot be replaced", rows[i].symbol);
        while (i-- > 0)
            import_slot_replace(&hooks.library, hooks.slots[i], function_of(i), hooks.originals[i]);
        return false;
    }
    hooks.installed = true;
    return true;
}

bool hooks_remove(struct hook_error *error)
{
    if (!hooks.installed)
        return true;
    if (hooks.judge->host.layout)
        restore_pull();
    for (int i = 0; i < hook_count(); i++) {
        int result =
            import_slot_replace(&hooks.library, hooks.slots[i], function_of(i), hooks.originals[i]);
        if (result == 0)
            continue;
        fail(error, AGENT_REASON_HOOK, -result, "the pointer is not ours any more", rows[i].symbol);
        while (i-- > 0)
            import_slot_replace(&hooks.library, hooks.slots[i], hooks.originals[i], function_of(i));
        return false;
    }
    hooks.installed = false;
    return true;
}
