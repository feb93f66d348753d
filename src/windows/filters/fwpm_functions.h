/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of fwpuclnt.dll and advapi32.dll that native filters need, found once by name: a
 * Windows that lacks one is told apart from one that refuses, and tests can put others in their
 * place. Called by managers; any thread once loaded.
 */
#ifndef RPCFW_WINDOWS_FILTERS_FWPM_FUNCTIONS_H
#define RPCFW_WINDOWS_FILTERS_FWPM_FUNCTIONS_H

#include <stdbool.h>
#include "windows/filters/fwpm_types.h"

#include <ntsecapi.h>

struct fwpm_functions {
    DWORD(WINAPI *engine_open)
    (const wchar_t *, UINT32, SEC_WINNT_AUTH_IDENTITY_W *, const FWPM_SESSION0 *, HANDLE *);
    DWORD(WINAPI *engine_close)(HANDLE);
    DWORD(WINAPI *begin)(HANDLE, UINT32);
    DWORD(WINAPI *commit)(HANDLE);
    DWORD(WINAPI *abort)(HANDLE);
    DWORD(WINAPI *provider_add)(HANDLE, const FWPM_PROVIDER0 *, PSECURITY_DESCRIPTOR);
    DWORD(WINAPI *provider_delete)(HANDLE, const GUID *);
    DWORD(WINAPI *sublayer_add)(HANDLE, const FWPM_SUBLAYER0 *, PSECURITY_DESCRIPTOR);
    DWORD(WINAPI *sublayer_delete)(HANDLE, const GUID *);
    DWORD(WINAPI *filter_add)(HANDLE, const FWPM_FILTER0 *, PSECURITY_DESCRIPTOR, UINT64 *);
    DWORD(WINAPI *filter_delete)(HANDLE, const GUID *);
    DWORD(WINAPI *filter_enum_create)(HANDLE, const FWPM_FILTER_ENUM_TEMPLATE0 *, HANDLE *);
    DWORD(WINAPI *filter_enum)(HANDLE, HANDLE, UINT32, FWPM_FILTER0 ***, UINT32 *);
    DWORD(WINAPI *filter_enum_destroy)(HANDLE, HANDLE);
    DWORD(WINAPI *layer_get)(HANDLE, const GUID *, FWPM_LAYER0 **);
    void(WINAPI *free_memory)(void **);

    /* NULL where Windows (or Wine) lacks them: then only auditing cannot be switched. */
    BOOLEAN(WINAPI *audit_query)(const GUID *, ULONG, PAUDIT_POLICY_INFORMATION *);
    BOOLEAN(WINAPI *audit_set)(const AUDIT_POLICY_INFORMATION *, ULONG);
    void(WINAPI *audit_free)(void *);
};

/* False when this Windows has no filter engine. The DLLs stay loaded. */
bool fwpm_functions_load(struct fwpm_functions *out);

#endif
