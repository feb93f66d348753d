/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rounds.exe PID ROUNDS [PAUSE_MS]
 *
 * Protects and unprotects one process again and again from one process, so that Wine's start-up
 * does not dominate. A policy must be in force: the test keeps another process protected meanwhile.
 * Prints a line for each round that did not go as it should and at the end "rounds=N bad=N".
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "windows/agent_status.h"
#include "windows/manager/protection_present.h"
#include "windows/policy_section.h"

#define LOCK_MS        10000
#define LEFT_MS        5000
#define DEFAULT_PAUSE  10
#define REPORTED_ROUND 50

static bool protect(unsigned long round, DWORD pid, const wchar_t *dll)
{
    struct protection_result result = {0};
    HANDLE lock = policy_manager_lock(LOCK_MS);
    if (!lock) {
        printf("round %lu: no manager lock: %lu\n", round, GetLastError());
        return false;
    }
    protection_add(dll, pid, &result);
    policy_manager_unlock(lock);
    if (result.outcome == PROTECTION_ADDED && result.status.state == AGENT_PROTECTED)
        return true;
    printf("round %lu: protect: outcome %d state %lu: %s\n", round, result.outcome,
           (unsigned long)result.status.state, result.reason);
    return false;
}

static bool unprotect(unsigned long round, DWORD pid, const wchar_t *dll)
{
    struct protection_result result = {0};
    HANDLE lock = policy_manager_lock(LOCK_MS);
    if (!lock) {
        printf("round %lu: no manager lock: %lu\n", round, GetLastError());
        return false;
    }
    protection_remove(dll, pid, &result);
    bool left = protection_confirm_left(pid, &result, LEFT_MS) && !protection_has_agent(pid);
    policy_manager_unlock(lock);
    if (left && (result.outcome == PROTECTION_REMOVED || result.outcome == PROTECTION_DRAINING))
        return true;
    printf("round %lu: unprotect: outcome %d, %s: %s\n", round, result.outcome,
           left ? "gone" : "still there", result.reason);
    return false;
}

int main(int argc, char **argv)
{
    wchar_t dll[MAX_PATH + sizeof AGENT_DLL_NAME];
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: rounds PID ROUNDS [PAUSE_MS]\n");
        return 2;
    }
    DWORD pid = (DWORD)strtoul(argv[1], NULL, 10);
    unsigned long rounds = strtoul(argv[2], NULL, 10);
    DWORD pause_ms = argc == 4 ? (DWORD)strtoul(argv[3], NULL, 10) : DEFAULT_PAUSE;
    unsigned long bad = 0;

    UINT length = GetSystemDirectoryW(dll, MAX_PATH);
    if (length == 0 || length >= MAX_PATH)
        return 2;
    swprintf(dll + length, sizeof dll / sizeof dll[0] - length, L"\\%ls", AGENT_DLL_NAME);

    for (unsigned long round = 1; round <= rounds; round++) {
        bool protected = protect(round, pid, dll);
        Sleep(pause_ms);
        bool unprotected = unprotect(round, pid, dll);
        Sleep(pause_ms);
        bad += !protected || !unprotected;
        if (round % REPORTED_ROUND == 0) {
            printf("round %lu\n", round);
            fflush(stdout);
        }
    }
    printf("rounds=%lu bad=%lu\n", rounds, bad);
    return bad ? 1 : 0;
}
