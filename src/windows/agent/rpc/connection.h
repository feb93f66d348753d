/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of the two ends of a call's connection, from whatever form Windows gives them in.
 *
 * RPC threads only; works in the caller's memory.
 */
#ifndef RPCFW_WINDOWS_CONNECTION_H
#define RPCFW_WINDOWS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ipaddr.h"
#include "windows/agent/rpc/rpc_runtime.h"

/* Room for every sockaddr. */
#define CONNECTION_SOCKADDR_SIZE 128

/*
 * Reads an IPv4 or IPv6 sockaddr of `size` bytes, any alignment. False for other families, for what
 * is cut short and for the unspecified address. *port is 0 when it is not told.
 */
bool connection_read_sockaddr(const void *sockaddr, size_t size, struct ipaddr *addr,
                              uint16_t *port);

/*
 * Reads the network address of a string binding: an IP address, with the backslashes that pipes put
 * in front, brackets or a scope (%5) taken off. False for a host name.
 */
bool connection_read_text(const uint16_t *text, struct ipaddr *addr);

struct connection_ends {
    uint16_t client_port;
    struct ipaddr server_addr;
};

/*
 * Looks among this process's sockets for the connection from `client` to `server_port`. With none,
 * or several from the same client, nothing is known and the answer is false.
 *
 * For Wine, whose runtime tells neither port and whose TCP table names no process: there asking
 * every possible handle takes a fraction of a millisecond, less than the table would. So only for
 * what an event shows. Where the runtime's table has no socket functions the answer is false.
 */
bool connection_find(const struct rpc_runtime *runtime, uint16_t server_port,
                     const struct ipaddr *client, struct connection_ends *ends);

#endif
