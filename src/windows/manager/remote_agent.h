/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent inside another process: its exports, its status, its two routines.
 *
 * Everything is read from the image that is loaded there, not from the file on disk, which may have
 * been replaced since. All of it is the other process' memory and may hold anything: every number
 * is checked, and nothing but the fields of struct agent_status is believed. Called by the
 * protection code, which holds the manager mutex when it runs a routine, so that the agent cannot
 * be on its way out while a thread is started in it.
 */
#ifndef RPCFW_WINDOWS_MANAGER_REMOTE_AGENT_H
#define RPCFW_WINDOWS_MANAGER_REMOTE_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

#include "windows/agent_server.h"
#include "windows/agent_status.h"

/* The rights on the process that reading an agent's status needs. */
#define REMOTE_AGENT_READ_ACCESS (PROCESS_QUERY_INFORMATION | PROCESS_VM_READ)

struct remote_agent {
    HANDLE process; /* the caller's */
    uintptr_t status;
    uintptr_t stop;
    uintptr_t refresh;
    uintptr_t server; /* 0: this agent does not tell */
};

enum remote_agent_error {
    REMOTE_AGENT_OK,
    REMOTE_AGENT_GONE,    /* the memory cannot be read: the DLL was unloaded or the process ended */
    REMOTE_AGENT_FOREIGN, /* a DLL of that name without our exports or our magic */
    REMOTE_AGENT_VERSION, /* an agent whose status has another layout: a release that we do not know
                           */
};

/* Finds the exports of the DLL that is loaded at base. The process needs REMOTE_AGENT_READ_ACCESS.
 */
enum remote_agent_error remote_agent_attach(HANDLE process, uintptr_t base, size_t image_size,
                                            struct remote_agent *agent);

/* Copies the status; its texts are zero-terminated printable ASCII afterwards. */
enum remote_agent_error remote_agent_read(const struct remote_agent *agent,
                                          struct agent_status *status);

/* Copies what it knows of the server; every number in it is within its bounds then, every text ends
 * and is printable ASCII. False: it does not tell. */
bool remote_agent_read_server(const struct remote_agent *agent, struct agent_server *server);

/*
 * Runs one of the agent's routines in its process and waits at most `timeout_ms` for the exit code;
 * false: GetLastError(), WAIT_TIMEOUT when the routine still runs. The process needs
 * INJECTION_ACCESS.
 */
bool remote_agent_run(const struct remote_agent *agent, uintptr_t routine, DWORD timeout_ms,
                      DWORD *exit_code);

/* Why an agent did not take the newest policy; NULL: its answer is none that is known here. */
const char *remote_agent_refresh_failure(DWORD code);

#endif
