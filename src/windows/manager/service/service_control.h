/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service "RPC Firewall" as the service control manager knows it: makes it, configures it,
 * starts and stops it, asks how it is, removes it.
 *
 * Called by the verbs, on the main thread. What the service does is in service_main.h and below.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_CONTROL_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

#include "windows/manager/service/service_settings.h"

#define SERVICE_NAME L"RPC Firewall"

/* What the service is started with behind its path. */
#define SERVICE_VERB L"service"

/*
 * Makes the service, or brings the one of that name to what it is to be: own process, automatic
 * start, the account of the system, the program at `path` in quotes. A Win32 error; *missing then
 * has a bit for each enum service_setting that this system does not take.
 */
DWORD service_install(const wchar_t *path, unsigned *missing);

/* ERROR_SUCCESS also when there is none. A running service is to be stopped first. */
DWORD service_remove(void);

struct service_report {
    bool exists;
    DWORD state; /* SERVICE_RUNNING, … */
    DWORD pid;   /* 0: it does not run */
    bool dead;   /* it is said to run, but its process has ended */
    DWORD exit_code;
    DWORD failure;                /* why it ended by itself: enum service_failure, 0: it did not */
    DWORD start_type;             /* SERVICE_AUTO_START, … */
    wchar_t image[MAX_PATH + 32]; /* the command line it is started with */
};

/* False: GetLastError(). A service that does not exist is no error. */
bool service_query(struct service_report *report);

/* Starts it and waits until it runs. A Win32 error: ERROR_SERVICE_ALREADY_RUNNING,
 * ERROR_SERVICE_DOES_NOT_EXIST, WAIT_TIMEOUT, its own exit code, … */
DWORD service_start(DWORD timeout_ms);

/* Has it stop and waits until it has. ERROR_SERVICE_NOT_ACTIVE when it does not run. */
DWORD service_stop(DWORD timeout_ms);

/* "running", "stopped", … */
const char *service_state_name(DWORD state);

#endif
