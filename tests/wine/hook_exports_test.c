/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook engine on real functions: the RPC runtime's entry points, and functions of our own that
 * return, raise and refuse. One line per check; exit status 1 when one fails.
 */
#include <windows.h>
#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/agent/hook/gate.h"
#include "windows/agent/hook/hook.h"
#include "wine_check.h"

#define ROUNDS         10000
#define WARM_UP_ROUNDS 100 /* before the first measurement */
#define CALLERS        3
#define HANDLES_PROBED 2048
#define BYTES_COMPARED 16 /* no function is nearer to the next */
#define REFUSAL_CODE   5
#define BLOCKED_GATE   3 /* gate_enter raises in calls through this one */

static const char *const exports[] = {"NdrServerCall2",         "NdrServerCall",
                                      "NdrStubCall2",           "NdrStubCall",
                                      "NdrAsyncServerCall",     "NdrServerCallAll",
                                      "NdrAsyncStubCall",       "NdrStubCall3",
                                      "NdrServerInitializeNew", "NdrServerCallNdr64",
                                      "Ndr64AsyncServerCall64", "Ndr64AsyncServerCallAll",
                                      "NdrServerInitialize",    "NdrServerInitializePartial"};
#define REQUIRED_EXPORTS 10 /* Wine's runtime has these of them */

/* ---- the agent's side of the gate ---- */

static volatile LONG64 enters, leaves, foreign_frames;
static struct gate_arguments last_arguments;
static unsigned last_index;

void gate_enter(struct gate_frame *frame, unsigned hook_index, const void *args)
{
    static const struct gate_frame zero;

    InterlockedIncrement64(&enters);
    if (memcmp(frame, &zero, sizeof zero) != 0 || (uintptr_t)frame % 16 != 0)
        InterlockedIncrement64(&foreign_frames);
    memset(frame, 0x5a, sizeof *frame);
    last_arguments = *(const struct gate_arguments *)args;
    last_index = hook_index;
    if (hook_index == BLOCKED_GATE)
        RaiseException(REFUSAL_CODE, 0, 0, NULL);
}

void gate_leave(struct gate_frame *frame)
{
    if (frame->bytes[0] != 0x5a || frame->bytes[GATE_FRAME_SIZE - 1] != 0x5a)
        InterlockedIncrement64(&foreign_frames);
    InterlockedIncrement64(&leaves);
}

/* ---- functions to hook ---- */

__attribute__((noinline, noclone)) static uint64_t mix(uint64_t a, uint64_t b, uint64_t c,
                                                       uint64_t d)
{
    static volatile uint64_t sink;

    sink += a;
    return a + 10 * b + 100 * c + 1000 * d + (sink & 0);
}

__attribute__((noinline, noclone)) static uint64_t raise_code(uint64_t code)
{
    static volatile LONG raised;

    InterlockedIncrement(&raised);
    RaiseException((DWORD)code, 0, 0, NULL);
    return 0;
}

/* Called by name from the assembler below. */
uint64_t raise_from_prologue(uint64_t code);
uint64_t raise_from_prologue(uint64_t code)
{
    return raise_code(code);
}

/*
 * calls_early has a call among its first bytes, as NdrStubCall has, so the call moves into the
 * trampoline. catches(function, argument) returns the function's value, or the code of the
 * exception with bit 63 set. refused_start begins with an instruction that the decoder refuses
 * (vmovaps).
 */
uint64_t calls_early(uint64_t code);
uint64_t catches(uint64_t (*function)(uint64_t), uint64_t argument);
void refused_start(void);

/* The filter of catches: leaves the code in its stack frame, above the home space, and has it
 * caught. */
LONG keep_code(EXCEPTION_POINTERS *exception, uint64_t *stack);
LONG keep_code(EXCEPTION_POINTERS *exception, uint64_t *stack)
{
    stack[4] = exception->ExceptionRecord->ExceptionCode;
    return EXCEPTION_EXECUTE_HANDLER;
}

