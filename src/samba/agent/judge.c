/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/agent/judge.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/decide.h"
#include "core/event.h"
#include "samba/agent/field.h"

/* An endpoint has a dozen interfaces; a list that does not end must not hold us up. */
#define INTERFACES_MAX 1024

/*
 * Cells of the ring that binds, and calls that are let through, leave free. One packet without a
 * logon holds a hundred binds: a flood of them must not hide the call that is blocked meanwhile.
 */
#define SPARED_BY_BINDS (EVENT_RING_CAPACITY / 8)
#define SPARED_BY_CALLS (EVENT_RING_CAPACITY / 16)

/* Through which of Samba's functions calls come. */
static const char function_name[] = "dcesrv_request";

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Nobody else adds to the counters of an entry: no locked instruction is needed there. */
static void count(const struct judge *judge, _Atomic uint64_t *counter)
{
    uint64_t value;

    if (judge->counters_are_shared) {
        atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
        return;
    }
    value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static void put_sparing(struct judge *judge, struct event *event, uint32_t spare)
{
    event->time_us = now_us();
    if (!event_ring_put_sparing(judge->ring, &judge->origin, event, spare))
        count(judge, &judge->counters->dropped);
}

void judge_put(struct judge *judge, struct event *event)
{
    put_sparing(judge, event, 0);
}

void judge_tell(struct judge *judge, enum event_kind kind, uint64_t generation, const char *detail)
{
    struct event event;

    event_of_agent(&event, kind, 0, generation, detail);
    judge_put(judge, &event);
}

/* Takes the newest policy and says so in the process table; true when it is another one. */
static bool refresh(struct judge *judge)
{
    struct policy_watch *watch = &judge->watch;
    enum policy_watch_result result = policy_watch_refresh(watch);

    judge->entry->policy_error = watch->error;
    atomic_store(&judge->entry->generation, watch->view.generation);
    if (result == POLICY_WATCH_REFUSED)
        judge_tell(judge, EVENT_POLICY_REFUSED, watch->refused,
                   policy_view_error_text(watch->error));
    return result == POLICY_WATCH_TAKEN;
}

void judge_start(struct judge *judge)
{
    refresh(judge);
}

/* Kept out of the way of calls, for its frame is large and it is rarely needed. */
__attribute__((noinline)) static void change_policy(struct judge *judge)
{
    if (refresh(judge))
        judge_tell(judge, EVENT_POLICY_CHANGED, judge->watch.view.generation, NULL);
}

static void follow_policy(struct judge *judge)
{
    if (policy_watch_is_behind(&judge->watch))
        change_policy(judge);
}

static void count_verdict(struct judge *judge, const struct verdict *verdict)
{
    struct call_counters *counters = judge->counters;

    if (verdict->rule != VERDICT_NO_RULE)
        atomic_fetch_add_explicit(&judge->watch.view.hits[verdict->rule], 1, memory_order_relaxed);
    if (verdict->block)
        count(judge, &counters->blocked);
    if (verdict->dry)
        count(judge, &counters->would_block);
    if (verdict->audit)
        count(judge, &counters->audited);
}

__attribute__((noinline)) static void record_call(struct judge *judge, struct call *call,
                                                  const struct verdict *verdict)
{
    struct event event;

    event_from_call(&event, call, verdict, judge->watch.view.image, function_name);
    event.generation = judge->watch.view.generation;
    put_sparing(judge, &event, verdict->block || verdict->dry ? 0 : SPARED_BY_CALLS);
}

/* The policy is there. */
static bool judge_call(struct judge *judge, const void *samba_call)
{
    struct call call;
    struct call_storage storage;
    struct verdict verdict;

    describe_call_begin(&call, &storage, &judge->host, samba_call);
    verdict = decide(judge->watch.view.image, &call);
    count_verdict(judge, &verdict);
    if (verdict.audit)
        record_call(judge, &call, &verdict);
    return verdict.block;
}

bool judge_request(struct judge *judge, const void *samba_call)
{
    int saved = errno;
    bool block = false;

    judge->entry->in_call = 1;
    follow_policy(judge);
    count(judge, &judge->counters->calls);
    if (judge->watch.view.image)
        block = judge_call(judge, samba_call);
    judge->entry->in_call = 0;
    errno = saved;
    return block;
}

bool judge_unsupported(struct judge *judge)
{
    int saved = errno;
    const struct policy_image *image;
    bool closed;

    follow_policy(judge);
    image = judge->watch.view.image;
    closed = image && (image->options & IMAGE_OPTION_UNSUPPORTED_CLOSED);
    count(judge, &judge->counters->calls);
    if (closed)
        count(judge, &judge->counters->blocked);
    errno = saved;
    return closed;
}

/* ---- Binds ---- */

#define SYNTAX_SIZE (sizeof(struct guid) + sizeof(uint32_t))

/* Whether the client's endpoint has the interface, in exactly this version, as Samba asks. */
static bool is_served(const struct judge *judge, const void *samba_call, const void *syntax)
{
    const struct samba_layout *layout = judge->host.layout;
    const void *connection = pointer_at(samba_call, layout->call_conn);
    const void *endpoint = connection ? pointer_at(connection, layout->conn_endpoint) : NULL;
    const void *item = endpoint ? pointer_at(endpoint, layout->endpoint_interfaces) : NULL;

    for (int i = 0; item && i < INTERFACES_MAX; i++) {
        const void *interface = pointer_at(item, layout->if_list_iface);
        if (interface && memcmp(at(interface, layout->iface_syntax_id), syntax, SYNTAX_SIZE) == 0)
            return true;
        item = pointer_at(item, layout->if_list_next);
    }
    return false;
}

__attribute__((noinline)) static void record_bind(struct judge *judge, struct call *call,
                                                  const struct verdict *verdict, bool served)
{
    struct event event;

    event_from_bind(&event, call, verdict, judge->watch.view.image, "dcesrv_bind", served);
    event.generation = judge->watch.view.generation;
    put_sparing(judge, &event, SPARED_BY_BINDS);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whether one more bind may be recorded. */
static bool take_allowance(struct bind_allowance *allowance)
{
    uint64_t now = now_ms();
    uint64_t earned = (now - allowance->since_ms) * BIND_EVENTS_A_SECOND / 1000;

    if (allowance->since_ms == 0 || earned >= BIND_EVENTS_AT_ONCE - allowance->left) {
        allowance->left = BIND_EVENTS_AT_ONCE;
        allowance->since_ms = now;
    } else if (earned > 0) {
        allowance->left += (uint32_t)earned;
        allowance->since_ms += earned * 1000 / BIND_EVENTS_A_SECOND;
    }
    if (allowance->left == 0)
        return false;
    allowance->left--;
    return true;
}

static void judge_syntax(struct judge *judge, const void *samba_call, const void *syntax)
{
    struct call call;
    struct call_storage storage;
    struct verdict verdict;

    describe_bind_begin(&call, &storage, &judge->host, samba_call, syntax);
    verdict = decide_bind(judge->watch.view.image, &call);
    if (!verdict.audit)
        return;
    if (!take_allowance(&judge->binds)) {
        count(judge, &judge->counters->dropped);
        event_ring_refuse(judge->ring);
        return;
    }
    count(judge, &judge->counters->audited);
    record_bind(judge, &call, &verdict, is_served(judge, samba_call, syntax));
}

/* What of a packet was told already: places in its list, found by what stands there. */
#define TOLD_SIZE 512u /* twice what a packet holds, and a power of two */

struct told {
    uint8_t places[TOLD_SIZE]; /* plus one; 0: free */
};

static const void *syntax_at(const struct samba_layout *layout, const char *contexts, unsigned i)
{
    return contexts + (size_t)i * layout->ctx_list_size + layout->ctx_abstract_syntax;
}

static uint32_t spread(const void *syntax)
{
    uint32_t words[SYNTAX_SIZE / sizeof(uint32_t)];
    uint32_t sum = 0;

    memcpy(words, syntax, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        sum = (sum ^ words[i]) * 0x9e3779b1u;
    return sum >> 16;
}

/* False: the interface at `i` stands before it in the packet too. A client that makes all fall
 * together costs as many comparisons as there are pairs, 32,385. */
static bool is_first(struct told *told, const struct samba_layout *layout, const char *contexts,
                     unsigned i)
{
    const void *syntax = syntax_at(layout, contexts, i);
    uint32_t place = spread(syntax) % TOLD_SIZE;

    for (; told->places[place]; place = (place + 1) % TOLD_SIZE) {
        if (memcmp(syntax_at(layout, contexts, told->places[place] - 1u), syntax, SYNTAX_SIZE) == 0)
            return false;
    }
    told->places[place] = (uint8_t)(i + 1);
    return true;
}

/* Each interface is told once: clients name one again for each transfer syntax that they offer, and
 * may for no reason at all. The number in the packet is a byte: 255 at the most. */
static void judge_contexts(struct judge *judge, const void *samba_call)
{
    const struct samba_layout *layout = judge->host.layout;
    const void *packet = at(samba_call, layout->call_pkt);
    const char *contexts = pointer_at(packet, layout->pkt_ctx_list);
    unsigned number = u8_at(packet, layout->pkt_num_contexts);
    struct told told = {{0}};

    for (unsigned i = 0; contexts && i < number; i++) {
        if (is_first(&told, layout, contexts, i))
            judge_syntax(judge, samba_call, syntax_at(layout, contexts, i));
    }
}

void judge_bind(struct judge *judge, const void *samba_call)
{
    int saved = errno;

    judge->entry->in_call = 1;
    follow_policy(judge);
    count(judge, &judge->counters->binds);
    if (judge->watch.view.image)
        judge_contexts(judge, samba_call);
    judge->entry->in_call = 0;
    errno = saved;
}
