/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `rpcfw doctor` looks at: a table of checks, each a function that adds what it found.
 *
 * Checks read and change nothing. A finding says what is wrong and the command that mends it.
 */
#ifndef RPCFW_SAMBA_MANAGER_DOCTOR_H
#define RPCFW_SAMBA_MANAGER_DOCTOR_H

#include "samba/manager/host_status.h"

enum finding_level {
    FINDING_GOOD,
    FINDING_WARNING, /* it works, but not as it should or not for long */
    FINDING_FAULT,   /* calls pass unseen, or what was seen is lost */
};

struct finding {
    const char *check;
    enum finding_level level;
    char text[PROTECTION_REASON_SIZE + 256];
    char mend[512]; /* a command or what to do; "" when nothing is to be done */
};

struct examination {
    const struct host_status *status;
    const char *agent_path; /* "": there is none */
    const char *check;      /* whose findings are being added */
    struct finding *findings;
    size_t count;
    bool out_of_memory;
};

struct doctor_check {
    const char *name;
    void (*run)(struct examination *examination);
};

/* Ends with a row whose name is NULL. */
extern const struct doctor_check doctor_checks[];

/* `mend` NULL: nothing is to be done. */
void doctor_add(struct examination *examination, enum finding_level level, const char *mend,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
