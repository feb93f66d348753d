/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter engine of Windows as the manager speaks to it. Wine's says that it supports nothing:
 * that must be reported as such. What a real one would be given is read by functions that stand in
 * for those of fwpuclnt.dll and keep what they got; the registry is the real one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/filters/fwpm_engine.h"

#include <sddl.h>

#include "windows/filters/filters.h"
#include "windows/filters/fwpm_filter.h"
#include "wine_check.h"

/* ---- Functions in place of fwpuclnt.dll's ---- */

#define KEPT_MAX 16

/* A filter, so far as it is looked at here. */
struct kept {
    GUID key;
    GUID sublayer;
    GUID provider;
    UINT64 weight;
    UINT64 context;
    UINT32 flags;
    UINT32 action;
    UINT32 count;
    FWP_DATA_TYPE types[KEPT_MAX];
    UINT32 numbers[KEPT_MAX];
    BYTE bytes[KEPT_MAX][16];
    wchar_t sddl[256];
    wchar_t name[256];
};

static struct kept kept[KEPT_MAX];
static size_t kept_count;
static bool has_opnum;
static bool provider_there;
static wchar_t service_name[64];
static unsigned leaks; /* what FwpmFreeMemory0 has not been given back */

static DWORD WINAPI keep_open(const wchar_t *server, UINT32 service, SEC_WINNT_AUTH_IDENTITY_W *who,
                              const FWPM_SESSION0 *session, HANDLE *handle)
{
    (void)server;
    (void)service;
    (void)who;
    (void)session;
    *handle = (HANDLE)&kept;
    return 0;
}

static DWORD WINAPI keep_handle(HANDLE handle)
{
    (void)handle;
    return 0;
}

static DWORD WINAPI keep_begin(HANDLE handle, UINT32 flags)
{
    (void)handle;
    return flags;
}

static DWORD WINAPI keep_provider(HANDLE handle, const FWPM_PROVIDER0 *provider,
                                  PSECURITY_DESCRIPTOR descriptor)
{
    (void)handle;
    (void)descriptor;
    wcsncpy(service_name, provider->serviceName, 63);
    if (provider_there) {
        return (DWORD)FWP_E_ALREADY_EXISTS;
    }
    provider_there = true;
    return 0;
}

static DWORD WINAPI keep_sublayer(HANDLE handle, const FWPM_SUBLAYER0 *sublayer,
                                  PSECURITY_DESCRIPTOR descriptor)
{
    (void)handle;
    (void)sublayer;
    (void)descriptor;
    return 0;
}

static DWORD WINAPI no_sublayer(HANDLE handle, const GUID *key)
{
    (void)handle;
    (void)key;
    return (DWORD)FWP_E_SUBLAYER_NOT_FOUND;
}

static DWORD WINAPI drop_provider(HANDLE handle, const GUID *key)
{
    (void)handle;
    (void)key;
    if (!provider_there) {
        return (DWORD)FWP_E_PROVIDER_NOT_FOUND;
    }
    provider_there = false;
    return 0;
}

static void keep_value(struct kept *out, UINT32 i, const FWP_CONDITION_VALUE0 *value)
{
    wchar_t *sddl = NULL;
    out->types[i] = value->type;
    switch (value->type) {
    case FWP_UINT8:
        out->numbers[i] = value->uint8;
        break;
    case FWP_UINT16:
        out->numbers[i] = value->uint16;
        break;
    case FWP_UINT32:
        memcpy(out->bytes[i], &value->uint32, 4);
        break;
    case FWP_BYTE_ARRAY16_TYPE:
        memcpy(out->bytes[i], value->byteArray16, 16);
        break;
    case FWP_SECURITY_DESCRIPTOR_TYPE:
        if (IsValidSecurityDescriptor(value->sd->data) &&
            GetSecurityDescriptorLength(value->sd->data) == value->sd->size &&
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                value->sd->data, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &sddl, NULL)) {
            wcsncpy(out->sddl, sddl, 255);
            LocalFree(sddl);
        }
        break;
    default:
        break;
    }
}

