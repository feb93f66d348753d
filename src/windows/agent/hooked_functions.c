/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/hooked_functions.h"

#include "windows/agent/hook/gate.h"

const struct hooked_function hooked_functions[] = {
    {"NdrServerCall2", 0},
    {"NdrServerCall", 0},
    {"NdrServerCallAll", 0},
    {"NdrServerCallNdr64", 0},
    {"NdrAsyncServerCall", 0},
    {"Ndr64AsyncServerCall64", 0},
    {"Ndr64AsyncServerCallAll", 0},
    /* Also entered directly, by DCOM. */
    {"NdrStubCall2", 2},
    {"NdrStubCall3", 2},
    {"NdrStubCall", 2},
    {"NdrAsyncStubCall", 2},
    /* The only ones that stubs compiled with -Os pass: today's, those of methods with pipes, and
     * old ones. */
    {"NdrServerInitializeNew", 0},
    {"NdrServerInitializePartial", 0},
    {"NdrServerInitialize", 0},
};

const size_t hooked_function_count = sizeof(hooked_functions) / sizeof(hooked_functions[0]);

_Static_assert(sizeof(hooked_functions) / sizeof(hooked_functions[0]) <= GATE_COUNT,
               "each needs a gate");
