/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the service did not begin: the service-specific exit code that it ends with, for whoever
 * started it, and for its event 11. Numbers and words: any thread.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_FAILURE_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_FAILURE_H

#include <windows.h>

enum service_failure {
    SERVICE_FAILURE_NONE,
    SERVICE_FAILURE_FOLDER,       /* System32 cannot be named */
    SERVICE_FAILURE_INSTALLATION, /* the installed files are not those of this release */
    SERVICE_FAILURE_POLICY_NAME,  /* the policy file cannot be named */
    SERVICE_FAILURE_MUTEX,        /* the manager's mutex cannot be had */
    SERVICE_FAILURE_BUSY,         /* another manager holds it for too long */
    SERVICE_FAILURE_SECTION,      /* and above: this and an enum policy_section_error */
};

/* Never NULL. */
const char *service_failure_text(DWORD failure);

/* What service_start() has returned, in words; NULL: an error of the system. */
const char *service_start_failure(DWORD error);

#endif
