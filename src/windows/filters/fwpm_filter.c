/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/filters/fwpm_filter.h"

#include <stdlib.h>
#include <string.h>

#include "cli/plan/filter_key.h"

/* mingw's headers lack these. */
const GUID fwpm_layer_rpc = {
    0x75a89dda, 0x95e4, 0x40f3, {0xad, 0xc7, 0x76, 0x88, 0xa9, 0xc8, 0x47, 0xe1}};
const GUID fwpm_sublayer_audit = {
    0x758c84f4, 0xfb48, 0x4de9, {0x9a, 0xeb, 0x3e, 0xd9, 0x55, 0x1a, 0xb1, 0xfd}};
const GUID fwpm_condition_opnum = {
    0xd58efb76, 0xaab7, 0x4148, {0xa8, 0x7e, 0x95, 0x81, 0x13, 0x41, 0x29, 0xb9}};

#define FILTER_FLAG_PERSISTENT 0x1u /* FWPM_FILTER_FLAG_PERSISTENT */
#define MATCH_RIGHT            0x1u /* FWP_ACTRL_MATCH_FILTER: CC in SDDL */

/* What a condition's value points to. */
struct fwpm_value {
    FWP_BYTE_ARRAY16 bytes;
    FWP_BYTE_BLOB blob; /* data: from malloc() */
};

static const GUID fields[FILTER_FIELD_COUNT] = {
    /* FWPM_CONDITION_RPC_PROTOCOL */
    [FILTER_PROTOCOL] = {0x2717bc74,
                         0x3a35,
                         0x4ce7,
                         {0xb7, 0xef, 0xc8, 0x38, 0xfa, 0xbd, 0xec, 0x45}},
    /* FWPM_CONDITION_RPC_IF_UUID */
    [FILTER_INTERFACE] = {0x7c9c7d9f,
                          0x0075,
                          0x4d35,
                          {0xa0, 0xd1, 0x83, 0x11, 0xc4, 0xcf, 0x6a, 0xf1}},
    [FILTER_OPNUM] = {0xd58efb76, 0xaab7, 0x4148, {0xa8, 0x7e, 0x95, 0x81, 0x13, 0x41, 0x29, 0xb9}},
    /* FWPM_CONDITION_RPC_AUTH_LEVEL */
    [FILTER_AUTHN_LEVEL] = {0xe5a0aed5,
                            0x59ac,
                            0x46ea,
                            {0xbe, 0x05, 0xa5, 0xf0, 0x5e, 0xcf, 0x44, 0x6e}},
    /* FWPM_CONDITION_IP_LOCAL_PORT */
    [FILTER_LOCAL_PORT] = {0x0c1ba1af,
                           0x5765,
                           0x453f,
                           {0xaf, 0x22, 0xa8, 0xf7, 0x91, 0xac, 0x77, 0x5b}},
    /* FWPM_CONDITION_IP_REMOTE_ADDRESS_V4, _V6 */
    [FILTER_CLIENT_V4] = {0x1febb610,
                          0x3bcc,
                          0x45e1,
                          {0xbc, 0x36, 0x2e, 0x06, 0x7e, 0x2c, 0xb1, 0x86}},
    [FILTER_CLIENT_V6] = {0x246e1d8c,
                          0x8bee,
                          0x4018,
                          {0x9b, 0x98, 0x31, 0xd4, 0x58, 0x2f, 0x33, 0x61}},
    /* FWPM_CONDITION_REMOTE_USER_TOKEN */
    [FILTER_CLIENT_SID] = {0x9bf0ee66,
                           0x06c9,
                           0x41b9,
                           {0x84, 0xda, 0x28, 0x8c, 0xb4, 0x3a, 0xf5, 0x1f}},
};

/* RPC_PROTSEQ_TCP, _NMP, _HTTP of rpcasync.h. */
static UINT8 protocol_number(uint32_t protseq)
{
    return protseq == PROTSEQ_NCACN_IP_TCP ? 1 : protseq == PROTSEQ_NCACN_NP ? 2 : 4;
}

/* D:(A;;CC;;;SID)…: the engine takes granted access for a match. */
static DWORD make_descriptor(FWP_BYTE_BLOB *out, const struct filter_condition *condition)
{
    SECURITY_DESCRIPTOR absolute;
    DWORD size = sizeof(ACL);
    DWORD error = ERROR_OUTOFMEMORY;
    DWORD room = 0;
    for (size_t i = 0; i < condition->sid_count; i++) {
        size += (DWORD)(sizeof(ACCESS_ALLOWED_ACE) - sizeof(DWORD) + sid_size(&condition->sids[i]));
    }
    ACL *acl = calloc(1, size);
    if (!acl) {
        return error;
    }
    bool good = InitializeAcl(acl, size, ACL_REVISION);
    for (size_t i = 0; good && i < condition->sid_count; i++) {
        good = AddAccessAllowedAce(acl, ACL_REVISION, MATCH_RIGHT, (PSID)&condition->sids[i]);
    }
    good = good && InitializeSecurityDescriptor(&absolute, SECURITY_DESCRIPTOR_REVISION) &&
           SetSecurityDescriptorDacl(&absolute, TRUE, acl, FALSE);
    if (!good || MakeSelfRelativeSD(&absolute, NULL, &room) || !room) {
        error = GetLastError() ? GetLastError() : ERROR_INVALID_SID;
    } else if ((out->data = malloc(room)) != NULL) {
        error = MakeSelfRelativeSD(&absolute, out->data, &room) ? 0 : GetLastError();
        out->size = room;
    }
    free(acl);
    return error;
}

