/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stuck PORT: listens for TCP, has the RPC runtime loaded, and keeps its loader lock for ever, so
 * that no DLL can be loaded into it. What a program can do that wants to keep the firewall busy.
 */
#include <winsock2.h>
#include <windows.h>
#include <rpc.h>
#include <stdio.h>
#include <stdlib.h>

NTSYSAPI LONG NTAPI LdrLockLoaderLock(ULONG flags, ULONG *result, ULONG_PTR *cookie);

int main(int argc, char **argv)
{
    UUID uuid;
    WSADATA data;
    ULONG result;
    ULONG_PTR cookie;
    struct sockaddr_in address = {.sin_family = AF_INET};

    if (argc != 2 || WSAStartup(MAKEWORD(2, 2), &data))
        return 2;
    UuidCreate(&uuid);
    SOCKET listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((u_short)atoi(argv[1]));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1) ||
        LdrLockLoaderLock(0, &result, &cookie))
        return 1;
    printf("READY pid=%lu\n", GetCurrentProcessId());
    fflush(stdout);
    Sleep(INFINITE);
    return 0;
}