static DWORD WINAPI keep_filter(HANDLE handle, const FWPM_FILTER0 *filter,
                                PSECURITY_DESCRIPTOR descriptor, UINT64 *id)
{
    struct kept *out = &kept[kept_count];
    (void)handle;
    (void)descriptor;
    (void)id;
    if (kept_count == KEPT_MAX || filter->numFilterConditions > KEPT_MAX) {
        return ERROR_OUTOFMEMORY;
    }
    *out = (struct kept){.key = filter->filterKey,
                         .sublayer = filter->subLayerKey,
                         .provider = *filter->providerKey,
                         .weight = filter->weight.type == FWP_UINT64 ? *filter->weight.uint64 : 0,
                         .context = filter->rawContext,
                         .flags = filter->flags,
                         .action = filter->action.type,
                         .count = filter->numFilterConditions};
    wcsncpy(out->name, filter->displayData.name, 255);
    for (UINT32 i = 0; i < out->count; i++) {
        keep_value(out, i, &filter->filterCondition[i].conditionValue);
    }
    kept_count++;
    return IsEqualGUID(&filter->layerKey, &fwpm_layer_rpc) ? 0 : ERROR_INVALID_PARAMETER;
}

static DWORD WINAPI drop_filter(HANDLE handle, const GUID *key)
{
    (void)handle;
    for (size_t i = 0; i < kept_count; i++) {
        if (IsEqualGUID(&kept[i].key, key)) {
            memmove(&kept[i], &kept[i + 1], (kept_count - i - 1) * sizeof(kept[0]));
            kept_count--;
            return 0;
        }
    }
    return (DWORD)FWP_E_FILTER_NOT_FOUND;
}

static size_t walked;

static DWORD WINAPI start_walk(HANDLE handle, const FWPM_FILTER_ENUM_TEMPLATE0 *wanted,
                               HANDLE *walk)
{
    (void)handle;
    walked = 0;
    *walk = (HANDLE)&walked;
    leaks++;
    return wanted->providerKey && IsEqualGUID(&wanted->layerKey, &fwpm_layer_rpc)
               ? 0
               : ERROR_INVALID_PARAMETER;
}

static DWORD WINAPI walk_on(HANDLE handle, HANDLE walk, UINT32 wanted, FWPM_FILTER0 ***entries,
                            UINT32 *count)
{
    struct batch {
        FWPM_FILTER0 *pointers[KEPT_MAX];
        FWPM_FILTER0 filters[KEPT_MAX];
    } *batch = calloc(1, sizeof(*batch));
    (void)handle;
    (void)walk;
    *count = 0;
    for (; batch && walked < kept_count && *count < wanted; walked++) {
        struct kept *from = &kept[walked];
        FWPM_FILTER0 *to = &batch->filters[*count];
        *to = (FWPM_FILTER0){.filterKey = from->key,
                             .displayData = {.name = from->name},
                             .flags = from->flags,
                             .subLayerKey = from->sublayer,
                             .weight = {.type = FWP_UINT64},
                             .numFilterConditions = from->count,
                             .action = {.type = from->action},
                             .rawContext = from->context};
        to->weight.uint64 = &from->weight;
        batch->pointers[(*count)++] = to;
    }
    *entries = batch ? batch->pointers : NULL;
    leaks += batch != NULL;
    return batch ? 0 : ERROR_OUTOFMEMORY;
}

static DWORD WINAPI end_walk(HANDLE handle, HANDLE walk)
{
    (void)handle;
    (void)walk;
    leaks--;
    return 0;
}

static GUID field_keys[2];
static FWPM_FIELD0 layer_fields[2];

static DWORD WINAPI get_layer(HANDLE handle, const GUID *key, FWPM_LAYER0 **layer)
{
    (void)handle;
    (void)key;
    FWPM_LAYER0 *out = calloc(1, sizeof(*out));
    field_keys[1] = fwpm_condition_opnum;
    layer_fields[0].fieldKey = &field_keys[0];
    layer_fields[1].fieldKey = &field_keys[1];
    out->numFields = has_opnum ? 2 : 1;
    out->field = layer_fields;
    *layer = out;
    leaks++;
    return 0;
}

