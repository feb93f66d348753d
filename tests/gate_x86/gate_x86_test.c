/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 32-bit gate, trampolines and guarded_call, run for real by this machine's processor, in a
 * process without Windows and without a C library: a chain of exception handlers at fs:0, a raise
 * and an RtlUnwind that walk it as the documentation of 32-bit structured exceptions has it. What
 * Windows itself makes of the code is not shown here. One line for each failure; exit status 1 when
 * there is one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "windows/agent/hook/gate.h"
#include "windows/agent/hook/trampoline.h"
#include "windows/agent/rpc/guarded_call.h"

#define STDCALL      __attribute__((stdcall, noinline, noclone))
#define CHAIN_END    ((struct handler_record *)UINTPTR_MAX)
#define UNWINDING    2u
#define REFUSED      5u /* the gate whose gate_enter raises */
#define CHANGED      6u /* the gate whose gate_enter changes an argument */
#define PATTERN      0x5a

#define SYS_EXIT     1
#define SYS_WRITE    4
#define SYS_OLD_MMAP 90  /* its arguments in a structure */
#define SYS_SET_TLS  243 /* set_thread_area */

struct exception {
    uint32_t code;
    uint32_t flags;
};

struct handler_record {
    struct handler_record *next;
    int (*handler)(struct exception *, void *, void *, void *);
};

/* What fs points to: its first word is the head of the chain. */
static struct {
    struct handler_record *head;
} thread = {CHAIN_END};

static unsigned failures, enters, leaves, bad_frames;

/* ---- The system ---- */

static long system_call(long number, long a, long b, long c)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static void quit(int status)
{
    for (;;)
        system_call(SYS_EXIT, status, 0, 0);
}

static void print(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    system_call(SYS_WRITE, 1, (long)text, (long)length);
}

static void check(bool good, const char *what)
{
    if (good)
        return;
    failures++;
    print("FAILED ");
    print(what);
    print("\n");
}

/* As compilers expect to find it. */
void *memset(void *to, int value, size_t count)
{
    volatile unsigned char *bytes = to;

    while (count-- > 0)
        *bytes++ = (unsigned char)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
    volatile unsigned char *target = to;
    const volatile unsigned char *source = from;

    while (count-- > 0)
        *target++ = *source++;
    return to;
}

/* A page that may be written and run. */
static uint8_t *make_page(void)
{
    const uint32_t arguments[] = {0,    4096,       7,
                                  0x22, UINT32_MAX, 0}; /* all rights, private, anonymous */
    long page = system_call(SYS_OLD_MMAP, (long)arguments, 0, 0);

    if (page < 0 && page > -4096) {
        print("FAILED no page for code\n");
        quit(1);
    }
    return (uint8_t *)page;
}

static void make_fs(void)
{
    struct {
        uint32_t entry, base, limit, flags;
    } segment = {UINT32_MAX, (uint32_t)(uintptr_t)&thread, 0xfffff, 0x51}; /* 32-bit, in pages */

    if (system_call(SYS_SET_TLS, (long)&segment, 0, 0) != 0) {
        print("skipped: no segment for fs\n");
        quit(77);
    }
    __asm__ volatile("movw %w0, %%fs" : : "r"(segment.entry << 3 | 3));
}

/* ---- Exceptions ---- */

static void raise(uint32_t code)
{
    struct exception exception = {code, 0};

    for (struct handler_record *record = thread.head; record != CHAIN_END; record = record->next)
        record->handler(&exception, record, NULL, NULL);
    print("FAILED nobody takes an exception\n");
    quit(1);
}

STDCALL void RtlUnwind(struct handler_record *target, void *to, struct exception *exception,
                       void *result);
STDCALL void RtlUnwind(struct handler_record *target, void *to, struct exception *exception,
                       void *result)
{
    (void)to;
    (void)result;
    exception->flags |= UNWINDING;
    while (thread.head != target) {
        struct handler_record *record = thread.head;
        record->handler(exception, record, NULL, NULL);
        thread.head = record->next;
    }
    /* Trashes what the documentation does not promise to keep. */
    __asm__ volatile("" : : : "ebx", "esi", "edi", "memory");
}

