/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/filters/fwpm_engine.h"

#include <stdlib.h>
#include <string.h>

#include "cli/plan/filter_key.h"
#include "windows/filters/audit_policy.h"
#include "windows/filters/filters.h"
#include "windows/filters/fwpm_filter.h"

/* Milliseconds that a transaction waits for another program's. */
#define TRANSACTION_TIMEOUT  10000u

#define BATCH                64u /* filters fetched at a time */

#define FLAG_PERSISTENT      0x1u  /* FWPM_PROVIDER_FLAG_, FWPM_SUBLAYER_FLAG_PERSISTENT */
#define FILTER_FLAG_DISABLED 0x20u /* FWPM_FILTER_FLAG_DISABLED */
#define SUBLAYER_WEIGHT      0x8000u
#define NAME                 L"RPC Firewall"

static GUID native(const struct guid *guid)
{
    GUID out;
    memcpy(&out, guid, sizeof(out));
    return out;
}

/* ---- Sessions and transactions ---- */

static uint32_t engine_open(void *context)
{
    struct fwpm_engine *engine = context;
    wchar_t name[] = NAME;
    FWPM_SESSION0 session = {.displayData = {.name = name},
                             .txnWaitTimeoutInMSec = TRANSACTION_TIMEOUT};
    if (!engine->loaded) {
        return FILTER_ENGINE_ABSENT;
    }
    return engine->functions.engine_open(NULL, RPC_C_AUTHN_DEFAULT, NULL, &session,
                                         &engine->session);
}

static void engine_close(void *context)
{
    struct fwpm_engine *engine = context;
    engine->functions.engine_close(engine->session);
    engine->session = NULL;
}

static uint32_t engine_begin(void *context)
{
    struct fwpm_engine *engine = context;
    return engine->functions.begin(engine->session, 0);
}

static uint32_t engine_commit(void *context)
{
    struct fwpm_engine *engine = context;
    return engine->functions.commit(engine->session);
}

static uint32_t engine_abort(void *context)
{
    struct fwpm_engine *engine = context;
    return engine->functions.abort(engine->session);
}

/* ---- The host ---- */

/* What GetVersionEx says depends on the program's manifest; this does not. */
static uint32_t windows_build(void)
{
    OSVERSIONINFOW version = {.dwOSVersionInfoSize = sizeof(version)};
    LONG(WINAPI * get_version)(OSVERSIONINFOW *) = NULL;
    FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion");
    memcpy(&get_version, &found, sizeof(get_version));
    if (!get_version || get_version(&version) != 0 || version.dwMajorVersion < 10) {
        return 0;
    }
    return version.dwBuildNumber;
}

static uint32_t engine_describe(void *context, struct filter_host *host)
{
    struct fwpm_engine *engine = context;
    FWPM_LAYER0 *layer = NULL;
    bool opnum = false;
    DWORD error = engine->functions.layer_get(engine->session, &fwpm_layer_rpc, &layer);
    if (error) {
        return error;
    }
    for (UINT32 i = 0; i < layer->numFields; i++) {
        opnum = opnum || IsEqualGUID(layer->field[i].fieldKey, &fwpm_condition_opnum);
    }
    engine->functions.free_memory((void **)&layer);
    filter_host_from_build(host, windows_build(), opnum);
    return 0;
}

/* ---- Provider and sublayer ---- */

static DWORD unless(DWORD error, HRESULT harmless)
{
    return error == (DWORD)harmless ? 0 : error;
}

static uint32_t engine_add_frame(void *context)
{
    struct fwpm_engine *engine = context;
    wchar_t name[] = NAME;
    wchar_t service[] = FILTERS_SERVICE;
    GUID key = native(&filter_provider_key);
    FWPM_PROVIDER0 provider = {.providerKey = key,
                               .displayData = {.name = name},
                               .flags = FLAG_PERSISTENT,
                               .serviceName = service};
    FWPM_SUBLAYER0 sublayer = {.subLayerKey = native(&filter_sublayer_key),
                               .displayData = {.name = name},
                               .flags = FLAG_PERSISTENT,
                               .providerKey = &key,
                               .weight = SUBLAYER_WEIGHT};
    DWORD error = unless(engine->functions.provider_add(engine->session, &provider, NULL),
                         FWP_E_ALREADY_EXISTS);
    return error ? error
                 : unless(engine->functions.sublayer_add(engine->session, &sublayer, NULL),
                          FWP_E_ALREADY_EXISTS);
}

static uint32_t engine_remove_frame(void *context)
{
    struct fwpm_engine *engine = context;
    GUID sublayer = native(&filter_sublayer_key);
    GUID provider = native(&filter_provider_key);
    DWORD error = unless(engine->functions.sublayer_delete(engine->session, &sublayer),
                         FWP_E_SUBLAYER_NOT_FOUND);
    return error ? error
                 : unless(engine->functions.provider_delete(engine->session, &provider),
                          FWP_E_PROVIDER_NOT_FOUND);
}

/* ---- Filters ---- */

static uint32_t engine_add(void *context, const struct filter_entry *entry)
{
    struct fwpm_engine *engine = context;
    struct fwpm_filter filter;
    DWORD error = fwpm_filter_make(&filter, entry);
    if (!error) {
        error = engine->functions.filter_add(engine->session, &filter.filter, NULL, NULL);
    }
    fwpm_filter_free(&filter);
    return error;
}

