/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * samba_agent_bench: what the agent adds to one call of a Samba server, by the number of rules,
 * without and with every call audited.
 *
 * Method: a fake server (tests/samba/agent/fake_samba.h) is called through its real import slots
 * with the agent detached and attached, in turn, in batches of CALLS; the difference of the medians
 * of ROUNDS batches is what the agent adds: finding the call, asking for the address and the SIDs
 * (three), deciding, counting, and for audited calls the whole event into the shared ring. Between
 * batches, outside of the clock, the ring is emptied as the service would. All rules name the
 * called method, the first half with other addresses, the second with other SIDs, so none can be
 * passed over by its interface or opnum, and the call comes to its end without a match. Functions
 * of Samba that facts are asked of are trivial here; what they cost in Samba is in
 * docs/performance.md, from a real server. Needs root and mount namespaces.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent_world.h"

#define CALLS         2000u
#define ROUNDS        41u
#define GOAL          1000.0 /* nanoseconds */
#define GOAL_AUDITED  3000.0
#define RULE_TEXT_MAX 120u

static struct world world;
static struct fake_call call;

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double batch(void)
{
    uint32_t fault;
    double start = now_ns();

    for (unsigned i = 0; i < CALLS; i++)
        (void)world.request(&call, false, &fault);
    return (now_ns() - start) / CALLS;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), order);
    return values[ROUNDS / 2];
}

static char *policy_text(unsigned rules, bool audit)
{
    size_t room = ((size_t)rules + 2) * RULE_TEXT_MAX;
    char *text = malloc(room);
    size_t length = 0;

    CHECK(text);
    text[0] = '\0';
    for (unsigned i = 0; i < rules; i++) {
        if (i < rules / 2)
            length += (size_t)snprintf(text + length, room - length,
                                       "uuid:drsuapi opnum:3 addr:10.1.%u.%u action:allow\n",
                                       i / 250, 1 + i % 250);
        else
            length += (size_t)snprintf(text + length, room - length,
                                       "uuid:drsuapi opnum:3 sid:S-1-5-21-9-9-9-%u action:block\n",
                                       1000 + i);
    }
    if (audit)
        snprintf(text + length, room - length, "audit:true\n");
    return text;
}

/* The agent has mapped it anew: each page's first use would cost a page fault, once in its life. */
static void touch_ring(void)
{
    for (unsigned done = 0; done < EVENT_RING_CAPACITY; done += CALLS) {
        batch();
        world_count_events(EVENT_CALL);
    }
}

static bool measure(unsigned rules, bool audit)
{
    double without[ROUNDS];
    double with[ROUNDS];
    double goal = audit ? GOAL_AUDITED : GOAL;
    char *text = policy_text(rules, audit);

    world_publish(text);
    free(text);
    for (unsigned i = 0; i < ROUNDS; i++) {
        CHECK(world.detach() == 0);
        without[i] = batch();
        CHECK(world.attach() == 0);
        touch_ring();
        with[i] = batch();
        unsigned events = world_count_events(EVENT_CALL);
        CHECK(events == (audit ? CALLS : 0)); /* no batch is measured that lost some */
    }
    double added = median(with) - median(without);
    printf("%8u  %-7s %10.0f ns  goal %4.0f ns%s\n", rules, audit ? "yes" : "no", added, goal,
           added <= goal ? "" : "  MISSED");
    return added <= goal;
}

static void bench(void)
{
    static const unsigned counts[] = {0, 100, 10000};

    fake_call_init(&call, &samba_layouts[0]);
    world_load(&world, &samba_layouts[0]);
    printf("   rules  audited  added to a call\n");
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        measure(counts[i], false);
        measure(counts[i], true);
    }
    fflush(stdout);
}

int main(void)
{
    if (!world_begin()) {
        printf("samba_agent_bench: skipped: needs root and mount namespaces\n");
        return 0;
    }
    return world_run(bench) ? 0 : 1;
}
