/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the service is, for verbs that show it: what the service control manager knows and what the
 * service tells (service_status.h). Main thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_SUMMARY_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_SUMMARY_H

#include "windows/manager/service/service_control.h"
#include "windows/manager/service/service_status.h"

struct service_summary {
    bool known; /* the service control manager has answered */
    struct service_report report;
    bool told; /* `status` is what the service says */
    struct service_status status;
    const char *why; /* it does not tell; NULL: it does not run */
};

void service_summary_take(struct service_summary *summary);

/* Lines on stdout. */
void service_summary_text(const struct service_summary *summary);

/* A JSON object on stdout. */
void service_summary_json(const struct service_summary *summary);

/* What processes wait on average from their start, or from when they begin to listen, to their
 * protection; 0: nothing measured. */
uint64_t service_status_mean_delay(const struct service_status *status);

#endif