/* ---- The agent's side of the gate ---- */

void gate_enter(struct gate_frame *frame, unsigned index, const void *arguments)
{
    uint32_t *values = (uint32_t *)(uintptr_t)arguments;

    enters++;
    for (size_t i = 0; i < GATE_FRAME_SIZE; i++)
        bad_frames += frame->bytes[i] != 0;
    bad_frames += (uintptr_t)frame % 16 != 0 || gate_in_flight <= 0;
    memset(frame, PATTERN, sizeof(*frame));
    if (index == CHANGED)
        values[0] = 40;
    if (index == REFUSED)
        raise(index);
}

void gate_leave(struct gate_frame *frame)
{
    leaves++;
    for (size_t i = 0; i < GATE_FRAME_SIZE; i++)
        bad_frames += frame->bytes[i] != PATTERN;
}

/* ---- Functions behind gates ---- */

static STDCALL uint32_t one(uint32_t a)
{
    return a + 1;
}

static STDCALL uint32_t four(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return a + 10 * b + 100 * c + 1000 * d;
}

static __attribute__((noinline, noclone)) uint32_t removes_nothing(uint32_t a, uint32_t b)
{
    return a - b;
}

static STDCALL uint32_t raises(uint32_t code)
{
    raise(code);
    return 0;
}

/* Through another gate and guarded there, as an RPC server that calls itself. */
static STDCALL uint32_t nests(uint32_t gate)
{
    const uint64_t arguments[GUARDED_ARGUMENTS] = {7};
    bool raised;
    uint64_t value = guarded_call((guarded_function *)gate_entry(gate), arguments, &raised);

    return raised ? 1000 : (uint32_t)value;
}

/* Raises below another gate, and nobody guards in between: both are unwound. */
static STDCALL uint32_t raises_below(uint32_t gate)
{
    return ((uint32_t(__attribute__((stdcall)) *)(uint32_t))gate_entry(gate))(9);
}

static STDCALL uint32_t eight(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e,
                              uint32_t f, uint32_t g, uint32_t h)
{
    return a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 ? h : 0;
}

enum gate { GATE_ONE, GATE_FOUR, GATE_CDECL, GATE_RAISES, GATE_NESTS, GATE_BELOW = 7, GATE_HOOKED };

static void fill_gates(void)
{
    gate_trampolines[GATE_ONE] = (void *)one;
    gate_trampolines[GATE_FOUR] = (void *)four;
    gate_trampolines[GATE_CDECL] = (void *)removes_nothing;
    gate_trampolines[GATE_RAISES] = (void *)raises;
    gate_trampolines[GATE_NESTS] = (void *)nests;
    gate_trampolines[REFUSED] = (void *)one;
    gate_trampolines[CHANGED] = (void *)one;
    gate_trampolines[GATE_BELOW] = (void *)raises_below;
}

/*
 * Calls with `pushed` words on the stack (so with each alignment), and looks what the callee did to
 * ESP and to the registers that it has to keep. Four arguments are pushed; *removed tells how many
 * bytes of them were taken.
 */
