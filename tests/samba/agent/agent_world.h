/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A world of its own for tests of rpcfirewall.so: a private /run, the fake server, the agent, and
 * what a manager and the service would do with it. Each scenario runs in a child process, for the
 * agent stays in its process for good.
 */
#ifndef RPCFW_TEST_AGENT_WORLD_H
#define RPCFW_TEST_AGENT_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/event.h"
#include "fake_samba.h"
#include "samba/state/control_page.h"
#include "samba/state/event_ring.h"
#include "samba/state/process_table.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            _Exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* False: not root, or no namespaces, so no scenario can run. */
bool world_begin(void);

/* Runs a scenario in a child with an empty /run. True when none of its checks failed. */
bool world_run(void (*scenario)(void));

/* What the fake library and the agent export, once they are loaded. */
struct world {
    void (*samba_init)(const struct samba_sizes *sizes);
    uint32_t (*request)(struct fake_call *call, bool bad_trailer, uint32_t *fault);
    bool (*bind)(struct fake_call *call);
    bool (*alter)(struct fake_call *call);
    int *errno_seen;
    int (*attach)(void);
    int (*detach)(void);
    uint32_t (*init_module)(void *context);
    void *agent;
    void *samba;
};

/* Loads the fake server, of these sizes (a row's "any" becomes some), and the agent. */
void world_load(struct world *world, const struct samba_layout *layout);

/* The file of the fake server, FAKE_SAMBA unless a scenario says another. */
extern const char *world_samba_path;

/* The fake server alone, or the agent alone. */
void world_load_samba(struct world *world, const struct samba_layout *layout);
void world_load_agent(struct world *world);

/* Publishes a policy; returns its generation. */
uint64_t world_publish(const char *text);
void world_set_mode(enum control_mode mode);

/* Makes the next generation one that cannot be taken. */
void world_publish_rubbish(void);

/* A process's entry; NULL: it has none. */
const struct process_entry *world_entry(uint32_t pid);

/* This process's, which has one. */
const struct process_entry *world_own_entry(void);

/* Leaves that many cells of the ring free, with events of nobody's. */
void world_fill_ring(uint32_t left);

/* Has living processes stand in every entry of the table that is free; and nobody in one of them.
 */
void world_fill_table(void);
void world_free_one_entry(void);
const struct process_table *world_table(void);

/* Events that were dropped. */
uint64_t world_lost_events(void);

/* Takes the oldest event of that kind or action, and those before it. */
bool world_next_event(enum event_kind kind, struct event *event);
unsigned world_count_events(enum event_kind kind);

#endif
