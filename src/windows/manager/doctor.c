/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/active_policy.h"
#include "windows/manager/admission.h"
#include "windows/manager/compiled_policy.h"
#include "windows/manager/file_access.h"
#include "windows/manager/installation.h"
#include "windows/manager/policy_file.h"
#include "windows/manager/protection.h"

#define NAMES_SHOWN 8

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
    } else {
        finding_set(finding, FINDING_GOOD, "",
                    "%" PRIu32 " processes are no servers so far and are watched; %" PRIu64
                    " were protected since the service started, %" PRIu32 " ms after their start "
                    "at most",
                    service->status.waiting, service->status.added, service->status.delay_max_ms);
    }
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

/* ---- Processes ---- */

/* Collects the names of the processes that a check is about. */
struct name_list {
    unsigned count;
    char text[400];
};

static void add_name(struct name_list *list, const struct process_fact *fact)
{
    char name[UTF8_PATH_SIZE];
    size_t used = strlen(list->text);
    process_fact_name(fact, name);
    if (list->count++ < NAMES_SHOWN) {
        snprintf(list->text + used, sizeof(list->text) - used, "%s%.40s (%lu)", used ? ", " : "",
                 name, fact->pid);
    }
}

static const char *more(const struct name_list *list)
{
    return list->count > NAMES_SHOWN ? " and others" : "";
}

static enum admission admission_of(DWORD pid)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
    if (!process) {
        process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    }
    if (!process) {
        return ADMISSION_ENDING;
    }
    enum admission admission = admission_check(admission_system(), process);
    CloseHandle(process);
    return admission;
}

static void check_admission(const struct doctor *doctor, struct finding *finding,
                            enum admission wanted, const char *good)
{
    struct name_list list = {0};
    for (size_t i = 0; i < doctor->processes.count; i++) {
        const struct process_fact *fact = &doctor->processes.facts[i];
        if (fact->pid > 4 && admission_of(fact->pid) == wanted) {
            add_name(&list, fact);
        }
    }
    if (list.count) {
        finding_set(finding, FINDING_GAP, admission_remedy(wanted), "%u: %s%s: %s", list.count,
                    list.text, more(&list), admission_reason(wanted));
    } else {
        finding_set(finding, FINDING_GOOD, "", "%s", good);
    }
}

static void check_protected(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_PROTECTED, "no process is a protected one (PPL)");
}

static void check_signature(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_SIGNATURE,
                    "no process keeps out DLLs that Microsoft has not signed");
}

static void check_dynamic_code(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_DYNAMIC_CODE,
                    "no process forbids changes of its code");
}

static void check_architecture(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_ARCHITECTURE, "no process is a 32-bit one");
}

/* Agents that are not what this manager would put there. */
static void check_agents(const struct doctor *doctor, struct finding *finding)
{
    struct name_list other = {0};
    struct name_list behind = {0};
    uint64_t generation = active_policy_generation();
    uint64_t dropped = 0;
    for (size_t i = 0; i < doctor->processes.count; i++) {
        const struct process_fact *fact = &doctor->processes.facts[i];
        struct protection_result result;
        protection_inspect(fact->pid, &result);
        if (result.outcome == PROTECTION_REFUSED ||
            (result.outcome == PROTECTION_PRESENT &&
             strcmp(result.status.release, RPCFW_VERSION) != 0)) {
            add_name(&other, fact);
        } else if (result.outcome == PROTECTION_PRESENT && result.status.state == AGENT_PROTECTED) {
            dropped += result.status.dropped;
            if (result.status.generation < generation) {
                add_name(&behind, fact);
            }
        }
    }
    if (other.count) {
        finding_set(finding, FINDING_GAP, "restart these processes",
                    "the agent is of another release, or not ours, in %s%s", other.text,
                    more(&other));
    } else if (behind.count) {
        finding_set(finding, FINDING_NOTE, "rpcFwManager update",
                    "an older policy is in force until the next call in %s%s", behind.text,
                    more(&behind));
    } else if (dropped) {
        finding_set(finding, FINDING_GAP, "audit fewer calls, or a faster disk",
                    "%" PRIu64 " events were lost; the calls were judged all the same", dropped);
    } else {
        finding_set(finding, FINDING_GOOD, "", "all agents are of this release, none lost events");
    }
}

const struct doctor_check doctor_checks[] = {
    {"installation", check_installation},
    {"service", check_service},
    {"policy", check_policy},
    {"policy-in-force", check_in_force},
    {"policy-writers", check_writers},
    {"late-servers", check_late_registration},
    {"agents", check_agents},
    {"protected-processes", check_protected},
    {"lsa-protection", check_lsa_protection},
    {"asr-rules", check_asr_rules},
    {"signing-policies", check_signature},
    {"code-guard", check_dynamic_code},
    {"32-bit", check_architecture},
    {"filters", check_filters},
    {"audit-policy", check_audit_policy},
    {"event-log", check_event_log},
};

const size_t doctor_check_count = sizeof(doctor_checks) / sizeof(doctor_checks[0]);

bool doctor_prepare(struct doctor *doctor)
{
    *doctor = (struct doctor){0};
    service_summary_take(&doctor->service);
    doctor->has_record = installation_record_read(&doctor->record) == ERROR_SUCCESS;
    /* The file of this host: what the service reads. */
    bool named = doctor->has_record && doctor->record.policy[0]
                     ? utf8_from_wide(doctor->record.policy, doctor->policy, UTF8_PATH_SIZE)
                     : policy_file_path(NULL, doctor->policy);
    return named && process_snapshot_take(&doctor->processes);
}

void doctor_free(struct doctor *doctor)
{
    process_snapshot_free(&doctor->processes);
}
