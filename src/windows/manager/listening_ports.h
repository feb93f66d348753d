/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes listen for TCP connections, and which named pipes there are: what can be seen
 * from outside of a process that has become an RPC server. One owner, one thread.
 *
 * GetExtendedTcpTable names the process of each listening port. A pipe's process cannot be told
 * without connecting to it, so of pipes only the names are kept, as one number.
 */
#ifndef RPCFW_WINDOWS_MANAGER_LISTENING_PORTS_H
#define RPCFW_WINDOWS_MANAGER_LISTENING_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

struct listening_port {
    DWORD pid;
    uint16_t port;
    bool v6;
    bool loopback; /* none but this host can reach it */
};

struct listening_ports {
    struct listening_port *ports; /* ascending by PID, port, version */
    size_t count;
    size_t capacity;
    BYTE *buffer; /* of the system's answers */
    size_t buffer_size;
    void *query; /* GetExtendedTcpTable, once found */
};

/* One that is all zero is empty. False: GetLastError(), and it is empty. */
bool listening_ports_take(struct listening_ports *ports);
void listening_ports_free(struct listening_ports *ports);

/* A number for the ports of one process: 0 for none, another for others. */
uint64_t listening_ports_of(const struct listening_ports *ports, DWORD pid);

/* Whether the process listens where other machines may reach it. */
bool listening_ports_remote(const struct listening_ports *ports, DWORD pid);

/* The process that listens on the port, 0: none, or it cannot be told, or port is 0. */
DWORD listening_ports_owner(const struct listening_ports *ports, uint16_t port);

/*
 * A number for the names of all pipes, which changes when one comes or goes. False: this system
 * does not list them (Wine).
 */
bool pipe_names_digest(uint64_t *digest);

#endif
