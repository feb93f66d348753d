/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the account of a process may read the policy in force.
 *
 * An agent maps the policy's sections with the token of the process that it is in, so in a program
 * of an ordinary user it can only leave again. Asked before anything is brought into a process: a
 * program that nobody can protect is then not entered at all, and cannot hold the manager up
 * either. Any thread; no state.
 */
#ifndef RPCFW_WINDOWS_MANAGER_POLICY_ACCESS_H
#define RPCFW_WINDOWS_MANAGER_POLICY_ACCESS_H

#include <windows.h>

enum policy_access {
    POLICY_ACCESS_ALLOWED,
    POLICY_ACCESS_DENIED,
    POLICY_ACCESS_UNKNOWN, /* the token may not be asked, or does not answer: GetLastError() */
};

/* By the token of the process and the access list of the sections (policy_section_sddl). The handle
 * needs PROCESS_QUERY_LIMITED_INFORMATION. */
enum policy_access policy_access_of(HANDLE process);

#endif
