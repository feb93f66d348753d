/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/process_origin.h"

#include <string.h>
#include <windows.h>

#include "windows/agent/rpc/utf16.h"

static void read_host(struct event_origin *origin)
{
    wchar_t name[256];
    DWORD length = 256;
    if (GetComputerNameExW(ComputerNameDnsHostname, name, &length)) {
        utf16_to_utf8((const uint16_t *)name, length, origin->host, sizeof(origin->host), NULL);
    }
}

void process_origin_read(struct event_origin *origin)
{
    wchar_t path[1024];
    memset(origin, 0, sizeof(*origin));
    origin->pid = GetCurrentProcessId();
    read_host(origin);
    DWORD length = GetModuleFileNameW(NULL, path, 1024);
    if (!length || length == 1024) {
        return;
    }
    DWORD name = length;
    while (name > 0 && path[name - 1] != L'\\' && path[name - 1] != L'/') {
        name--;
    }
    utf16_to_utf8((const uint16_t *)path, length, origin->executable, sizeof(origin->executable),
                  NULL);
    utf16_to_utf8((const uint16_t *)path + name, length - name, origin->process_name,
                  sizeof(origin->process_name), NULL);
}
