/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/active_policy.h"
#include "windows/manager/compiled_policy.h"
#include "windows/manager/file_access.h"
#include "windows/manager/installation.h"
#include "windows/manager/policy_file.h"

void finding_set(struct finding *finding, enum finding_kind kind, const char *mend,
                 const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    finding->kind = kind;
    vsnprintf(finding->what, sizeof(finding->what), format, arguments);
    va_end(arguments);
    snprintf(finding->mend, sizeof(finding->mend), "%s", mend);
}

/* ---- Installation, service, policy ---- */

static void check_installation(const struct doctor *doctor, struct finding *finding)
{
    switch (installation_check()) {
    case INSTALLATION_GOOD:
        finding_set(finding, FINDING_GOOD, "",
                    "release " RPCFW_VERSION " is installed, its files "
                    "are as they were put there");
        break;
    case INSTALLATION_ABSENT:
        finding_set(finding, FINDING_GAP, "rpcFwManager install", "it is not installed");
        break;
    case INSTALLATION_OTHER_RELEASE:
        finding_set(finding, FINDING_GAP, "rpcFwManager unprotect, then rpcFwManager install",
                    "the DLL in System32 is of release %ls, this manager of " RPCFW_VERSION,
                    doctor->record.release);
        break;
    default:
        finding_set(finding, FINDING_GAP, "rpcFwManager install",
                    "an installed file is missing or was replaced");
        break;
    }
}

static void check_service(const struct doctor *doctor, struct finding *finding)
{
    const struct service_report *report = &doctor->service.report;
    if (!doctor->service.known || !report->exists) {
        finding_set(finding, FINDING_GAP, "rpcFwManager install",
                    "there is no service: nothing protects at the start of the machine");
    } else if (report->dead || report->state != SERVICE_RUNNING) {
        finding_set(finding, FINDING_GAP, "rpcFwManager start",
                    "the service %s (last exit code %lu): processes that start now are not "
                    "protected",
                    report->dead ? "died" : "does not run", report->exit_code);
    } else if (report->start_type != SERVICE_AUTO_START) {
        finding_set(finding, FINDING_GAP, "sc config \"RPC Firewall\" start= auto",
                    "the service runs, but does not start with the machine");
    } else if (report->image[0] != L'"') {
        finding_set(finding, FINDING_GAP, "rpcFwManager install",
                    "the path of the service is not in quotes");
    } else {
        finding_set(finding, FINDING_GOOD, "", "the service runs and starts with the machine");
    }
}

static void check_late_registration(const struct doctor *doctor, struct finding *finding)
{
    const struct service_summary *service = &doctor->service;
    if (!service->told) {
        finding_set(finding, FINDING_GAP, "rpcFwManager start",
                    "servers that begin to listen after \"pid\" or \"process\" are not protected "
                    "while the service does not run");
        return;
    }
    char delay[80] = "how long after their start was not measured: none of them started since";
    if (service->status.delays) {
        snprintf(delay, sizeof(delay), "%" PRIu32 " ms after their start at most",
                 service->status.delay_max_ms);
    }
    finding_set(finding, FINDING_GOOD, "",
                "%" PRIu32 " processes are no servers so far and are watched; %" PRIu64
                " were protected since the service started, %s",
                service->status.waiting, service->status.added, delay);
}

static void check_policy(const struct doctor *doctor, struct finding *finding)
{
    struct compiled_policy compiled;
    char mend[sizeof(finding->mend)];
    snprintf(mend, sizeof(mend), "rpcFwManager check \"%.300s\"", doctor->policy);
    switch (compiled_policy_load(doctor->policy, false, &compiled)) {
    case COMPILED_POLICY_GOOD:
        finding_set(finding, FINDING_GOOD, "", "%s has no errors", doctor->policy);
        break;
    case COMPILED_POLICY_ERRORS:
        finding_set(finding, FINDING_GAP, mend,
                    "%.400s has %llu errors: it is not in force, what was stays", doctor->policy,
                    (unsigned long long)compiled.policy->diagnostics.errors);
        break;
    default:
        finding_set(finding, FINDING_GAP, mend, "%s cannot be read", doctor->policy);
        break;
    }
    compiled_policy_free(&compiled);
}

static void check_in_force(const struct doctor *doctor, struct finding *finding)
{
    const struct service_summary *service = &doctor->service;
    uint64_t generation = active_policy_generation();
    if (generation && service->told && service->status.policy_error[0]) {
        finding_set(finding, FINDING_GAP, "rpcFwManager check, then rpcFwManager update",
                    "the service could not put the policy file in force, generation %" PRIu64
                    " stays: %.300s",
                    generation, service->status.policy_error);
    } else if (generation) {
        finding_set(finding, FINDING_GOOD, "", "policy generation %" PRIu64 " is in force",
                    generation);
    } else {
        finding_set(finding, FINDING_GAP, "rpcFwManager start", "no policy is in force");
    }
}

