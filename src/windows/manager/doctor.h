/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can leave a gap in the protection of this host, looked for one by one: each check is one
 * function and one row of the table in doctor.c, each finding comes with its mend. Changes nothing.
 * Called by the verb, on the main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_DOCTOR_H
#define RPCFW_WINDOWS_MANAGER_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "windows/manager/admission.h"
#include "windows/manager/installation_record.h"
#include "windows/manager/listening_ports.h"
#include "windows/manager/process_snapshot.h"
#include "windows/manager/service/service_summary.h"

enum finding_kind {
    FINDING_GOOD,
    FINDING_UNKNOWN, /* this Windows does not tell */
    FINDING_NOTE,    /* no gap, but worth knowing */
    FINDING_GAP,
};

struct finding {
    enum finding_kind kind;
    char what[600];
    char mend[400]; /* a command or a setting; empty: nothing to mend */
};

/* What is asked once and used by several checks. */
struct doctor {
    struct service_summary service;
    struct process_snapshot processes;
    bool has_record;
    struct installation_record record;
    char policy[UTF8_PATH_SIZE];
    wchar_t agent_path[MAX_PATH]; /* the installed one */
    struct listening_ports ports;
    size_t filters;    /* native RPC filters of ours that are in force */
    bool filters_told; /* this Windows has an engine for them, and it answers */
    const struct admission_functions *admission;
};

struct doctor_check {
    const char *name; /* one word, stable: for --json */
    void (*check)(const struct doctor *doctor, struct finding *finding);
};

extern const struct doctor_check doctor_checks[];
extern const size_t doctor_check_count;

/* False: GetLastError(). */
bool doctor_prepare(struct doctor *doctor);
void doctor_free(struct doctor *doctor);

/* Writes a finding; for the checks. */
void finding_set(struct finding *finding, enum finding_kind kind, const char *mend,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* How many native RPC filters of ours are in force; false: this Windows has no engine for them, or
 * it does not answer. */
bool doctor_count_filters(size_t *count);

/* The checks of doctor_processes.c. */
void check_agents(const struct doctor *doctor, struct finding *finding);
void check_foreign_agents(const struct doctor *doctor, struct finding *finding);
void check_protected(const struct doctor *doctor, struct finding *finding);
void check_signature(const struct doctor *doctor, struct finding *finding);
void check_dynamic_code(const struct doctor *doctor, struct finding *finding);
void check_architecture(const struct doctor *doctor, struct finding *finding);
void check_accounts(const struct doctor *doctor, struct finding *finding);

/* The checks of doctor_host.c: what the system has switched on. */
void check_asr_rules(const struct doctor *doctor, struct finding *finding);
void check_lsa_protection(const struct doctor *doctor, struct finding *finding);
void check_event_log(const struct doctor *doctor, struct finding *finding);
void check_audit_policy(const struct doctor *doctor, struct finding *finding);
void check_filters(const struct doctor *doctor, struct finding *finding);

#endif
