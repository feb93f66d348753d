/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a client: its TCP and UDP connections over IPv4 come from the address that the
 * environment names as RPCFW_SOURCE_ADDRESS, so that one machine can play several. A socket that
 * has an address already keeps it.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef int connect_function(int descriptor, const struct sockaddr *address, socklen_t length);

static void bind_to_source(int descriptor)
{
    const char *name = getenv("RPCFW_SOURCE_ADDRESS");
    struct sockaddr_in source = {.sin_family = AF_INET};
    if (name == NULL || inet_pton(AF_INET, name, &source.sin_addr) != 1) {
        return;
    }
    struct sockaddr_in current = {0};
    socklen_t length = sizeof current;
    if (getsockname(descriptor, (struct sockaddr *)&current, &length) == 0 &&
        current.sin_port != 0) {
        return;
    }
    (void)bind(descriptor, (const struct sockaddr *)&source, sizeof source);
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length)
{
    static connect_function *next;
    if (next == NULL) {
        /* POSIX gives a function as a data pointer here. */
        *(void **)&next = dlsym(RTLD_NEXT, "connect");
    }
    if (address != NULL && address->sa_family == AF_INET) {
        bind_to_source(descriptor);
    }
    return next(descriptor, address, length);
}