__asm__(".text\n"
        ".balign 16\n.globl calls_early\n.seh_proc calls_early\ncalls_early:\n"
        "sub $0x28, %rsp\n.seh_stackalloc 0x28\n.seh_endprologue\n"
        "call raise_from_prologue\n"
        "add $0x28, %rsp\nret\n.seh_endproc\n"

        ".balign 16\n.globl catches\n.seh_proc catches\ncatches:\n"
        "push %rbx\n.seh_pushreg %rbx\nsub $0x30, %rsp\n.seh_stackalloc 0x30\n.seh_endprologue\n"
        "mov $0x1234, %ebx\nmov %rcx, %rax\nmov %rdx, %rcx\n"
        "1: call *%rax\nnop\n2:\n"
        "3: cmp $0x1234, %ebx\nje 4f\nint3\n"
        "4: add $0x30, %rsp\npop %rbx\nret\n"
        "5: mov 0x20(%rsp), %rax\nbts $63, %rax\njmp 3b\n"
        ".seh_handler __C_specific_handler, @except, @unwind\n"
        ".seh_handlerdata\n.long 1\n.rva 1b, 2b, keep_code, 5b\n.text\n.seh_endproc\n"

        ".balign 16\n.globl refused_start\nrefused_start:\n"
        ".byte 0xc5, 0xf8, 0x28, 0xc1\nret\nnop\nnop\nnop\nnop\n");

#define CAUGHT(code) (1ULL << 63 | (code))

static uint64_t (*volatile call_mix)(uint64_t, uint64_t, uint64_t, uint64_t) = mix;
static uint64_t (*volatile call_raise)(uint64_t) = raise_code;

static struct hook_request request(const char *name, void *target, unsigned gate)
{
    return (struct hook_request){.name = name,
                                 .target = target,
                                 .entry = gate_entry(gate),
                                 .original = &gate_trampolines[gate]};
}

/* ---- what the process consists of ---- */

struct footprint {
    size_t regions;
    size_t committed;           /* bytes */
    size_t executable;          /* bytes */
    size_t writable_executable; /* bytes */
};

static struct footprint measure(void)
{
    struct footprint total = {0};
    MEMORY_BASIC_INFORMATION region;
    const DWORD writable = PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    const DWORD code = PAGE_EXECUTE | PAGE_EXECUTE_READ | writable;

    for (uint8_t *at = NULL; VirtualQuery(at, &region, sizeof region);
         at = (uint8_t *)region.BaseAddress + region.RegionSize) {
        total.regions++;
        if (region.State != MEM_COMMIT)
            continue;
        total.committed += region.RegionSize;
        total.executable += region.Protect & code ? region.RegionSize : 0;
        total.writable_executable += region.Protect & writable ? region.RegionSize : 0;
    }
    return total;
}

static bool same_footprint(const struct footprint *a, const struct footprint *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Counted one by one, because Wine's GetProcessHandleCount says 0. */
static unsigned handle_count(void)
{
    unsigned count = 0;
    DWORD flags;

    for (uintptr_t value = 4; value < HANDLES_PROBED * 4; value += 4)
        count += GetHandleInformation((HANDLE)value, &flags) != 0;
    return count;
}

/* Bytes in use on the heap: Wine's private bytes do not follow small allocations. */
static size_t heap_bytes(void)
{
    PROCESS_HEAP_ENTRY entry = {0};
    size_t total = 0;

    HeapLock(GetProcessHeap());
    while (HeapWalk(GetProcessHeap(), &entry))
        total += entry.wFlags & PROCESS_HEAP_ENTRY_BUSY ? entry.cbData : 0;
    HeapUnlock(GetProcessHeap());
    return total;
}

static size_t private_bytes(void)
{
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};

    return GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)
               ? counters.PagefileUsage
               : 0;
}

/* ---- the checks ---- */

static bool prepared(struct hook_set *set, const struct hook_request *requests, unsigned count)
{
    if (hook_set_prepare(set, requests, count))
        return true;
    printf("     %s (%lu)\n", set->failure, set->error);
    for (unsigned i = 0; i < set->count; i++) {
        if (set->hooks[i].refusal)
            printf("     %s: %s (%lu)\n", set->hooks[i].name, set->hooks[i].refusal,
                   set->hooks[i].error);
    }
    return false;
}

static bool drained(struct hook_set *set)
{
    const struct code_range gate = {(uintptr_t)gate_entry(0), (uintptr_t)gate_code_end};

    for (unsigned i = 0; i < 2000; i++) {
        if (hook_set_quiescent(set, &gate, 1, &gate_in_flight))
            return true;
        Sleep(1);
    }
    return false;
}

