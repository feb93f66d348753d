/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager as a service: what the service control manager starts as `rpcFwManager.exe service`.
 */
#ifndef RPCFW_WINDOWS_MANAGER_SERVICE_MAIN_H
#define RPCFW_WINDOWS_MANAGER_SERVICE_MAIN_H

#include "cli/cli.h"

/* Hands the process to the service control manager until the service ends. CLI_ERROR, and a
 * message, when it was not the service control manager that started this process. */
int verb_service(const struct cli_verb *verb, int argc, char **argv);

#endif
