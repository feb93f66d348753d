/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/samba_runtime.h"

#include <dlfcn.h>
#include <string.h>

void *samba_function(const char *path, const char *name)
{
    void *library = dlopen(path, RTLD_NOLOAD | RTLD_LAZY);

    return library ? dlsym(library, name) : NULL;
}

bool samba_runtime_resolve(const char *path, struct samba_runtime *runtime, const char **missing)
{
    const struct {
        const char *name;
        void *function; /* a field of *runtime: a pointer to a function */
        bool optional;
    } rows[] = {
        {"dcerpc_module_version", &runtime->module_version, false},
        {"talloc_check_name", &runtime->check_name, false},
        {"dcerpc_binding_get_transport", &runtime->binding_transport, false},
        {"dcerpc_binding_get_string_option", &runtime->binding_option, false},
        {"tsocket_address_bsd_sockaddr", &runtime->socket_address, false},
        {"gensec_final_auth_type", &runtime->final_auth_type, true},
    };
    void *library = dlopen(path, RTLD_NOLOAD | RTLD_LAZY);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *found = library ? dlsym(library, rows[i].name) : NULL;
        if (!found && !rows[i].optional) {
            *missing = rows[i].name;
            return false;
        }
        memcpy(rows[i].function, &found, sizeof(found));
    }
    return true;
}