static void WINAPI give_back(void **memory)
{
    free(*memory);
    *memory = NULL;
    leaks--;
}

static ULONG audit_bits;
static ULONG audit_set;

static BOOLEAN WINAPI query_audit(const GUID *key, ULONG count, PAUDIT_POLICY_INFORMATION *out)
{
    (void)key;
    (void)count;
    *out = calloc(1, sizeof(**out));
    (*out)->AuditingInformation = audit_bits;
    leaks++;
    return TRUE;
}

static BOOLEAN WINAPI set_audit(const AUDIT_POLICY_INFORMATION *policy, ULONG count)
{
    audit_set = policy->AuditingInformation;
    audit_bits = audit_set & 3;
    return count == 1;
}

static void WINAPI free_audit(void *memory)
{
    free(memory);
    leaks--;
}

static const struct fwpm_functions stand_ins = {
    .engine_open = keep_open,
    .engine_close = keep_handle,
    .begin = keep_begin,
    .commit = keep_handle,
    .abort = keep_handle,
    .provider_add = keep_provider,
    .provider_delete = drop_provider,
    .sublayer_add = keep_sublayer,
    .sublayer_delete = no_sublayer,
    .filter_add = keep_filter,
    .filter_delete = drop_filter,
    .filter_enum_create = start_walk,
    .filter_enum = walk_on,
    .filter_enum_destroy = end_walk,
    .layer_get = get_layer,
    .free_memory = give_back,
    .audit_query = query_audit,
    .audit_set = set_audit,
    .audit_free = free_audit,
};

/* ---- The tests ---- */

static const char policy_text[] =
    "flt:uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 addr:192.0.2.10,2001:db8::10 "
    "prot:ncacn_ip_tcp action:allow\n"
    "flt:uuid:efsrpc sid:BA,S-1-5-21-1-2-3-1000 auth:privacy action:allow id:efs-admins\n"
    "flt:endpoint:135 prot:ncacn_ip_tcp action:block audit:true\n";

static struct policy *read_policy(void)
{
    struct policy_read_options options = {0};
    struct policy *policy =
        policy_read("RpcFw.conf", policy_text, sizeof(policy_text) - 1, &options);
    check(policy && !policy->diagnostics.errors, "the policy is good");
    return policy;
}

static void test_wine(void)
{
    const struct filter_engine *engine = filters_windows_engine();
    struct filters_report report;
    struct filter_plan *plan;
    struct policy *policy = read_policy();
    check(filters_apply(engine, policy, &plan, &report) == FILTERS_NO_ENGINE && !plan,
          "Wine has no filter engine, and that is what is said");
    check(filters_remove(engine, &report) == FILTERS_NO_ENGINE, "nor anything to remove");
    policy_free(policy);
}

static void check_filters(void)
{
    static const BYTE v4[4] = {192, 0, 2, 10};
    static const BYTE v6[16] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10};
    static const BYTE drsuapi[16] = {0x35, 0x42, 0x51, 0xe3, 0x06, 0x4b, 0xd1, 0x11,
                                     0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2};
    const struct kept *sid = &kept[2];
    const struct kept *port = &kept[3];
    check(kept_count == 8, "four filters, and the four again for the events");
    check(kept[0].types[0] == FWP_UINT8 && kept[0].numbers[0] == 1, "TCP is 1");
    check(kept[0].types[1] == FWP_BYTE_ARRAY16_TYPE && !memcmp(kept[0].bytes[1], drsuapi, 16),
          "an interface is a GUID as it lies in memory");
    check(kept[0].types[2] == FWP_UINT32 && !memcmp(kept[0].bytes[2], v4, 4),
          "an IPv4 address is in network byte order");
    check(kept[1].types[2] == FWP_BYTE_ARRAY16_TYPE && !memcmp(kept[1].bytes[2], v6, 16),
          "an IPv6 address is 16 bytes");
    check(sid->count == 7 && sid->numbers[0] == 1 && sid->numbers[1] == 2 && sid->numbers[2] == 4,
          "TCP, pipes, HTTP are 1, 2, 4");
    check(sid->types[5] == FWP_UINT8 && sid->numbers[5] == 6, "privacy is 6");
    check(sid->types[6] == FWP_SECURITY_DESCRIPTOR_TYPE &&
              !wcscmp(sid->sddl, L"D:(A;;CC;;;BA)(A;;CC;;;S-1-5-21-1-2-3-1000)"),
          "SIDs are a security descriptor that grants them the right to match");
    check(wcsstr(sid->name, L"rule=2 efs-admins") != NULL, "the name of the rule");
    check(port->types[1] == FWP_UINT16 && port->numbers[1] == 135, "a port is 16 bits");
    check(kept[0].action == FWP_ACTION_PERMIT && port->action == FWP_ACTION_BLOCK, "actions");
    check(kept[0].weight == 4 && port->weight == 1 && port->flags == 1, "weights, persistence");
    check(!port->context && kept[7].context == 1 && !kept[6].context &&
              IsEqualGUID(&kept[7].sublayer, &fwpm_sublayer_audit) &&
              !IsEqualGUID(&port->sublayer, &fwpm_sublayer_audit),
          "only the audit sublayer's filter of a rule with audit:true asks for events");
    check(!wcscmp(service_name, L"RPC Firewall"), "the provider names the service");
}