static void set_bytes(FWP_CONDITION_VALUE0 *out, struct fwpm_value *value, const void *bytes)
{
    memcpy(value->bytes.byteArray16, bytes, sizeof(value->bytes.byteArray16));
    out->type = FWP_BYTE_ARRAY16_TYPE;
    out->byteArray16 = &value->bytes;
}

static DWORD make_condition(FWPM_FILTER_CONDITION0 *out, struct fwpm_value *value,
                            const struct filter_condition *condition)
{
    FWP_CONDITION_VALUE0 *to = &out->conditionValue;
    out->fieldKey = fields[condition->field];
    out->matchType = FWP_MATCH_EQUAL;
    switch (condition->field) {
    case FILTER_PROTOCOL:
        to->type = FWP_UINT8;
        to->uint8 = protocol_number(condition->number);
        return 0;
    case FILTER_AUTHN_LEVEL:
        to->type = FWP_UINT8;
        to->uint8 = (UINT8)condition->number;
        return 0;
    case FILTER_OPNUM:
    case FILTER_LOCAL_PORT:
        to->type = FWP_UINT16;
        to->uint16 = (UINT16)condition->number;
        return 0;
    case FILTER_INTERFACE:
        set_bytes(to, value, &condition->uuid);
        return 0;
    case FILTER_CLIENT_V6:
        set_bytes(to, value, condition->address.bytes);
        return 0;
    case FILTER_CLIENT_V4:
        /* In this layer in network byte order, unlike in those of the network stack. */
        to->type = FWP_UINT32;
        memcpy(&to->uint32, condition->address.bytes + 12, sizeof(to->uint32));
        return 0;
    default:
        to->type = FWP_SECURITY_DESCRIPTOR_TYPE;
        to->sd = &value->blob;
        return make_descriptor(&value->blob, condition);
    }
}

DWORD fwpm_filter_make(struct fwpm_filter *out, const struct filter_entry *entry)
{
    *out = (struct fwpm_filter){.weight = entry->weight};
    FWPM_FILTER0 *filter = &out->filter;
    out->conditions = calloc(entry->condition_count, sizeof(*out->conditions));
    out->values = calloc(entry->condition_count, sizeof(*out->values));
    if (!out->conditions || !out->values) {
        return ERROR_OUTOFMEMORY;
    }
    filter->filterCondition = out->conditions;
    for (size_t i = 0; i < entry->condition_count; i++) {
        filter->numFilterConditions++;
        DWORD error = make_condition(&out->conditions[i], &out->values[i], &entry->conditions[i]);
        if (error) {
            return error;
        }
    }
    /* A name that does not fit stays empty: it is for people alone. */
    if (!MultiByteToWideChar(CP_UTF8, 0, entry->name, -1, out->name,
                             sizeof(out->name) / sizeof(out->name[0]))) {
        out->name[0] = L'\0';
    }
    memcpy(&filter->filterKey, &entry->key, sizeof(filter->filterKey));
    memcpy(&out->provider, &filter_provider_key, sizeof(out->provider));
    filter->displayData.name = out->name;
    filter->flags = FILTER_FLAG_PERSISTENT;
    filter->providerKey = &out->provider;
    filter->layerKey = fwpm_layer_rpc;
    if (entry->sublayer == SUBLAYER_AUDIT) {
        filter->subLayerKey = fwpm_sublayer_audit;
    } else {
        memcpy(&filter->subLayerKey, &filter_sublayer_key, sizeof(filter->subLayerKey));
    }
    filter->weight.type = FWP_UINT64;
    filter->weight.uint64 = &out->weight;
    filter->action.type = entry->block ? FWP_ACTION_BLOCK : FWP_ACTION_PERMIT;
    filter->rawContext = entry->audit ? FWPM_RPC_AUDIT_ENABLED : 0;
    return 0;
}

void fwpm_filter_free(struct fwpm_filter *filter)
{
    for (UINT32 i = 0; filter->values && i < filter->filter.numFilterConditions; i++) {
        free(filter->values[i].blob.data);
    }
    free(filter->values);
    free(filter->conditions);
    filter->values = NULL;
    filter->conditions = NULL;
}
