/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the endpoint mapper of this host knows: interfaces and where they can be reached
 * ([rpcdce.h], RpcMgmtEpEltInqBegin and its kin). Looked up at run time: the manager does not
 * import the RPC runtime. Called by `int`, on the main thread; waits for the endpoint mapper.
 */
#ifndef RPCFW_WINDOWS_MANAGER_ENDPOINT_MAP_H
#define RPCFW_WINDOWS_MANAGER_ENDPOINT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/guid.h"

struct mapped_endpoint {
    struct guid uuid;
    uint16_t version_major;
    uint16_t version_minor;
    uint16_t port;     /* of ncacn_ip_tcp and ncacn_http; 0: another protocol sequence */
    char binding[128]; /* string binding, UTF-8 */
};

/*
 * Reads the whole map; *list is to be freed with free(). False: this Windows does not tell, *status
 * says why (a status of the RPC runtime).
 */
bool endpoint_map_read(struct mapped_endpoint **list, size_t *count, long *status);

#endif
