/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/manager/listening_ports.h"

#include <winsock2.h>
#include <iphlpapi.h>
#include <stdlib.h>
#include <string.h>

/* More than any host has; an answer that is larger is not asked for. */
#define BUFFER_MAX ((size_t)16 << 20)

#define PRIME      0x100000001b3u

typedef DWORD(WINAPI *query_table)(void *table, DWORD *size, BOOL sorted, ULONG family,
                                   TCP_TABLE_CLASS class, ULONG reserved);

/* Not imported: the program is to start where it is missing. The DLL stays loaded. */
static query_table find_query(struct listening_ports *ports)
{
    if (!ports->query) {
        HMODULE module = LoadLibraryExW(L"iphlpapi.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
        ports->query =
            module ? (void *)(uintptr_t)GetProcAddress(module, "GetExtendedTcpTable") : NULL;
    }
    return (query_table)(uintptr_t)ports->query;
}

/* The table of one family in the buffer; a Win32 error. */
static DWORD ask(struct listening_ports *ports, ULONG family)
{
    query_table query = find_query(ports);
    if (!query) {
        return ERROR_PROC_NOT_FOUND;
    }
    for (;;) {
        DWORD size = (DWORD)ports->buffer_size;
        DWORD error = query(ports->buffer, &size, FALSE, family, TCP_TABLE_OWNER_PID_LISTENER, 0);
        if (error != ERROR_INSUFFICIENT_BUFFER) {
            return error;
        }
        size_t larger = (size_t)size * 2 + 1024;
        BYTE *buffer = larger <= BUFFER_MAX ? realloc(ports->buffer, larger) : NULL;
        if (!buffer) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        ports->buffer = buffer;
        ports->buffer_size = larger;
    }
}

static bool append(struct listening_ports *ports, DWORD pid, DWORD port, bool v6, bool loopback)
{
    if (ports->count == ports->capacity) {
        size_t larger = ports->capacity ? ports->capacity * 2 : 64;
        struct listening_port *list = realloc(ports->ports, larger * sizeof(*list));
        if (!list) {
            return false;
        }
        ports->ports = list;
        ports->capacity = larger;
    }
    /* In network order in the low half. */
    uint16_t number = (uint16_t)((port & 0xff) << 8 | (port >> 8 & 0xff));
    ports->ports[ports->count++] = (struct listening_port){pid, number, v6, loopback};
    return true;
}

static DWORD read_v4(struct listening_ports *ports)
{
    DWORD error = ask(ports, AF_INET);
    const MIB_TCPTABLE_OWNER_PID *table = (const MIB_TCPTABLE_OWNER_PID *)ports->buffer;
    size_t head = offsetof(MIB_TCPTABLE_OWNER_PID, table);
    size_t room =
        ports->buffer_size > head ? (ports->buffer_size - head) / sizeof(table->table[0]) : 0;
    for (DWORD i = 0; !error && i < table->dwNumEntries && i < room; i++) {
        const MIB_TCPROW_OWNER_PID *row = &table->table[i];
        if (!append(ports, row->dwOwningPid, row->dwLocalPort, false,
                    (row->dwLocalAddr & 0xff) == 127)) {
            error = ERROR_NOT_ENOUGH_MEMORY;
        }
    }
    return error;
}

static DWORD read_v6(struct listening_ports *ports)
{
    DWORD error = ask(ports, AF_INET6);
    const MIB_TCP6TABLE_OWNER_PID *table = (const MIB_TCP6TABLE_OWNER_PID *)ports->buffer;
    size_t head = offsetof(MIB_TCP6TABLE_OWNER_PID, table);
    size_t room =
        ports->buffer_size > head ? (ports->buffer_size - head) / sizeof(table->table[0]) : 0;
    for (DWORD i = 0; !error && i < table->dwNumEntries && i < room; i++) {
        static const BYTE loopback[16] = {[15] = 1};
        const MIB_TCP6ROW_OWNER_PID *row = &table->table[i];
        if (!append(ports, row->dwOwningPid, row->dwLocalPort, true,
                    memcmp(row->ucLocalAddr, loopback, sizeof(loopback)) == 0)) {
            error = ERROR_NOT_ENOUGH_MEMORY;
        }
    }
    return error;
}

static uint64_t rank(const struct listening_port *port)
{
    return (uint64_t)port->pid << 17 | (uint64_t)port->port << 1 | port->v6;
}

static int by_rank(const void *left, const void *right)
{
    uint64_t a = rank(left);
    uint64_t b = rank(right);
    return (a > b) - (a < b);
}

bool listening_ports_take(struct listening_ports *ports)
{
    ports->count = 0;
    DWORD error = read_v4(ports);
    /* A host without IPv6 has no such table. */
    if (!error) {
        read_v6(ports);
        qsort(ports->ports, ports->count, sizeof(*ports->ports), by_rank);
    } else {
        ports->count = 0;
    }
    SetLastError(error);
    return error == ERROR_SUCCESS;
}

void listening_ports_free(struct listening_ports *ports)
{
    free(ports->ports);
    free(ports->buffer);
    *ports = (struct listening_ports){.query = ports->query};
}

/* The first of the ports of that process or of one behind. */
static size_t lower_bound(const struct listening_ports *ports, DWORD pid)
{
    size_t low = 0;
    size_t high = ports->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ports->ports[middle].pid < pid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t listening_ports_of(const struct listening_ports *ports, DWORD pid)
{
    uint64_t digest = 0;
    for (size_t i = lower_bound(ports, pid); i < ports->count && ports->ports[i].pid == pid; i++) {
        digest = (digest + 1 + rank(&ports->ports[i])) * PRIME;
    }
    return digest;
}

bool listening_ports_remote(const struct listening_ports *ports, DWORD pid)
{
    for (size_t i = lower_bound(ports, pid); i < ports->count && ports->ports[i].pid == pid; i++) {
        if (!ports->ports[i].loopback) {
            return true;
        }
    }
    return false;
}

DWORD listening_ports_owner(const struct listening_ports *ports, uint16_t port)
{
    for (size_t i = 0; port && i < ports->count; i++) {
        if (ports->ports[i].port == port) {
            return ports->ports[i].pid;
        }
    }
    return 0;
}

bool pipe_names_digest(uint64_t *digest)
{
    WIN32_FIND_DATAW found;
    HANDLE search = FindFirstFileW(L"\\\\.\\pipe\\*", &found);
    if (search == INVALID_HANDLE_VALUE) {
        return false;
    }
    uint64_t sum = 0; /* of the names: their order tells nothing */
    do {
        uint64_t name = 0xcbf29ce484222325u;
        for (const wchar_t *at = found.cFileName; *at; at++) {
            name = (name ^ *at) * PRIME;
        }
        sum += name;
    } while (FindNextFileW(search, &found));
    FindClose(search);
    *digest = sum;
    return true;
}
