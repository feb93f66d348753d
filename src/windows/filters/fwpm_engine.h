/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter engine of Windows (the Base Filtering Engine, by fwpuclnt.dll) behind the table that
 * filters.c uses. One session at a time, one thread at a time.
 */
#ifndef RPCFW_WINDOWS_FILTERS_FWPM_ENGINE_H
#define RPCFW_WINDOWS_FILTERS_FWPM_ENGINE_H

#include "windows/filters/filter_engine.h"
#include "windows/filters/fwpm_functions.h"

struct fwpm_engine {
    struct fwpm_functions functions;
    bool loaded; /* the functions are there */
    HANDLE session;
    struct filter_engine table; /* whose context is this structure */
};

/* With the functions of this host, or with `functions` unless that is NULL. *engine must not be
 * moved afterwards. */
void fwpm_engine_init(struct fwpm_engine *engine, const struct fwpm_functions *functions);

#endif
