/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The functions of Samba that the agent calls, found at run time in what the process has loaded.
 *
 * None of them allocates or blocks. The agent links none of Samba's libraries, so that it can be
 * loaded into any process and any build.
 */
#ifndef RPCFW_SAMBA_RUNTIME_H
#define RPCFW_SAMBA_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "samba/agent/layouts.h"

struct samba_runtime {
    const struct samba_sizes *(*module_version)(void);
    void *(*check_name)(const void *memory, const char *name);
    unsigned (*binding_transport)(const void *binding); /* enum dcerpc_transport_t */
    const char *(*binding_option)(const void *binding, const char *name);
    ssize_t (*socket_address)(const void *address, struct sockaddr *out, size_t size);

    /* NULL: this build has none. */
    const char *(*final_auth_type)(void *gensec);
};

/*
 * Fills in `runtime` from the loaded library at `path` and the libraries that it needs; takes a
 * reference on it that is never given back. False: `*missing` is the name of what is not there.
 */
bool samba_runtime_resolve(const char *path, struct samba_runtime *runtime, const char **missing);

/* A function of that library or of those that it needs, or NULL. */
void *samba_function(const char *path, const char *name);

#endif
