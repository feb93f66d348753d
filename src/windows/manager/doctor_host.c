/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of doctor.h that ask the system's settings. */
#include "windows/manager/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/filters/filters.h"
#include "windows/manager/compiled_policy.h"
#include "windows/manager/event_log_key.h"

/* "Block credential stealing from the Windows local security authority subsystem": [Microsoft
 * Defender: attack surface reduction rules reference]. 1 blocks, 2 audits, 6 warns. */
#define ASR_LSASS_RULE L"9e6c4e1f-7d60-472f-ba1a-a39ef669e4b2"
#define ASR_BLOCKS     1
#define ASR_WARNS      6

#define LSA_KEY        L"SYSTEM\\CurrentControlSet\\Control\\Lsa"

/* Below this an hour of a busy server does not fit. */
#define EVENT_LOG_SMALL (16u << 20)

/* The number of a value, also where it is a text, as Defender has it; 0: none. */
static DWORD read_number(const wchar_t *key, const wchar_t *name)
{
    union {
        DWORD number;
        wchar_t text[16];
    } value = {0};
    DWORD size = sizeof(value);
    DWORD type = 0;
    HKEY handle;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle)) {
        return 0;
    }
    LSTATUS error =
        RegGetValueW(handle, NULL, name, RRF_RT_REG_DWORD | RRF_RT_REG_SZ, &type, &value, &size);
    RegCloseKey(handle);
    if (error) {
        return 0;
    }
    return type == REG_SZ ? wcstoul(value.text, NULL, 10) : value.number;
}

void check_asr_rules(const struct doctor *doctor, struct finding *finding)
{
    static const wchar_t *const keys[] = {
        L"SOFTWARE\\Policies\\Microsoft\\Windows Defender\\Windows Defender Exploit "
        L"Guard\\ASR\\Rules",
        L"SOFTWARE\\Microsoft\\Windows Defender\\Windows Defender Exploit Guard\\ASR\\Rules",
    };
    (void)doctor;
    for (size_t i = 0; i < ARRAYSIZE(keys); i++) {
        DWORD action = read_number(keys[i], ASR_LSASS_RULE);
        if (action == ASR_BLOCKS || action == ASR_WARNS) {
            finding_set(finding, FINDING_GAP,
                        "Add-MpPreference -AttackSurfaceReductionOnlyExclusions "
                        "\"C:\\Program Files\\RPC Firewall\\rpcFwManager.exe\"",
                        "an attack surface reduction rule of Defender keeps the manager from "
                        "opening lsass.exe (rule %ls)",
                        ASR_LSASS_RULE);
            return;
        }
    }
    finding_set(finding, FINDING_GOOD, "", "no attack surface reduction rule is in the way");
}

void check_lsa_protection(const struct doctor *doctor, struct finding *finding)
{
    bool on = read_number(LSA_KEY, L"RunAsPPL") != 0;
    if (on && doctor->filters) {
        finding_set(finding, FINDING_NOTE, "",
                    "LSA protection (RunAsPPL) is on: no agent can enter lsass.exe; native RPC "
                    "filters stand in, as far as rules have the prefix flt: or all:");
    } else if (on) {
        finding_set(
            finding, FINDING_GAP,
            "give the rules for its interfaces (samr, lsarpc, drsuapi, netlogon) the prefix "
            "all:, then rpcFwManager start flt",
            "LSA protection (RunAsPPL) is on: no agent can enter lsass.exe");
    } else {
        finding_set(finding, FINDING_GOOD, "",
                    "LSA protection does not keep the agent out of "
                    "lsass.exe");
    }
}