static void test_apply(struct fwpm_engine *engine)
{
    struct filters_report report;
    struct filter_plan *plan;
    struct installed_filter *list;
    size_t count;
    struct policy *policy = read_policy();
    for (int round = 0; round < 3; round++) {
        enum filters_outcome outcome = filters_apply(&engine->table, policy, &plan, &report);
        check(outcome == FILTERS_DONE && !report.warning && report.added == 8 &&
                  report.removed == (round ? 8u : 0u),
              "the filters are set, and set again");
        filter_plan_free(plan);
    }
    check_filters();
    check(audit_set == 3, "the audit subcategory is switched on");
    check(filters_list(&engine->table, &list, &count, &report) == FILTERS_DONE && count == 8 &&
              list[0].weight == 4 && !list[0].block && list[3].block && list[7].audit &&
              strstr(list[2].name, "efs-admins"),
          "they can be listed");
    free(list);
    check(filters_remove(&engine->table, &report) == FILTERS_DONE && !report.warning &&
              !kept_count && !provider_there && report.removed == 8,
          "and removed");
    check(audit_set == 4, "the audit subcategory is off again, not left as it is");
    check(filters_remove(&engine->table, &report) == FILTERS_DONE, "removing twice does no harm");
    policy_free(policy);
}

static void test_describe(struct fwpm_engine *engine)
{
    struct filters_report report;
    struct filter_host host;
    has_opnum = false;
    check(filters_describe_host(&engine->table, &host, &report) == FILTERS_DONE && !host.opnum &&
              host.no_opnum,
          "a layer without the field compares no opnum");
    has_opnum = true;
    check(filters_describe_host(&engine->table, &host, &report) == FILTERS_DONE &&
              host.opnum == (host.build >= FILTER_HOST_OPNUM_BUILD),
          "one with the field does so on new builds only");
    printf("build %lu\n", (unsigned long)host.build);
}

static void test_without_audit_functions(void)
{
    struct fwpm_functions functions = stand_ins;
    struct fwpm_engine engine;
    struct filters_report report;
    struct filter_plan *plan;
    struct policy *policy = read_policy();
    functions.audit_query = NULL;
    fwpm_engine_init(&engine, &functions);
    check(filters_apply(&engine.table, policy, &plan, &report) == FILTERS_DONE && report.warning &&
              report.warning_error == ERROR_CALL_NOT_IMPLEMENTED && kept_count == 8,
          "filters are set where auditing cannot be switched, with a warning");
    filter_plan_free(plan);
    check(filters_remove(&engine.table, &report) == FILTERS_DONE && !report.warning, "and removed");
    policy_free(policy);
}

int main(void)
{
    static struct fwpm_engine engine;
    fwpm_engine_init(&engine, &stand_ins);
    test_wine();
    test_describe(&engine);
    test_apply(&engine);
    test_without_audit_functions();
    check(leaks == 0, "everything that the engine gave is given back");
    printf("%d failures\n", failures);
    return failures ? 1 : 0;
}
