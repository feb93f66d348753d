/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of doctor.h that look at the processes, one by one. */
#include "windows/manager/doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "windows/manager/active_policy.h"
#include "windows/manager/protection_present.h"

#define NAMES_SHOWN 8

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

static enum admission admission_of(const struct doctor *doctor, DWORD pid)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
    if (!process) {
        process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    }
    if (!process) {
        return ADMISSION_ENDING;
    }
    enum admission admission = admission_check(doctor->admission, process);
    CloseHandle(process);
    return admission;
}

/*
 * A process that no agent can enter is a gap only if other machines are known to reach it and no
 * native filter stands in. Every Windows has some that serve nothing, or pipes alone: nobody can
 * tell whose a pipe is, so these are told of and not counted.
 */
static void check_admission(const struct doctor *doctor, struct finding *finding,
                            enum admission wanted, const char *good)
{
    struct name_list reached = {0};
    struct name_list others = {0};
    for (size_t i = 0; i < doctor->processes.count; i++) {
        const struct process_fact *fact = &doctor->processes.facts[i];
        if (fact->pid > 4 && admission_of(doctor, fact->pid) == wanted) {
            add_name(listening_ports_remote(&doctor->ports, fact->pid) ? &reached : &others, fact);
        }
    }
    if (reached.count && !doctor->filters) {
        finding_set(finding, FINDING_GAP, admission_remedy(wanted),
                    "%u that listen for TCP: %s%s: %s", reached.count, reached.text, more(&reached),
                    admission_reason(wanted));
    } else if (reached.count) {
        finding_set(finding, FINDING_NOTE, "",
                    "%u that listen for TCP: %s%s: %s; %llu native RPC filters stand in, as far as "
                    "rules have the prefix flt: or all:",
                    reached.count, reached.text, more(&reached), admission_reason(wanted),
                    (unsigned long long)doctor->filters);
    } else if (others.count) {
        finding_set(finding, FINDING_NOTE, "",
                    "%u that do not listen for TCP: %s%s: %s; whether they serve named pipes "
                    "cannot be told",
                    others.count, others.text, more(&others), admission_reason(wanted));
    } else {
        finding_set(finding, FINDING_GOOD, "", "%s", good);
    }
}

void check_protected(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_PROTECTED, "no process is a protected one (PPL)");
}

void check_signature(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_SIGNATURE,
                    "no process keeps out DLLs that Microsoft has not signed");
}

void check_dynamic_code(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_DYNAMIC_CODE,
                    "no process forbids changes of its code");
}

void check_architecture(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_ARCHITECTURE, "no process is a 32-bit one");
}

void check_accounts(const struct doctor *doctor, struct finding *finding)
{
    check_admission(doctor, finding, ADMISSION_ACCOUNT,
                    "no process is known to run under an account that may not read the policy");
}

/* Another program's DLL of our name protects nothing. */
void check_foreign_agents(const struct doctor *doctor, struct finding *finding)
{
    struct name_list list = {0};
    char reason[PROTECTION_REASON_SIZE] = "";
    for (size_t i = 0; i < doctor->processes.count; i++) {
        const struct process_fact *fact = &doctor->processes.facts[i];
        struct protection_result result;
        protection_inspect(doctor->agent_path, fact->pid, &result);
        if (result.foreign) {
            add_name(&list, fact);
            memcpy(reason, result.reason, sizeof(reason));
        }
    }
    if (list.count) {
        finding_set(finding, FINDING_GAP,
                    "find out who put that DLL there, remove it and restart these processes",
                    "%s%s: a DLL of the agent's name is loaded that is %.200s", list.text,
                    more(&list), reason);
    } else {
        finding_set(finding, FINDING_GOOD, "",
                    "no DLL of the agent's name is loaded that is not ours");
    }
}

/* Agents that are not what this manager would put there. */
void check_agents(const struct doctor *doctor, struct finding *finding)
{
    struct name_list other = {0};
    struct name_list behind = {0};
    uint64_t generation = active_policy_generation();
    uint64_t dropped = 0;
    for (size_t i = 0; i < doctor->processes.count; i++) {
        const struct process_fact *fact = &doctor->processes.facts[i];
        struct protection_result result;
        protection_inspect(doctor->agent_path, fact->pid, &result);
        if (result.foreign) {
            continue; /* check_foreign_agents() */
        }
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
                    "the agent is of another release, or cannot be read, in %s%s", other.text,
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