static uint32_t call_watched(void *function, unsigned pushed, const uint32_t arguments[4],
                             uint32_t *removed, bool *kept)
{
    static uint32_t result, before, after, b, s, d;
    static void *callee;
    static const uint32_t *given;
    static uint32_t words;

    callee = function;
    given = arguments;
    words = pushed;
    __asm__ volatile("pushl %%ebp\n\t"
                     "movl %%esp, %%ebp\n\t"
                     "andl $-16, %%esp\n\t"
                     "movl %[words], %%ecx\n\t"
                     "shll $2, %%ecx\n\t"
                     "subl %%ecx, %%esp\n\t"
                     "movl %[given], %%ecx\n\t"
                     "pushl 12(%%ecx)\n\t"
                     "pushl 8(%%ecx)\n\t"
                     "pushl 4(%%ecx)\n\t"
                     "pushl (%%ecx)\n\t"
                     "movl %%esp, %[before]\n\t"
                     "movl $0x11, %%ebx\n\t"
                     "movl $0x22, %%esi\n\t"
                     "movl $0x33, %%edi\n\t"
                     "call *%[callee]\n\t"
                     "movl %%esp, %[after]\n\t"
                     "movl %%ebx, %[b]\n\t"
                     "movl %%esi, %[s]\n\t"
                     "movl %%edi, %[d]\n\t"
                     "movl %%eax, %[result]\n\t"
                     "movl %%ebp, %%esp\n\t"
                     "popl %%ebp\n\t"
                     : [result] "=m"(result), [before] "=m"(before), [after] "=m"(after),
                       [b] "=m"(b), [s] "=m"(s), [d] "=m"(d)
                     : [callee] "m"(callee), [given] "m"(given), [words] "m"(words)
                     : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
    *removed = after - before;
    *kept = b == 0x11 && s == 0x22 && d == 0x33;
    return result;
}

/* ---- Checks ---- */

static void check_balance(const char *what)
{
    check(gate_in_flight == 0 && enters == leaves && bad_frames == 0 && thread.head == CHAIN_END,
          what);
}

static void check_returns(void)
{
    static const uint32_t arguments[4] = {1, 2, 3, 4};
    static const struct {
        enum gate gate;
        uint32_t result;
        uint32_t removed;
    } cases[] = {{GATE_ONE, 2, 4}, {GATE_FOUR, 4321, 16}, {GATE_CDECL, UINT32_MAX, 0}};

    for (unsigned pushed = 0; pushed < 4; pushed++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            uint32_t removed;
            bool kept;
            uint32_t result =
                call_watched(gate_entry(cases[i].gate), pushed, arguments, &removed, &kept);
            check(result == cases[i].result, "the original's result comes back");
            check(removed == cases[i].removed, "what the original removes is removed");
            check(kept, "registers are kept");
            check_balance("each call that returns is balanced");
        }
    }
    uint32_t removed;
    bool kept;
    check(call_watched(gate_entry(CHANGED), 0, arguments, &removed, &kept) == 41,
          "a changed argument reaches the original");
    check(enters == 13, "each call was seen");
}

static uint32_t guarded(unsigned gate, uint32_t argument, bool *raised)
{
    const uint64_t arguments[GUARDED_ARGUMENTS] = {argument};

    return (uint32_t)guarded_call((guarded_function *)gate_entry(gate), arguments, raised);
}

static void check_exceptions(void)
{
    bool raised;

    check(guarded(GATE_ONE, 41, &raised) == 42 && !raised, "a guarded call returns");
    check(guarded(GATE_RAISES, 3, &raised) == 0 && raised, "the original raises");
    check_balance("an exception from the original is balanced");
    check(guarded(REFUSED, 3, &raised) == 0 && raised, "gate_enter raises");
    check_balance("an exception from gate_enter is balanced");
    check(guarded(GATE_NESTS, GATE_ONE, &raised) == 8 && !raised, "a gate inside a gate");
    check(guarded(GATE_NESTS, GATE_RAISES, &raised) == 1000 && !raised,
          "an exception that is taken between two gates unwinds the inner one");
    check_balance("and is balanced");
    check(guarded(GATE_BELOW, GATE_RAISES, &raised) == 0 && raised,
          "an exception through two gates unwinds both");
    check_balance("and is balanced, too");
    for (int i = 0; i < 100000; i++)
        guarded(i % 2 ? REFUSED : GATE_FOUR, 1, &raised);
    check_balance("nothing is left of a hundred thousand calls");
}