static uint32_t engine_remove(void *context, const struct guid *key)
{
    struct fwpm_engine *engine = context;
    GUID native_key = native(key);
    return engine->functions.filter_delete(engine->session, &native_key);
}

static void read_filter(struct installed_filter *out, const FWPM_FILTER0 *filter)
{
    *out = (struct installed_filter){
        .sublayer = IsEqualGUID(&filter->subLayerKey, &fwpm_sublayer_audit) ? SUBLAYER_AUDIT
                                                                            : SUBLAYER_OURS,
        .block = filter->action.type == FWP_ACTION_BLOCK,
        .disabled = (filter->flags & FILTER_FLAG_DISABLED) != 0,
        .condition_count = filter->numFilterConditions,
    };
    memcpy(&out->key, &filter->filterKey, sizeof(out->key));
    out->audit = out->sublayer == SUBLAYER_AUDIT && (filter->rawContext & FWPM_RPC_AUDIT_ENABLED);
    if (filter->weight.type == FWP_UINT64 && filter->weight.uint64) {
        out->weight = *filter->weight.uint64;
    }
    /* At most three bytes of UTF-8 for each of the units that are taken, so whole characters. */
    wchar_t name[(sizeof(out->name) - 1) / 3 + 1] = L"";
    if (filter->displayData.name) {
        wcsncpy(name, filter->displayData.name, sizeof(name) / sizeof(name[0]) - 1);
    }
    WideCharToMultiByte(CP_UTF8, 0, name, -1, out->name, sizeof(out->name), NULL, NULL);
}

/* Appends a batch to the list. */
static DWORD append(struct installed_filter **list, size_t *count, FWPM_FILTER0 **batch,
                    UINT32 batch_count)
{
    struct installed_filter *longer = realloc(*list, (*count + batch_count) * sizeof(**list));
    if (!longer) {
        return ERROR_OUTOFMEMORY;
    }
    *list = longer;
    for (UINT32 i = 0; i < batch_count; i++) {
        read_filter(&longer[(*count)++], batch[i]);
    }
    return 0;
}

static uint32_t engine_list(void *context, struct installed_filter **list, size_t *count)
{
    struct fwpm_engine *engine = context;
    GUID provider = native(&filter_provider_key);
    FWPM_FILTER_ENUM_TEMPLATE0 wanted = {
        .providerKey = &provider,
        .layerKey = fwpm_layer_rpc,
        .enumType = FWP_FILTER_ENUM_OVERLAPPING,
        .flags = FWP_FILTER_ENUM_FLAG_SORTED | FWP_FILTER_ENUM_FLAG_INCLUDE_DISABLED,
        .actionMask = UINT32_MAX, /* whatever the action */
    };
    HANDLE walk;
    UINT32 fetched = 0;
    *list = NULL;
    *count = 0;
    DWORD error = engine->functions.filter_enum_create(engine->session, &wanted, &walk);
    if (error) {
        return error;
    }
    do {
        FWPM_FILTER0 **batch = NULL;
        error = engine->functions.filter_enum(engine->session, walk, BATCH, &batch, &fetched);
        if (!error && fetched) {
            error = append(list, count, batch, fetched);
        }
        if (batch) {
            engine->functions.free_memory((void **)&batch);
        }
    } while (!error && fetched == BATCH);
    engine->functions.filter_enum_destroy(engine->session, walk);
    if (error) {
        free(*list);
        *list = NULL;
        *count = 0;
    }
    return error;
}

/* ---- Auditing ---- */

static uint32_t engine_audit_read(void *context, uint32_t *bits)
{
    struct fwpm_engine *engine = context;
    return audit_policy_read(&engine->functions, bits);
}

static uint32_t engine_audit_write(void *context, uint32_t bits)
{
    struct fwpm_engine *engine = context;
    return audit_policy_write(&engine->functions, bits);
}

static uint32_t engine_record_read(void *context, bool *present, struct audit_record *record)
{
    (void)context;
    return audit_record_read(present, record);
}

static uint32_t engine_record_write(void *context, const struct audit_record *record)
{
    (void)context;
    return audit_record_write(record);
}

static uint32_t engine_record_remove(void *context)
{
    (void)context;
    return audit_record_remove();
}

void fwpm_engine_init(struct fwpm_engine *engine, const struct fwpm_functions *functions)
{
    *engine = (struct fwpm_engine){
        .table =
            {
                .context = engine,
                .open = engine_open,
                .close = engine_close,
                .describe = engine_describe,
                .begin = engine_begin,
                .commit = engine_commit,
                .abort = engine_abort,
                .add_frame = engine_add_frame,
                .remove_frame = engine_remove_frame,
                .add = engine_add,
                .remove = engine_remove,
                .list = engine_list,
                .audit_read = engine_audit_read,
                .audit_write = engine_audit_write,
                .record_read = engine_record_read,
                .record_write = engine_record_write,
                .record_remove = engine_record_remove,
            },
    };
    if (functions) {
        engine->functions = *functions;
        engine->loaded = true;
    } else {
        engine->loaded = fwpm_functions_load(&engine->functions);
    }
}

const struct filter_engine *filters_windows_engine(void)
{
    static struct fwpm_engine engine;
    if (!engine.table.open) {
        fwpm_engine_init(&engine, NULL);
    }
    return &engine.table;
}
