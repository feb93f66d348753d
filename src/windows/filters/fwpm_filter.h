/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A planned filter as the engine's own structure, and the identifiers of what it compares.
 *
 * The value types and the byte order of addresses are those of the engine's documentation and of
 * programs that are known to work with it. Called by fwpm_engine.c; allocates, keeps nothing.
 */
#ifndef RPCFW_WINDOWS_FILTERS_FWPM_FILTER_H
#define RPCFW_WINDOWS_FILTERS_FWPM_FILTER_H

#include "windows/filters/filter_engine.h"
#include "windows/filters/fwpm_types.h"

/* FWPM_LAYER_RPC_UM: calls as they reach the server's process. */
extern const GUID fwpm_layer_rpc;
/* FWPM_SUBLAYER_RPC_AUDIT */
extern const GUID fwpm_sublayer_audit;
/* FWPM_CONDITION_RPC_OPNUM */
extern const GUID fwpm_condition_opnum;

/* In rawContext of a filter in the audit sublayer (FWPM_CONTEXT_RPC_AUDIT_ENABLED). */
#define FWPM_RPC_AUDIT_ENABLED 1u

struct fwpm_filter {
    FWPM_FILTER0 filter; /* points into what follows */
    GUID provider;
    UINT64 weight;
    FWPM_FILTER_CONDITION0 *conditions;
    struct fwpm_value *values;
    wchar_t name[256];
};

/* 0 or ERROR_OUTOFMEMORY, ERROR_INVALID_SID. *out must not be moved; end with fwpm_filter_free(),
 * also after an error. */
DWORD fwpm_filter_make(struct fwpm_filter *out, const struct filter_entry *entry);
void fwpm_filter_free(struct fwpm_filter *filter);

#endif
