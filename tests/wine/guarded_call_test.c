/* SPDX-License-Identifier: Apache-2.0 */
/* The guard around functions of others: arguments, results, exceptions. One line per check. */
#include <stdio.h>
#include <windows.h>

#include "windows/agent/rpc/guarded_call.h"
#include "wine_check.h"

static uint64_t WINAPI weigh(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                             uint64_t g, uint64_t h)
{
    return a + 10 * (b + 10 * (c + 10 * (d + 10 * (e + 10 * (f + 10 * (g + 10 * h))))));
}

static void WINAPI crash(volatile int *nowhere)
{
    *nowhere = 1;
}

static void WINAPI raise_code(DWORD code)
{
    RaiseException(code, 0, 0, NULL);
}

int main(void)
{
    const uint64_t digits[GUARDED_ARGUMENTS] = {1, 2, 3, 4, 5, 6, 7, 8};
    const uint64_t nothing[GUARDED_ARGUMENTS] = {0};
    const uint64_t rpc_error[GUARDED_ARGUMENTS] = {0x6BE};
    bool raised = true;
    check(guarded_call((guarded_function *)weigh, digits, &raised) == 87654321 && !raised,
          "the guard passes arguments and result");
    check(guarded_call((guarded_function *)crash, nothing, &raised) == 0 && raised,
          "the guard catches an access violation");
    bool all = true;
    for (int i = 0; i < 10000; i++) {
        all = all && guarded_call((guarded_function *)raise_code, rpc_error, &raised) == 0;
        all = all && raised;
    }
    check(all, "the guard catches ten thousand raises");
    return failures ? 1 : 0;
}
