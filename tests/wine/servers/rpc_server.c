/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_server.exe [--tcp PORT] [--np PIPE] [--lrpc NAME] [--delay MS] [--threads N]
 *
 * Serves the interfaces demo, other, asynchronous and drsuapi (a stand-in) on the given endpoints,
 * after the delay, and prints STARTED pid=N at once and READY pid=N when calls can come in. Without
 * an endpoint it loads the runtime and listens nowhere. Requests on stdin: control.h; it ends when
 * its stdin does.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <rpc.h>
#include <rpcasync.h>

#include "control.h"
#include "demo.h"
#include "drsuapi.h"
#include "asynchronous.h"
#include "other.h"

#define DEFAULT_THREADS 4

struct settings {
    const char *tcp;
    const char *np;
    const char *lrpc;
    DWORD delay_ms;
    unsigned threads;
};

static volatile LONG served;

void *__RPC_USER MIDL_user_allocate(SIZE_T size)
{
    return malloc(size);
}

void __RPC_USER MIDL_user_free(void *memory)
{
    free(memory);
}

LONG __cdecl demo_add(LONG a, LONG b)
{
    InterlockedIncrement(&served);
    return (LONG)((ULONG)a + (ULONG)b);
}

void __cdecl demo_invert(ULONG size, const byte *in, byte *out)
{
    InterlockedIncrement(&served);
    for (ULONG i = 0; i < size; i++)
        out[i] = (byte)~in[i];
}

ULONG __cdecl demo_sleep(ULONG milliseconds)
{
    InterlockedIncrement(&served);
    Sleep(milliseconds);
    return milliseconds;
}

ULONG __cdecl demo_pid(void)
{
    InterlockedIncrement(&served);
    return GetCurrentProcessId();
}

ULONG __cdecl demo_served(void)
{
    return (ULONG)InterlockedIncrement(&served);
}

void __cdecl demo_shutdown(void)
{
    InterlockedIncrement(&served);
    RpcMgmtStopServerListening(NULL);
}

LONG __cdecl other_multiply(LONG a, LONG b)
{
    InterlockedIncrement(&served);
    return (LONG)((ULONG)a * (ULONG)b);
}

LONG __cdecl IDL_DRSBind(void)
{
    InterlockedIncrement(&served);
    return 0;
}

LONG __cdecl IDL_DRSUnbind(void)
{
    InterlockedIncrement(&served);
    return 1;
}

LONG __cdecl IDL_DRSReplicaSync(void)
{
    InterlockedIncrement(&served);
    return 2;
}

LONG __cdecl IDL_DRSGetNCChanges(void)
{
    InterlockedIncrement(&served);
    return 3;
}

LONG __cdecl IDL_DRSUpdateRefs(void)
{
    InterlockedIncrement(&served);
    return 4;
}

/*
 * The handle is the asynchronous call. It is completed before this returns: Wine answers at the
 * return whatever the buffer holds then.
 */
void __cdecl asynchronous_add(handle_t call, LONG a, LONG b, LONG *sum)
{
    InterlockedIncrement(&served);
    *sum = (LONG)((ULONG)a + (ULONG)b);
    RpcAsyncCompleteCall((PRPC_ASYNC_STATE)call, NULL);
}

static bool use_endpoint(const char *protseq, const char *endpoint)
{
    if (!endpoint)
        return true;
    RPC_STATUS status = RpcServerUseProtseqEpA((RPC_CSTR)protseq, RPC_C_PROTSEQ_MAX_REQS_DEFAULT,
                                               (RPC_CSTR)endpoint, NULL);
    if (status == RPC_S_OK)
        return true;
    control_print("FAILED %s:[%s] status=%ld", protseq, endpoint, (long)status);
    return false;
}

static bool register_interface(RPC_IF_HANDLE specification)
{
    RPC_STATUS status = RpcServerRegisterIf(specification, NULL, NULL);
    if (status == RPC_S_OK)
        return true;
    control_print("FAILED RpcServerRegisterIf status=%ld", (long)status);
    return false;
}

static bool serve(const struct settings *settings)
{
    if (!use_endpoint("ncacn_ip_tcp", settings->tcp) || !use_endpoint("ncacn_np", settings->np) ||
        !use_endpoint("ncalrpc", settings->lrpc))
        return false;
    if (!register_interface(demo_v1_0_s_ifspec) || !register_interface(other_v2_1_s_ifspec) ||
        !register_interface(drsuapi_v4_0_s_ifspec) ||
        !register_interface(asynchronous_v1_0_s_ifspec))
        return false;
    RPC_STATUS status = RpcServerListen(settings->threads, RPC_C_LISTEN_MAX_CALLS_DEFAULT, TRUE);
    if (status == RPC_S_OK)
        return true;
    control_print("FAILED RpcServerListen status=%ld", (long)status);
    return false;
}

static bool parse(int argc, char **argv, struct settings *settings)
{
    for (int i = 1; i < argc; i++) {
        if (i + 1 == argc)
            return false;
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--tcp") == 0)
            settings->tcp = value;
        else if (strcmp(argv[i], "--np") == 0)
            settings->np = value;
        else if (strcmp(argv[i], "--lrpc") == 0)
            settings->lrpc = value;
        else if (strcmp(argv[i], "--delay") == 0)
            settings->delay_ms = (DWORD)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            settings->threads = (unsigned)strtoul(value, NULL, 10);
        else
            return false;
        i++;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct settings settings = {.threads = DEFAULT_THREADS};
    if (!parse(argc, argv, &settings)) {
        fprintf(stderr, "usage: rpc_server [--tcp PORT] [--np PIPE] [--lrpc NAME] [--delay MS] "
                        "[--threads N]\n");
        return 2;
    }
    if (!control_start())
        return 2;
    control_print("STARTED pid=%lu", GetCurrentProcessId());
    Sleep(settings.delay_ms);

    if (!settings.tcp && !settings.np && !settings.lrpc) {
        control_print("READY pid=%lu", GetCurrentProcessId());
        Sleep(INFINITE);
    }
    if (!serve(&settings))
        return 1;
    control_print("READY pid=%lu", GetCurrentProcessId());
    RpcMgmtWaitServerListen();
    control_print("STOPPED served=%ld", served);
    return 0;
}
