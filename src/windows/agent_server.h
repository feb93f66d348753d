/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent knows of the server that it is in: a second block of memory that rpcFirewall.dll
 * exports as data, read like the status (agent_status.h). The manager trusts no number in it.
 */
#ifndef RPCFW_WINDOWS_AGENT_SERVER_H
#define RPCFW_WINDOWS_AGENT_SERVER_H

#include <stdint.h>

#include "core/guid.h"

#define AGENT_EXPORT_SERVER     "RpcFwServer" /* struct agent_server */

#define AGENT_SERVER_MAGIC      0x53465052u /* "RPFS" */
#define AGENT_SERVER_VERSION    1u

#define AGENT_SERVER_ENDPOINTS  24
#define AGENT_SERVER_INTERFACES 64

/* Where the number of interfaces comes from. */
enum agent_server_source {
    AGENT_SERVER_OBSERVED,   /* only those that were called since the agent came */
    AGENT_SERVER_REGISTERED, /* the runtime listed those that are registered */
};

struct agent_server_interface {
    volatile uint32_t state; /* 0 free, 1 being written, 2 valid */
    uint16_t version_major;
    uint16_t version_minor;
    struct guid uuid;
    uint64_t calls; /* that the agent judged */
};

/* Endpoints and the list of the runtime are as of the agent's start or of its last refresh. */
struct agent_server {
    uint32_t magic;
    uint32_t version;         /* AGENT_SERVER_VERSION */
    uint32_t size;            /* sizeof(struct agent_server) */
    uint32_t source;          /* enum agent_server_source */
    uint32_t endpoint_count;  /* of all; the first AGENT_SERVER_ENDPOINTS are listed */
    uint32_t interface_drops; /* interfaces that found no room */
    char endpoints[AGENT_SERVER_ENDPOINTS][96]; /* string bindings: "ncacn_ip_tcp:[49664]" */
    struct agent_server_interface interfaces[AGENT_SERVER_INTERFACES];
};

#endif