static void check_runtime_exports(void)
{
    HMODULE runtime = LoadLibraryW(L"rpcrt4.dll");
    struct hook_request requests[HOOK_SET_CAPACITY];
    uint8_t before[HOOK_SET_CAPACITY][BYTES_COMPARED];
    struct hook_set set;
    unsigned count = 0;

    for (unsigned i = 0; i < sizeof exports / sizeof *exports; i++) {
        void *target = (void *)GetProcAddress(runtime, exports[i]);
        if (!target) {
            printf("     %s is not exported here\n", exports[i]);
            continue;
        }
        requests[count] = request(exports[i], target, count);
        count++;
    }
    check(count >= REQUIRED_EXPORTS, "rpcrt4 exports %u of the entry points", count);
    bool ready = prepared(&set, requests, count);
    check(ready, "every entry point is accepted");
    if (!ready)
        return;
    for (unsigned i = 0; i < count; i++)
        memcpy(before[i], set.hooks[i].target, BYTES_COMPARED);
    struct footprint clean = measure();
    check(hook_set_install(&set), "all are hooked: %s", set.failure ? set.failure : "yes");
    for (unsigned i = 0; i < count; i++)
        check(set.hooks[i].target[0] == 0xe9 &&
                  memcmp(set.hooks[i].target + 5, before[i] + 5, BYTES_COMPARED - 5) == 0,
              "%s: five bytes differ%s", set.hooks[i].name, set.hooks[i].shared ? ", shared" : "");
    struct footprint hooked = measure();
    check(hooked.writable_executable == clean.writable_executable &&
              hooked.executable == clean.executable,
          "no page is left writable and executable");
    check(hook_set_remove(&set), "all are unhooked: %s", set.failure ? set.failure : "yes");
    for (unsigned i = 0; i < count; i++)
        check(memcmp(set.hooks[i].target, before[i], BYTES_COMPARED) == 0,
              "%s: the bytes are as before", set.hooks[i].name);
    struct footprint after = measure();
    check(same_footprint(&clean, &after), "memory and its protection are as before");
    check(drained(&set), "the set is quiescent");
    hook_set_free(&set);
}

static void check_calls(void)
{
    const struct hook_request requests[] = {
        request("mix", (void *)mix, 0),
        request("raise_code", (void *)raise_code, 1),
        request("calls_early", (void *)calls_early, 2),
    };
    struct hook_set set;

    bool ready = prepared(&set, requests, 3) && hook_set_install(&set);
    check(ready, "functions of our own are hooked: %s", set.failure ? set.failure : "yes");
    if (!ready)
        return;
    enters = leaves = 0;
    check(call_mix(1, 2, 3, 4) == 4321, "a hooked call returns its result");
    check(last_index == 0 && last_arguments.value[0] == 1 && last_arguments.value[1] == 2 &&
              last_arguments.value[2] == 3 && last_arguments.value[3] == 4,
          "gate_enter saw the four arguments");
    check(enters == 1 && leaves == 1 && gate_in_flight == 0,
          "one enter, one leave, none in flight");
    check(catches(call_raise, 1722) == CAUGHT(1722), "an exception passes the gate");
    check(enters == 2 && leaves == 2 && gate_in_flight == 0,
          "and is left once: %lld enters, %lld leaves, %ld in flight", enters, leaves,
          gate_in_flight);
    check(catches(calls_early, 1723) == CAUGHT(1723),
          "an exception passes a call that moved into the trampoline");
    check(enters == 4 && leaves == 4 && gate_in_flight == 0,
          "through both gates: %lld enters, %lld leaves, %ld in flight", enters, leaves,
          gate_in_flight);
    check(hook_set_remove(&set) && drained(&set), "they are unhooked");
    check(call_mix(1, 2, 3, 4) == 4321 && enters == 4, "and the gate is not passed any more");
    hook_set_free(&set);
}

static void check_blocking(void)
{
    const struct hook_request requests[] = {
        request("raise_code", (void *)raise_code, BLOCKED_GATE)};
    struct hook_set set;

    enters = leaves = 0;
    bool ready = prepared(&set, requests, 1) && hook_set_install(&set);
    check(ready, "a function that gate_enter blocks is hooked");
    check(catches(call_raise, 1722) == CAUGHT(REFUSAL_CODE),
          "the caller gets gate_enter's exception, not the function's");
    check(enters == 1 && leaves == 1 && gate_in_flight == 0,
          "%lld enters, %lld leaves, %ld in flight", enters, leaves, gate_in_flight);
    check(foreign_frames == 0, "each frame was zeroed, aligned and the same for enter and leave");
    check(hook_set_remove(&set) && drained(&set), "it is unhooked");
    hook_set_free(&set);
}

