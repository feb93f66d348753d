/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of the RPC runtime through which the calls of clients enter this process.
 *
 * One row each. Hooked are those that the loaded rpcrt4.dll exports, unless as a stub that only
 * raises (rpc_runtime_is_stub()). A call passes several of them, one inside the other
 * (NdrServerCall2, NdrStubCall2, NdrServerInitializeNew), all with the same RPC_MESSAGE: by that
 * the judge knows that it has judged the call already.
 */
#ifndef RPCFW_WINDOWS_HOOKED_FUNCTIONS_H
#define RPCFW_WINDOWS_HOOKED_FUNCTIONS_H

#include <stddef.h>

struct hooked_function {
    const char *name;          /* of the export, and what an event calls it */
    unsigned message_argument; /* which argument is the RPC_MESSAGE, from 0 */
};

extern const struct hooked_function hooked_functions[];
extern const size_t hooked_function_count; /* at most GATE_COUNT */

#endif