void check_event_log(const struct doctor *doctor, struct finding *finding)
{
    (void)doctor;
    if (!event_log_key_exists()) {
        finding_set(finding, FINDING_GAP, "rpcFwManager install",
                    "the event log RPCFW is not registered");
        return;
    }
    HANDLE log = OpenEventLogW(NULL, L"RPCFW");
    if (!log) {
        finding_set(finding, FINDING_UNKNOWN, "", "the event log RPCFW cannot be opened");
        return;
    }
    EVENTLOG_FULL_INFORMATION full = {0};
    DWORD needed;
    DWORD oldest = 0;
    bool told = GetOldestEventLogRecord(log, &oldest);
    GetEventLogInformation(log, EVENTLOG_FULL_INFO, &full, sizeof(full), &needed);
    CloseEventLog(log);
    if (full.dwFull) {
        finding_set(finding, FINDING_GAP, "wevtutil sl RPCFW /rt:false /ms:268435456",
                    "the event log is full: new events are lost");
    } else if (told && oldest > 1) {
        finding_set(finding, FINDING_NOTE, "wevtutil sl RPCFW /ms:268435456",
                    "the log is overwritten from its begin: the oldest record is number %lu",
                    oldest);
    } else if (read_number(EVENT_LOG_KEY, L"MaxSize") < EVENT_LOG_SMALL) {
        finding_set(finding, FINDING_NOTE, "wevtutil sl RPCFW /ms:268435456",
                    "the event log is small: a busy server fills it within hours");
    } else {
        finding_set(finding, FINDING_GOOD, "", "the event log RPCFW has room");
    }
}

bool doctor_count_filters(size_t *count)
{
    struct installed_filter *list = NULL;
    struct filters_report report;
    *count = 0;
    bool told = filters_list(filters_windows_engine(), &list, count, &report) == FILTERS_DONE;
    free(list);
    return told;
}

static size_t count_filter_rules(const char *path)
{
    struct compiled_policy compiled;
    size_t count = 0;
    if (compiled_policy_load(path, false, &compiled) == COMPILED_POLICY_GOOD) {
        for (size_t i = 0; i < compiled.policy->rule_count; i++) {
            count += compiled.policy->rules[i].target != TARGET_FIREWALL;
        }
    }
    compiled_policy_free(&compiled);
    return count;
}

void check_filters(const struct doctor *doctor, struct finding *finding)
{
    size_t rules = count_filter_rules(doctor->policy);
    size_t count = doctor->filters;
    bool told = doctor->filters_told;
    if (!rules) {
        finding_set(finding, FINDING_GOOD, "", "the policy has no rules for native RPC filters");
    } else if (!told) {
        finding_set(finding, FINDING_GAP,
                    "give the rules the prefix fw: where agents can enforce "
                    "them",
                    "%llu rules are for native RPC filters, which this Windows does not have",
                    (unsigned long long)rules);
    } else if (!count) {
        finding_set(finding, FINDING_GAP, "rpcFwManager start flt",
                    "%llu rules are for native RPC filters, and none is in force",
                    (unsigned long long)rules);
    } else {
        finding_set(finding, FINDING_GOOD, "", "%llu native RPC filters are in force",
                    (unsigned long long)count);
    }
}

/* [ntsecapi.h] AuditQuerySystemPolicy, which not every Windows exports. */
struct audit_information {
    GUID subcategory;
    ULONG information; /* 1 success, 2 failure */
    GUID category;
};

typedef BOOLEAN(WINAPI *audit_query)(const GUID *subcategories, ULONG count,
                                     struct audit_information **information);
typedef void(WINAPI *audit_free)(void *buffer);

void check_audit_policy(const struct doctor *doctor, struct finding *finding)
{
    /* "RPC Events" of Detailed Tracking. */
    static const GUID rpc_events = {
        0x0cce922e, 0x69ae, 0x11d9, {0xbe, 0xd3, 0x50, 0x50, 0x54, 0x50, 0x30, 0x30}};
    HMODULE module = GetModuleHandleW(L"advapi32.dll");
    audit_query query =
        module ? (audit_query)(void (*)(void))GetProcAddress(module, "AuditQuerySystemPolicy")
               : NULL;
    audit_free release =
        module ? (audit_free)(void (*)(void))GetProcAddress(module, "AuditFree") : NULL;
    struct audit_information *information = NULL;
    if (!query || !release || !query(&rpc_events, 1, &information) || !information) {
        finding_set(finding, FINDING_UNKNOWN, "", "whether RPC events are audited cannot be told");
        return;
    }
    bool on = (information->information & 3) == 3;
    release(information);
    if (!on && doctor->filters) {
        finding_set(finding, FINDING_GAP,
                    "auditpol /set /subcategory:{0cce922e-69ae-11d9-bed3-505054503030} "
                    "/success:enable /failure:enable",
                    "native RPC filters are in force, but what they record is not written: the "
                    "audit subcategory \"RPC Events\" is off");
    } else {
        finding_set(finding, FINDING_GOOD, "",
                    on ? "the audit subcategory \"RPC Events\" is on"
                       : "the audit subcategory \"RPC Events\" is off, and no filter needs it");
    }
}