static void check_refusal(void)
{
    const struct hook_request requests[] = {
        request("mix", (void *)mix, 0),
        request("refused_start", (void *)refused_start, 1),
        request("data", &failures, 2),
    };
    struct hook_set set;
    uint8_t mix_before[BYTES_COMPARED], refused_before[9];

    memcpy(mix_before, (void *)mix, sizeof mix_before);
    memcpy(refused_before, (void *)refused_start, sizeof refused_before);
    struct footprint before = measure();
    bool accepted = hook_set_prepare(&set, requests, 3);
    struct footprint after = measure();
    check(!accepted && set.hooks[1].refusal && set.hooks[2].refusal && !set.hooks[0].refusal,
          "a set is refused for its bad functions: %s; %s", set.hooks[1].refusal,
          set.hooks[2].refusal);
    check(!hook_set_install(&set) && !set.installed, "it cannot be installed: %s", set.failure);
    check(memcmp(mix_before, (void *)mix, sizeof mix_before) == 0 &&
              memcmp(refused_before, (void *)refused_start, sizeof refused_before) == 0,
          "all bytes are as before");
    check(same_footprint(&before, &after), "no memory was left or changed");
    hook_set_free(&set);
    check(call_mix(1, 1, 1, 1) == 1111, "the good function of the set works");
}

/* Two engines on one function: the later one goes first, and the earlier cannot be removed under
 * it. */
static void check_hook_upon_hook(void)
{
    const struct hook_request first[] = {request("mix", (void *)mix, 0)};
    const struct hook_request second[] = {request("mix", (void *)mix, 1)};
    struct hook_set lower, upper;

    check(prepared(&lower, first, 1) && hook_set_install(&lower) && prepared(&upper, second, 1) &&
              hook_set_install(&upper),
          "a hooked function is hooked again");
    enters = leaves = 0;
    check(call_mix(1, 2, 3, 4) == 4321 && enters == 2 && leaves == 2, "both gates are passed");
    bool removed = hook_set_remove(&lower);
    check(!removed && lower.installed && lower.hooks[0].refusal, "the lower one is not removed: %s",
          lower.hooks[0].refusal);
    check(call_mix(1, 2, 3, 4) == 4321 && enters == 4, "and both still work");
    check(hook_set_remove(&upper) && hook_set_remove(&lower), "both go in the right order");
    check(drained(&upper) && drained(&lower), "both are quiescent");
    hook_set_free(&upper);
    hook_set_free(&lower);
    check(call_mix(1, 2, 3, 4) == 4321 && enters == 4, "the function is free");
}

/* An import thunk leads to the function itself; two names of one function share a hook. */
static void check_thunks(void)
{
    uint8_t *thunk = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
    void *destination = (void *)mix;
    struct hook_set set;

    if (!thunk) {
        check(false, "memory for a thunk");
        return;
    }
    memcpy(thunk, "\xff\x25\x02\x00\x00\x00\x90\x90", 8);
    memcpy(thunk + 8, &destination, sizeof destination);
    const struct hook_request requests[] = {request("thunk", thunk, 0),
                                            request("mix", (void *)mix, 1)};
    check(prepared(&set, requests, 2) && set.hooks[0].target == (uint8_t *)destination &&
              set.hooks[1].shared,
          "a thunk leads to its function, hooked once for two names");
    enters = 0;
    check(hook_set_install(&set) && call_mix(1, 2, 3, 4) == 4321 && enters == 1,
          "which passes one gate");
    check(hook_set_remove(&set) && drained(&set), "and is unhooked");
    hook_set_free(&set);
    VirtualFree(thunk, 0, MEM_RELEASE);
}

/* ---- many rounds under load ---- */

static volatile LONG stop;
static volatile LONG64 calls, wrong;

