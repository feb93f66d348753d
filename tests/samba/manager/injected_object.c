/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands for the agent where no Samba is: exports what a manager calls, and counts the calls. */
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT extern volatile int injected_attached;
EXPORT extern volatile int injected_calls;
EXPORT extern const char rpcfw_agent_release[];
EXPORT int rpcfw_agent_attach(void);
EXPORT int rpcfw_agent_detach(void);

volatile int injected_attached;
volatile int injected_calls;
const char rpcfw_agent_release[] = "0.0.1";

/* As much of the heap as an agent that maps a policy uses. */
static void use_heap(void)
{
    for (size_t size = 16; size < 100000; size *= 3) {
        char *block = malloc(size);
        if (!block) {
            abort();
        }
        memset(block, 1, size);
        free(block);
    }
}

int rpcfw_agent_attach(void)
{
    use_heap();
    injected_attached = 1;
    injected_calls++;
    return 0;
}

int rpcfw_agent_detach(void)
{
    use_heap();
    injected_attached = 0;
    injected_calls++;
    return 0;
}
