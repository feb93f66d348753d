/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/filters/fwpm_functions.h"

#include <stddef.h>
#include <string.h>

struct row {
    const char *name;
    size_t offset;
};

#define MEMBER(member) offsetof(struct fwpm_functions, member)

static const struct row engine_rows[] = {
    {"FwpmEngineOpen0", MEMBER(engine_open)},
    {"FwpmEngineClose0", MEMBER(engine_close)},
    {"FwpmTransactionBegin0", MEMBER(begin)},
    {"FwpmTransactionCommit0", MEMBER(commit)},
    {"FwpmTransactionAbort0", MEMBER(abort)},
    {"FwpmProviderAdd0", MEMBER(provider_add)},
    {"FwpmProviderDeleteByKey0", MEMBER(provider_delete)},
    {"FwpmSubLayerAdd0", MEMBER(sublayer_add)},
    {"FwpmSubLayerDeleteByKey0", MEMBER(sublayer_delete)},
    {"FwpmFilterAdd0", MEMBER(filter_add)},
    {"FwpmFilterDeleteByKey0", MEMBER(filter_delete)},
    {"FwpmFilterCreateEnumHandle0", MEMBER(filter_enum_create)},
    {"FwpmFilterEnum0", MEMBER(filter_enum)},
    {"FwpmFilterDestroyEnumHandle0", MEMBER(filter_enum_destroy)},
    {"FwpmLayerGetByKey0", MEMBER(layer_get)},
    {"FwpmFreeMemory0", MEMBER(free_memory)},
};

static const struct row audit_rows[] = {
    {"AuditQuerySystemPolicy", MEMBER(audit_query)},
    {"AuditSetSystemPolicy", MEMBER(audit_set)},
    {"AuditFree", MEMBER(audit_free)},
};

/* Only from System32, whatever lies beside the program. False when one is missing. */
static bool load(struct fwpm_functions *out, const wchar_t *dll, const struct row *rows,
                 size_t count)
{
    HMODULE module = LoadLibraryExW(dll, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    for (size_t i = 0; i < count; i++) {
        FARPROC found = module ? GetProcAddress(module, rows[i].name) : NULL;
        if (!found) {
            return false;
        }
        memcpy((char *)out + rows[i].offset, &found, sizeof(found));
    }
    return true;
}

bool fwpm_functions_load(struct fwpm_functions *out)
{
    *out = (struct fwpm_functions){0};
    if (!load(out, L"advapi32.dll", audit_rows, sizeof(audit_rows) / sizeof(audit_rows[0]))) {
        *out = (struct fwpm_functions){0};
    }
    return load(out, L"fwpuclnt.dll", engine_rows, sizeof(engine_rows) / sizeof(engine_rows[0]));
}