static void check_guard(void)
{
    const uint64_t arguments[GUARDED_ARGUMENTS] = {1, 2, 3, 4, 5, 6, 7, 8};
    bool raised = true;

    check(guarded_call((guarded_function *)eight, arguments, &raised) == 8 && !raised,
          "eight arguments reach a guarded function");
    check(guarded_call((guarded_function *)removes_nothing, arguments, &raised) == UINT32_MAX &&
              !raised,
          "a guarded function may leave its arguments to the caller");
    check(guarded_call((guarded_function *)raises, arguments, &raised) == 0 && raised,
          "a guarded function may raise");
    check(thread.head == CHAIN_END, "the guard leaves the chain as it was");
}

/* ---- Hooked functions ---- */

/* Each takes one argument and returns 100 more (42 for 0 in the last), removing it. */
static const struct {
    const char *what;
    uint8_t bytes[32];
    bool hooked;
    uint32_t argument;
    uint32_t result;
} functions[] = {
    {"the prologue that Windows' own functions have",
     {0x8b, 0xff, 0x55, 0x8b, 0xec, 0x8b, 0x45, 0x08, 0x83, 0xc0, 0x64, 0x5d, 0xc2, 0x04, 0x00},
     true,
     1,
     101},
    {"inc, dec and push, which are prefixes in 64-bit mode",
     {0x8b, 0x44, 0x24, 0x04, 0x40, 0x48, 0x83, 0xc0, 0x64, 0xc2, 0x04, 0x00},
     true,
     2,
     102},
    {"an absolute address",
     {0xa1, 0x00, 0x00, 0x00, 0x00, 0x8b, 0x44, 0x24, 0x04, 0x83, 0xc0, 0x64, 0xc2, 0x04, 0x00},
     true,
     3,
     103},
    {"a short branch, not taken",
     {0x8b, 0x44, 0x24, 0x04, 0x85, 0xc0, 0x74, 0x06, 0x83, 0xc0, 0x64,
      0xc2, 0x04, 0x00, 0xb8, 42,   0,    0,    0,    0xc2, 0x04, 0x00},
     true,
     4,
     104},
    {"a return before five bytes", {0xc2, 0x04, 0x00}, false, 0, 0},
};

static bool hook(uint8_t *page, const uint8_t *bytes, unsigned gate)
{
    uint8_t *relay = page + 256;
    uint8_t *moved = page + 512;
    const struct trampoline_addresses at = {(uintptr_t)page, (uintptr_t)relay, (uintptr_t)moved};
    struct trampoline trampoline;

    memset(page, 0xcc, 1024);
    memcpy(page, bytes, sizeof(functions[0].bytes));
    if (page[0] == 0xa1) { /* reads what lies behind it */
        uint32_t address = (uint32_t)(uintptr_t)page + 900;
        memcpy(page + 1, &address, sizeof(address));
    }
    if (trampoline_build(page, sizeof(functions[0].bytes), &at, &trampoline) != TRAMPOLINE_OK)
        return false;
    relay_build(relay, (uintptr_t)gate_entry(gate));
    memcpy(moved, trampoline.code, trampoline.code_length);
    memcpy(page, trampoline.patch, TRAMPOLINE_PATCH_SIZE);
    gate_trampolines[gate] = moved;
    return true;
}

static void check_hooks(void)
{
    uint8_t *page = make_page();

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        const uint32_t arguments[4] = {functions[i].argument};
        uint32_t removed;
        bool kept;
        unsigned before = enters;
        bool hooked = hook(page, functions[i].bytes, GATE_HOOKED);
        check(hooked == functions[i].hooked, functions[i].what);
        if (!hooked)
            continue;
        check(call_watched(page, 0, arguments, &removed, &kept) == functions[i].result &&
                  removed == 4 && kept && enters == before + 1,
              functions[i].what);
        check_balance("a hooked call is balanced");
    }
}

void start(void);
__attribute__((force_align_arg_pointer, noreturn)) void start(void)
{
    make_fs();
    fill_gates();
    check_returns();
    check_exceptions();
    check_guard();
    check_hooks();
    check(gate_entry(GATE_COUNT) == NULL, "there are no more gates");
    print(failures ? "failures\n" : "ok\n");
    quit(failures != 0);
    __builtin_unreachable();
}
