/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/agent/judge.h"

#include <string.h>

#include "core/decide.h"
#include "windows/agent/hook/gate.h"
#include "windows/agent/hooked_functions.h"
#include "windows/agent/rpc/server_report.h"

static struct judge *judge_in_force;

/* In the gate's frame: a call that this thread is inside of. */
struct judged_call {
    const RPC_MESSAGE *message;
    struct judged_call *outer;
    bool counted;   /* in the status */
    bool innermost; /* it is what the thread slot points to, and gate_leave() has to take it off */
};

_Static_assert(sizeof(struct judged_call) <= GATE_FRAME_SIZE, "it lives in the gate's frame");

bool judge_set(struct judge *judge)
{
    judge->thread_slot = TlsAlloc();
    if (judge->thread_slot == TLS_OUT_OF_INDEXES) {
        return false;
    }
    judge_in_force = judge;
    return true;
}

void judge_clear(struct judge *judge)
{
    judge_in_force = NULL;
    TlsFree(judge->thread_slot);
}

static void write_policy_event(struct judge *judge, enum event_kind kind, uint64_t generation,
                               const char *detail)
{
    struct event event;
    event_of_agent(&event, kind, event_time_now(), generation, detail);
    event_writer_put(judge->writer, &event);
}

enum policy_watch_result judge_refresh(struct judge *judge, enum policy_section_error *error)
{
    uint64_t generation = 0;
    *error = POLICY_SECTION_OK;
    enum policy_watch_result result = policy_watch_refresh(judge->watch, &generation, error);
    if (result == POLICY_WATCH_TAKEN) {
        InterlockedExchange64((volatile LONG64 *)&judge->status->generation, (LONG64)generation);
        write_policy_event(judge, EVENT_POLICY_CHANGED, generation, NULL);
    } else if (result == POLICY_WATCH_REFUSED) {
        write_policy_event(judge, EVENT_POLICY_REFUSED, generation,
                           policy_section_error_text(*error));
    }
    return result;
}

static void count(uint64_t *counter)
{
    InterlockedIncrement64((volatile LONG64 *)counter);
}

static void count_verdict(struct judge *judge, const struct verdict *verdict)
{
    struct agent_status *status = judge->status;
    count(&status->calls);
    if (verdict->block) {
        count(&status->blocked);
    }
    if (verdict->dry) {
        count(&status->would_block);
    }
    if (verdict->audit) {
        count(&status->audited);
    }
}

static void write_call(struct judge *judge, struct event *event, uint64_t generation)
{
    event->time_us = event_time_now();
    event->generation = generation;
    event_writer_put(judge->writer, event);
    judge->status->dropped = event_writer_dropped(judge->writer);
}

/* Describes, decides, records. Whether the call is to be blocked. */
static bool judge_call(struct judge *judge, const RPC_MESSAGE *message, const char *function)
{
    struct call call;
    struct call_storage storage;
    struct event event;
    struct policy_ref policy = policy_slot_acquire(&judge->watch->slot);
    struct verdict verdict = {.rule = VERDICT_NO_RULE};

    describe_call_begin(&call, &storage, judge->runtime, message, judge->process);
    if (call.known & FACT_BIT(FACT_INTERFACE)) {
        server_report_call(judge->server, &call.interface, call.version_major, call.version_minor);
    }
    if (policy.image) {
        verdict = decide(policy.image, &call);
    }
    bool record = verdict.audit || verdict.verbose;
    describe_call_defer_names(&storage);
    if (record) {
        event_from_call(&event, &call, &verdict, policy.image, function);
    }
    if (!describe_call_end(&storage)) {
        /* The thread still acts as the caller: no server code may run on it, whatever the policy
         * says. */
        if (!record) {
            event_from_call(&event, &call, &verdict, policy.image, function);
        }
        record = true;
        verdict.block = true;
        verdict.audit = true;
        verdict.dry = false;
        event.verdict = verdict;
    }
    count_verdict(judge, &verdict);
    if (record) {
        write_call(judge, &event, policy.generation);
    }
    policy_slot_release(&judge->watch->slot, policy);
    return verdict.block;
}

/*
 * The call that this thread is inside of. A frame that was left without unwinding (a raw longjmp)
 * would still be in the slot, and the next call's message often lies where the last one's did: so a
 * frame counts only while it lies above this one on the stack that the thread runs on.
 */
static struct judged_call *outer_call(const struct judge *judge, const struct judged_call *here)
{
    struct judged_call *outer = TlsGetValue(judge->thread_slot);
    ULONG_PTR low = 0;
    ULONG_PTR high = 0;
    GetCurrentThreadStackLimits(&low, &high);
    bool alive = outer > here && (uintptr_t)outer < high;
    return alive ? outer : NULL;
}

void gate_enter(struct gate_frame *frame, unsigned hook_index, const void *args)
{
    struct judge *judge = judge_in_force;
    struct judged_call *here = (struct judged_call *)frame->bytes;
    const struct hooked_function *function = &hooked_functions[hook_index];
    const struct gate_arguments *arguments = args;
    const RPC_MESSAGE *message =
        (const RPC_MESSAGE *)(uintptr_t)arguments->value[function->message_argument];

    if (!judge || !message) {
        return;
    }
    /* TlsGetValue() clears the last error on success: the host's code must find its own. */
    DWORD last_error = GetLastError();
    struct judged_call *outer = outer_call(judge, here);
    if (!outer || outer->message != message) {
        here->message = message;
        here->outer = outer;
        here->innermost = TlsSetValue(judge->thread_slot, here) != 0;
        here->counted = true;
        InterlockedIncrement((volatile LONG *)&judge->status->in_flight);
        if (policy_watch_is_behind(judge->watch)) {
            enum policy_section_error error;
            judge_refresh(judge, &error);
        }
        if (judge_call(judge, message, function->name)) {
            judge->runtime->RpcRaiseException(ERROR_ACCESS_DENIED);
        }
    }
    SetLastError(last_error);
}

void gate_leave(struct gate_frame *frame)
{
    struct judge *judge = judge_in_force;
    struct judged_call *here = (struct judged_call *)frame->bytes;
    if (!judge || !here->counted) {
        return;
    }
    InterlockedDecrement((volatile LONG *)&judge->status->in_flight);
    if (here->innermost) {
        TlsSetValue(judge->thread_slot, here->outer);
    }
}