#define WRITERS_MEND                                                                               \
    "icacls FILE /inheritance:r /grant *S-1-5-18:F *S-1-5-32-544:F, and keep it in a folder like " \
    "Program Files"

/* True when the answer is not that administrators alone may change it; the finding is written then.
 */
static bool note_writer(const wchar_t *path, enum file_access_kind kind, const char *shown,
                        struct finding *finding)
{
    char name[200];
    union file_access_sid who;
    bool foreign = false;
    const char *what = kind == FILE_ACCESS_FOLDER ? "files in the folder of " : "";
    DWORD error = file_access_check(path, kind, &foreign, &who);
    if (error) {
        finding_set(finding, FINDING_UNKNOWN, "",
                    "who may change %s%.250s cannot be told: error %lu", what, shown, error);
    } else if (foreign) {
        finding_set(finding, FINDING_GAP, WRITERS_MEND, "%s%.250s may be changed by %s", what,
                    shown, file_access_name(&who, name, sizeof(name)));
    }
    return error || foreign;
}

/* The same for a file and its folder. */
static bool note_writers(const char *file, struct finding *finding)
{
    wchar_t wide[MAX_PATH];
    wchar_t path[MAX_PATH];
    DWORD length =
        wide_from_utf8(file, wide, MAX_PATH) ? GetFullPathNameW(wide, MAX_PATH, path, NULL) : 0;
    if (!length || length >= MAX_PATH) {
        finding_set(finding, FINDING_UNKNOWN, "", "the path of %.250s is too long", file);
        return true;
    }
    if (note_writer(path, FILE_ACCESS_FILE, file, finding)) {
        return true;
    }
    wchar_t *slash = wcsrchr(path, L'\\');
    if (slash) {
        slash[1] = L'\0';
    }
    return note_writer(path, FILE_ACCESS_FOLDER, file, finding);
}

/* The policy file and what it includes. */
static void check_writers(const struct doctor *doctor, struct finding *finding)
{
    struct compiled_policy compiled;
    compiled_policy_load(doctor->policy, false, &compiled);
    bool noted = note_writers(doctor->policy, finding);
    for (size_t i = 1; compiled.policy && i < compiled.policy->source_count && !noted; i++) {
        noted = note_writers(compiled.policy->sources[i].path, finding);
    }
    if (!noted) {
        finding_set(finding, FINDING_GOOD, "", "only administrators may change the policy");
    }
    compiled_policy_free(&compiled);
}

const struct doctor_check doctor_checks[] = {
    {"installation", check_installation},
    {"service", check_service},
    {"policy", check_policy},
    {"policy-in-force", check_in_force},
    {"policy-writers", check_writers},
    {"late-servers", check_late_registration},
    {"agents", check_agents},
    {"foreign-agents", check_foreign_agents},
    {"protected-processes", check_protected},
    {"lsa-protection", check_lsa_protection},
    {"asr-rules", check_asr_rules},
    {"signing-policies", check_signature},
    {"code-guard", check_dynamic_code},
    {"32-bit", check_architecture},
    {"accounts", check_accounts},
    {"filters", check_filters},
    {"audit-policy", check_audit_policy},
    {"event-log", check_event_log},
};

const size_t doctor_check_count = sizeof(doctor_checks) / sizeof(doctor_checks[0]);

bool doctor_prepare(struct doctor *doctor)
{
    *doctor = (struct doctor){.admission = admission_system()};
    service_summary_take(&doctor->service);
    installed_file_path(INSTALLED_AGENT, doctor->agent_path);
    doctor->has_record = installation_record_read(&doctor->record) == ERROR_SUCCESS;
    doctor->filters_told = doctor_count_filters(&doctor->filters);
    listening_ports_take(&doctor->ports);
    /* The file of this host: what the service reads. */
    bool named = doctor->has_record && doctor->record.policy[0]
                     ? utf8_from_wide(doctor->record.policy, doctor->policy, UTF8_PATH_SIZE)
                     : policy_file_path(NULL, doctor->policy);
    return named && process_snapshot_take(&doctor->processes);
}

void doctor_free(struct doctor *doctor)
{
    process_snapshot_free(&doctor->processes);
    listening_ports_free(&doctor->ports);
}