static DWORD WINAPI call_in_a_loop(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; !stop; i++) {
        InterlockedIncrement64(&calls);
        /* Let wineserver have a processor: each round makes some hundred requests to it. */
        if (i % 200 == 0)
            Sleep(0);
        if (call_mix(i, 2, 3, 4) != i + 4320)
            InterlockedIncrement64(&wrong);
        if (i % 20000 == 0 && catches(call_raise, 1722) != CAUGHT(1722))
            InterlockedIncrement64(&wrong);
        if (i % 20000 == 10000 && catches(calls_early, 1723) != CAUGHT(1723))
            InterlockedIncrement64(&wrong);
    }
    return 0;
}

static DWORD WINAPI call_once(void *unused)
{
    (void)unused;
    return call_mix(1, 2, 3, 4) != 4321;
}

/* Threads that come and go while others are being suspended. */
static DWORD WINAPI start_threads(void *unused)
{
    (void)unused;
    while (!stop) {
        DWORD result = 1;
        HANDLE thread = CreateThread(NULL, 0, call_once, NULL, 0, NULL);
        if (!thread || WaitForSingleObject(thread, 60000) != WAIT_OBJECT_0 ||
            !GetExitCodeThread(thread, &result) || result != 0)
            InterlockedIncrement64(&wrong);
        if (thread)
            CloseHandle(thread);
        Sleep(2);
    }
    return 0;
}

static bool one_round(void)
{
    const struct hook_request requests[] = {
        request("mix", (void *)mix, 0),
        request("raise_code", (void *)raise_code, 1),
        request("calls_early", (void *)calls_early, 2),
    };
    struct hook_set set;

    if (!prepared(&set, requests, 3))
        return false;
    if (!hook_set_install(&set) || !hook_set_remove(&set) || !drained(&set)) {
        printf("     %s (%lu), %ld in flight\n", set.failure, set.error, gate_in_flight);
        return false;
    }
    hook_set_free(&set);
    return true;
}

/* What the process has of its own while nothing but this thread runs: a thread that came up just
 * at the moment of measuring would count as up to a megabyte. */
struct own_usage {
    unsigned handles;
    size_t bytes, heap;
};

static struct own_usage measure_use(void)
{
    return (struct own_usage){handle_count(), private_bytes(), heap_bytes()};
}

/* How many of `rounds` succeeded, with the callers running from the first to the last. */
static unsigned rounds_under_load(unsigned rounds)
{
    HANDLE threads[CALLERS + 1];
    unsigned done = 0;

    stop = 0;
    for (unsigned i = 0; i < CALLERS; i++)
        threads[i] = CreateThread(NULL, 0, call_in_a_loop, NULL, 0, NULL);
    threads[CALLERS] = CreateThread(NULL, 0, start_threads, NULL, 0, NULL);
    while (done < rounds && one_round())
        done++;
    stop = 1;
    check(WaitForMultipleObjects(CALLERS + 1, threads, TRUE, 60000) == WAIT_OBJECT_0,
          "the callers end");
    for (unsigned i = 0; i <= CALLERS; i++)
        CloseHandle(threads[i]);
    return done;
}

static void check_rounds(unsigned rounds)
{
    ULONGLONG started = GetTickCount64();

    enters = leaves = 0;
    unsigned done = rounds_under_load(WARM_UP_ROUNDS);
    struct own_usage before = measure_use();
    done += rounds_under_load(rounds);
    struct own_usage after = measure_use();
    check(done == WARM_UP_ROUNDS + rounds, "%u of %u rounds in %llu ms", done,
          WARM_UP_ROUNDS + rounds, GetTickCount64() - started);
    check(wrong == 0 && calls > 0, "%lld calls, %lld wrong", calls, wrong);
    check(enters > 0 && enters == leaves && gate_in_flight == 0 && foreign_frames == 0,
          "%lld passed a gate, %lld left it, %ld in flight", enters, leaves, gate_in_flight);
    check(before.handles > 0 && after.handles <= before.handles, "handles: %u, then %u",
          before.handles, after.handles);
    check(before.bytes > 0 && after.bytes <= before.bytes + (256u << 10),
          "private bytes: %llu, then %llu", (unsigned long long)before.bytes,
          (unsigned long long)after.bytes);
    check(before.heap > 0 && after.heap <= before.heap + (16u << 10), "heap: %llu bytes, then %llu",
          (unsigned long long)before.heap, (unsigned long long)after.heap);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;

    check_runtime_exports();
    check_calls();
    check_blocking();
    check_refusal();
    check_hook_upon_hook();
    check_thunks();
    check_rounds(rounds);
    printf("%u checks failed\n", failures);
    return failures != 0;
}
