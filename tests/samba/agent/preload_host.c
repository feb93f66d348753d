/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server that the agent is preloaded into, run by preload_test.c: says on its standard output how
 * its own agent stands. The argument: whether it executes itself once more, as smbd does for
 * rpcd_*.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent_world.h"

uint32_t dcesrv_init_context(void *memory, void *parameters, void *callbacks, void *result);

int main(int argc, char **argv)
{
    static struct fake_call call;
    const struct process_entry *entry;
    uint32_t fault = 0;
    uint32_t status;

    fake_call_init(&call, &samba_layouts[0]);
    CHECK(dcesrv_init_context(NULL, NULL, NULL, NULL) == 0x1234); /* Samba's own answered */
    entry = world_entry((uint32_t)getpid());
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        CHECK(fake_dcesrv_request(&call, false, &fault) != FAKE_STATUS_OK && fault == 5);
        execl("/proc/self/exe", argv[0], "child", (char *)NULL);
        return 2;
    }
    printf("%s %d\n", entry ? "entry" : "none", entry ? (int)entry->state : -1);
    if (entry)
        printf("loading %u blocked %lu\n", (unsigned)entry->loading,
               (unsigned long)entry->counters.blocked);
    status = fake_dcesrv_request(&call, false, &fault);
    printf("status %x fault %u\n", status, fault);
    return 0;
}
